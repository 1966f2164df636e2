using System;

namespace ZeroDuplex.V1
{
    /// <summary>
    /// The shared part of a v1 buffer as both ends see it. Its sizes were validated when it was attached and are never read again. The memory
    /// is whatever the pointers lead to, heap memory in tests.
    /// </summary>
    internal readonly unsafe struct BufferMemory
    {
        internal const ulong HeaderSize = Wire.FrameHeaderV1Size;

        internal readonly OiebV1* Oieb;
        internal readonly byte* Payload;
        internal readonly ulong Size; // of the payload

        internal BufferMemory(OiebV1* oieb, byte* payload, ulong size)
        {
            Oieb = oieb;
            Payload = payload;
            Size = size;
        }

        /// <summary>The largest frame that fits at all.</summary>
        internal int Capacity
        {
            get { return Size <= HeaderSize ? 0 : (int)Math.Min(Size - HeaderSize, Wire.MaxFrameData); }
        }

        /// <summary>The one field that both sides change: for atomic additions.</summary>
        internal long* FreeBytes
        {
            get { return (long*)&Oieb->PayloadFreeBytes; }
        }

        /// <summary>Copies the header at a position, once: what stands there may change. There must be room for one. Headers are not aligned.</summary>
        internal FrameHeaderV1 ReadHeader(ulong position)
        {
            FrameHeaderV1 header;
            new ReadOnlySpan<byte>(Payload + position, (int)HeaderSize).CopyTo(new Span<byte>(&header, (int)HeaderSize));
            return header;
        }

        /// <summary>Stores a header, both fields 0 for a wrap marker.</summary>
        internal void WriteHeader(ulong position, ulong size, ulong sequence)
        {
            var header = new FrameHeaderV1 { PayloadSize = size, SequenceNumber = sequence };
            new ReadOnlySpan<byte>(&header, (int)HeaderSize).CopyTo(new Span<byte>(Payload + position, (int)HeaderSize));
        }
    }
}
