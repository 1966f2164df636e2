using System;
using System.Threading;
using ZeroDuplex.Ring;

namespace ZeroDuplex
{
    /// <summary>One mapped in-place duplex segment with its semaphores and what tells who lives. Both sides use it.</summary>
    internal sealed unsafe class Segment : IDisposable
    {
        /// <summary>Lays the regions over memory whose length was checked against the layout.</summary>
        internal Segment(string name, IMemoryProvider provider, SegmentV2 layout)
        {
            var start = (byte*)provider.Address;
            Name = name;
            Provider = provider;
            Memory = new RingMemory(
                (OiebV2*)(start + layout.OiebRequest.Offset),
                (OiebV2*)(start + layout.OiebResponse.Offset),
                start + layout.Payload.Offset,
                layout.Payload.Size);
            Request = Memory.Request;
            Response = Memory.Response;
            RequestMetadata = new MetadataArea(Request, start + layout.MetadataRequest.Offset, layout.MetadataRequest.Size);
            ResponseMetadata = new MetadataArea(Response, start + layout.MetadataResponse.Offset, layout.MetadataResponse.Size);
        }

        internal string Name { get; }

        internal IMemoryProvider Provider { get; }

        internal RingMemory Memory { get; }

        internal OiebV2* Request { get; }

        internal OiebV2* Response { get; }

        internal MetadataArea RequestMetadata { get; }

        internal MetadataArea ResponseMetadata { get; }

        internal Liveness Life { get; set; }

        internal SegmentSemaphores Semaphores { get; set; }

        /// <summary>Ends this process's use of the segment. Nobody may use it, its frames or its semaphores any more.</summary>
        public void Dispose()
        {
            if (Semaphores != null)
            {
                Semaphores.Dispose();
            }

            if (Life != null)
            {
                Life.Dispose();
            }

            Provider.Dispose();
        }
    }

    /// <summary>One side's metadata: a length prefix and the content, announced by written_bytes in the block.</summary>
    internal sealed unsafe class MetadataArea
    {
        private readonly OiebV2* block;
        private readonly MetadataBlock* prefix;
        private readonly ulong size;

        internal MetadataArea(OiebV2* block, byte* start, ulong size)
        {
            this.block = block;
            prefix = (MetadataBlock*)start;
            this.size = size;
        }

        private byte* Content
        {
            get { return (byte*)prefix + Wire.MetadataPrefixSize; }
        }

        /// <summary>Stores the own side's metadata; written_bytes last. Pairs with <see cref="Read"/> on the other side.</summary>
        internal void Write(string channel, ReadOnlySpan<byte> content)
        {
            ulong written = (ulong)content.Length + Wire.MetadataPrefixSize;
            if (written > size)
            {
                ulong room = Math.Max(size, Wire.MetadataPrefixSize) - Wire.MetadataPrefixSize;
                throw Failures.Make(ErrorCode.MetadataTooLarge, "set metadata", channel, content.Length + " bytes, room for " + room);
            }

            content.CopyTo(new Span<byte>(Content, content.Length));
            prefix->ContentLength = (ulong)content.Length;
            Volatile.Write(ref block->MetadataFreeBytes, size - written);
            Volatile.Write(ref block->MetadataWrittenBytes, written);
        }

        /// <summary>Copies the other side's metadata, null when it has written none. Pairs with <see cref="Write"/>.</summary>
        internal byte[] Read(string channel)
        {
            ulong written = Volatile.Read(ref block->MetadataWrittenBytes);
            if (written == 0)
            {
                return null;
            }

            if (written < Wire.MetadataPrefixSize || written > size)
            {
                throw Corrupted(channel, "metadata_written_bytes " + written + " in a block of " + size);
            }

            ulong length = prefix->ContentLength;
            if (length != written - Wire.MetadataPrefixSize)
            {
                throw Corrupted(channel, "length prefix " + length + ", metadata_written_bytes " + written);
            }

            return new ReadOnlySpan<byte>(Content, (int)length).ToArray();
        }

        /// <summary>Forgets what was written.</summary>
        internal void Reset()
        {
            Volatile.Write(ref block->MetadataWrittenBytes, 0);
            Volatile.Write(ref block->MetadataFreeBytes, size);
        }

        private static ZeroDuplexException Corrupted(string channel, string detail)
        {
            return Failures.Make(ErrorCode.Corrupted, "read metadata", channel, detail);
        }
    }
}
