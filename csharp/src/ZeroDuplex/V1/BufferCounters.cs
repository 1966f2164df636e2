using System.Threading;
using ZeroDuplex.V1;

namespace ZeroDuplex
{
    /// <summary>
    /// What a ZeroBuffer v1 buffer says of itself. The other side changes it all the time, so the numbers may be of slightly different moments.
    /// </summary>
    public readonly struct BufferCounters
    {
        internal unsafe BufferCounters(BufferMemory memory)
        {
            PayloadSize = memory.Size;
            FreeBytes = (ulong)Volatile.Read(ref *memory.FreeBytes);
            WrittenCount = Volatile.Read(ref memory.Oieb->PayloadWrittenCount);
            ReadCount = Volatile.Read(ref memory.Oieb->PayloadReadCount);
        }

        /// <summary>Size of the ring in bytes.</summary>
        public ulong PayloadSize { get; }

        /// <summary>Bytes of the ring that are not taken by frames: neither unread nor read and not released.</summary>
        public ulong FreeBytes { get; }

        /// <summary>Frames written, and wrap markers, by all writers of the buffer.</summary>
        public ulong WrittenCount { get; }

        /// <summary>Frames read, and wrap markers.</summary>
        public ulong ReadCount { get; }
    }
}
