namespace ZeroDuplex
{
    /// <summary>How large a channel's segment, or a ZeroBuffer v1 buffer, is and where its memory comes from. Immutable.</summary>
    public sealed class BufferConfig
    {
        /// <summary>What in-place channels have unless told otherwise: 4 KiB of metadata each way and 16 MiB of payload.</summary>
        public static readonly BufferConfig Default = new BufferConfig((long)Wire.DefaultV2MetadataSize, (long)Wire.DefaultV2PayloadSize);

        /// <summary>What everything of v1 has unless told otherwise: 4 KiB of metadata and 256 MiB of payload.</summary>
        public static readonly BufferConfig DefaultV1 = new BufferConfig((long)Wire.DefaultV1MetadataSize, (long)Wire.DefaultV1PayloadSize);

        private readonly bool fills; // the payload takes all that a view has

        /// <summary>Asks for a shared-memory object of the channel's own. Sizes are in bytes and rounded up to multiples of 64.</summary>
        /// <param name="metadataSize">Size of a metadata block, of which an in-place channel has two; eight bytes of it are a length prefix.</param>
        /// <param name="payloadSize">
        /// Size of the ring of frames. In place, at least 128; a frame takes a header of 64 bytes and its capacity. In v1, a frame takes a
        /// header of 16 bytes and its data, and only one of both together at most half the payload less 8 bytes can be written at any time.
        /// </param>
        public BufferConfig(long metadataSize, long payloadSize)
            : this(metadataSize, payloadSize, null)
        {
        }

        /// <summary>
        /// Puts the channel into existing memory; the payload takes all that the rest of the segment leaves. Such a channel has no
        /// liveness: see <see cref="SharedMemoryView"/>.
        /// </summary>
        /// <param name="metadataSize">Size of a metadata block in bytes.</param>
        /// <param name="view">The memory.</param>
        public BufferConfig(long metadataSize, SharedMemoryView view)
            : this(metadataSize, PayloadIn(metadataSize, view), view)
        {
            fills = true;
        }

        /// <summary>Lets a provider of the application's own supply the memory.</summary>
        /// <param name="metadataSize">Size of a metadata block in bytes.</param>
        /// <param name="payloadSize">Size of the ring of frames in bytes.</param>
        /// <param name="memory">The provider, or null for a shared-memory object. It is disposed of when the server stops or the reader closes.</param>
        public BufferConfig(long metadataSize, long payloadSize, IMemoryProvider memory)
        {
            MetadataSize = metadataSize;
            PayloadSize = payloadSize;
            Memory = memory;
        }

        /// <summary>Size in bytes of a metadata block, as asked for.</summary>
        public long MetadataSize { get; }

        /// <summary>Size in bytes of the ring of frames, as asked for; with a view, what an in-place channel gets.</summary>
        public long PayloadSize { get; }

        /// <summary>Where the segment goes; null for a shared-memory object of the channel's name.</summary>
        public IMemoryProvider Memory { get; }

        internal SegmentV2 Layout(string operation, string channel)
        {
            SegmentV2 layout;
            bool made = Wire.TryResolveSegmentV2(Bytes(MetadataSize), Bytes(MetadataSize), Bytes(PayloadSize), out layout);
            Check(operation, channel, PayloadSize, (long)Wire.MinPayloadSize, made);
            return layout;
        }

        /// <summary>The layout of a v1 buffer.</summary>
        internal SegmentV1 LayoutV1(string operation, string channel)
        {
            SegmentV1 layout;
            long payload = PayloadSize;
            if (fills)
            {
                Wire.TryResolveSegmentV1(Bytes(MetadataSize), 0, out layout);
                payload = Left(Memory.Size, layout.Payload.Offset);
            }

            bool made = Wire.TryResolveSegmentV1(Bytes(MetadataSize), Bytes(payload), out layout);
            Check(operation, channel, payload, 0, made);
            return layout;
        }

        /// <summary>A size for the layout, which refuses those that are negative as much too large.</summary>
        private static ulong Bytes(long size)
        {
            return (ulong)size;
        }

        /// <summary>Names the size that is wrong.</summary>
        private void Check(string operation, string channel, long payload, long least, bool made)
        {
            string problem = null;
            if (fills && payload < least)
            {
                problem = "a view of " + Memory.Size + " bytes with metadata of " + MetadataSize + " leaves no room for a payload of " + least + " bytes";
            }
            else if (payload < least)
            {
                problem = "payload size " + payload + " is below " + least + " bytes";
            }
            else if (payload > (long)Wire.MaxPayloadSize)
            {
                problem = "payload size " + payload + " is above " + Wire.MaxPayloadSize + " bytes";
            }
            else if (MetadataSize < 0 || MetadataSize > (long)Wire.MaxMetadataSize)
            {
                problem = "metadata size " + MetadataSize + " is not 0 to " + Wire.MaxMetadataSize + " bytes";
            }
            else if (!made)
            {
                problem = "metadata size " + MetadataSize + " and payload size " + payload + " make no segment";
            }

            if (problem != null)
            {
                throw Failures.Make(ErrorCode.InvalidArgument, operation, channel, problem);
            }
        }

        private static long PayloadIn(long metadataSize, SharedMemoryView view)
        {
            if (view == null)
            {
                throw Failures.Make(ErrorCode.InvalidArgument, "configure buffer", null, "the view is null");
            }

            // The smallest segment tells where a payload starts; all behind it, in whole blocks, is payload.
            SegmentV2 smallest;
            if (metadataSize < 0 || !Wire.TryResolveSegmentV2((ulong)metadataSize, (ulong)metadataSize, Wire.MinPayloadSize, out smallest))
            {
                return 0; // creating the server names the size that is wrong
            }

            return Left(view.Size, smallest.Payload.Offset);
        }

        /// <summary>What memory has behind an offset, in whole blocks; negative when it ends before.</summary>
        private static long Left(long size, ulong offset)
        {
            return (size - (long)offset) & ~((long)Wire.BlockAlignment - 1);
        }
    }
}
