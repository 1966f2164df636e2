using System;

namespace ZeroDuplex
{
    /// <summary>Supplies the memory of a segment. Dispose gives the memory back; nobody may use it afterwards. Not thread-safe.</summary>
    public interface IMemoryProvider : IDisposable
    {
        /// <summary>Start of the memory, on a 64-byte boundary; zero before <see cref="Allocate"/>.</summary>
        IntPtr Address { get; }

        /// <summary>Length of the memory in bytes, 0 before <see cref="Allocate"/>.</summary>
        long Size { get; }

        /// <summary>Makes new, zeroed memory. A provider of existing memory refuses with <see cref="InvalidArgumentException"/>.</summary>
        /// <param name="name">Name of the channel it is for.</param>
        /// <param name="size">Bytes wanted, above 0.</param>
        /// <param name="mode">Permission bits, such as 0600 (octal).</param>
        void Allocate(string name, long size, int mode);
    }
}
