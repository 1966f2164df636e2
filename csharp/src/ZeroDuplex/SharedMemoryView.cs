using System;

namespace ZeroDuplex
{
    /// <summary>
    /// Existing memory: a mapping of the caller's own, or native memory for both ends in one process. It refuses to allocate and has no
    /// liveness: no lock tells whether the other side lives, so a peer that dies without closing is not noticed. The caller keeps the
    /// memory alive and unmoved until both ends are closed.
    /// </summary>
    public sealed class SharedMemoryView : IMemoryProvider
    {
        /// <summary>Wraps memory.</summary>
        /// <param name="address">Its start, on a 64-byte boundary.</param>
        /// <param name="size">Its length in bytes, above 0.</param>
        public SharedMemoryView(IntPtr address, long size)
        {
            const string Operation = "view memory";
            if (address == IntPtr.Zero || size <= 0)
            {
                throw Failures.Make(ErrorCode.InvalidArgument, Operation, null, "no memory given");
            }

            if ((ulong)address.ToInt64() % Wire.BlockAlignment != 0)
            {
                throw Failures.Make(ErrorCode.InvalidArgument, Operation, null, "the memory does not start on a " + Wire.BlockAlignment + "-byte boundary");
            }

            Address = address;
            Size = size;
        }

        /// <inheritdoc/>
        public IntPtr Address { get; }

        /// <inheritdoc/>
        public long Size { get; }

        /// <summary>Refuses with <see cref="InvalidArgumentException"/>.</summary>
        /// <param name="name">Name of the channel.</param>
        /// <param name="size">Not used.</param>
        /// <param name="mode">Not used.</param>
        public void Allocate(string name, long size, int mode)
        {
            throw Failures.Make(ErrorCode.InvalidArgument, "allocate shared memory", name, "a view maps existing memory and cannot allocate");
        }

        /// <summary>Does nothing: the memory is the caller's.</summary>
        public void Dispose()
        {
        }
    }
}
