namespace ZeroDuplex
{
    /// <summary>How large a channel's segment is and where its memory comes from. Immutable.</summary>
    public sealed class BufferConfig
    {
        /// <summary>4 KiB of metadata each way and 16 MiB of payload.</summary>
        public static readonly BufferConfig Default = new BufferConfig((long)Wire.DefaultV2MetadataSize, (long)Wire.DefaultV2PayloadSize);

        /// <summary>Asks for a shared-memory object of the channel's own. Sizes are in bytes and rounded up to multiples of 64.</summary>
        /// <param name="metadataSize">Size of each of the two metadata blocks; eight bytes of it are a length prefix.</param>
        /// <param name="payloadSize">Size of the ring of frames, at least 128. A frame takes a header of 64 bytes and its capacity.</param>
        public BufferConfig(long metadataSize, long payloadSize)
            : this(metadataSize, payloadSize, null)
        {
        }

        /// <summary>
        /// Puts the channel into existing memory; the payload takes all that the rest of the segment leaves. Such a channel has no
        /// liveness: see <see cref="SharedMemoryView"/>.
        /// </summary>
        /// <param name="metadataSize">Size of each of the two metadata blocks in bytes.</param>
        /// <param name="view">The memory.</param>
        public BufferConfig(long metadataSize, SharedMemoryView view)
            : this(metadataSize, PayloadIn(metadataSize, view), view)
        {
        }

        /// <summary>Lets a provider of the application's own supply the memory.</summary>
        /// <param name="metadataSize">Size of each of the two metadata blocks in bytes.</param>
        /// <param name="payloadSize">Size of the ring of frames in bytes.</param>
        /// <param name="memory">The provider, or null for a shared-memory object. The server disposes of it when it stops.</param>
        public BufferConfig(long metadataSize, long payloadSize, IMemoryProvider memory)
        {
            MetadataSize = metadataSize;
            PayloadSize = payloadSize;
            Memory = memory;
        }

        /// <summary>Size in bytes of each of the two metadata blocks, as asked for.</summary>
        public long MetadataSize { get; }

        /// <summary>Size in bytes of the ring of frames, as asked for.</summary>
        public long PayloadSize { get; }

        /// <summary>Where the segment goes; null for a shared-memory object of the channel's name.</summary>
        public IMemoryProvider Memory { get; }

        internal SegmentV2 Layout(string operation, string channel)
        {
            string problem = null;
            SegmentV2 layout = default(SegmentV2);
            if (Memory is SharedMemoryView && PayloadSize < (long)Wire.MinPayloadSize)
            {
                problem = "a view of " + Memory.Size + " bytes with " + MetadataSize + " of metadata each way leaves no room for a payload of "
                    + Wire.MinPayloadSize + " bytes";
            }
            else if (PayloadSize < (long)Wire.MinPayloadSize)
            {
                problem = "payload size " + PayloadSize + " is below " + Wire.MinPayloadSize + " bytes";
            }
            else if (PayloadSize > (long)Wire.MaxPayloadSize)
            {
                problem = "payload size " + PayloadSize + " is above " + Wire.MaxPayloadSize + " bytes";
            }
            else if (MetadataSize < 0 || MetadataSize > (long)Wire.MaxMetadataSize)
            {
                problem = "metadata size " + MetadataSize + " is not 0 to " + Wire.MaxMetadataSize + " bytes";
            }
            else if (!Wire.TryResolveSegmentV2((ulong)MetadataSize, (ulong)MetadataSize, (ulong)PayloadSize, out layout))
            {
                problem = "metadata size " + MetadataSize + " and payload size " + PayloadSize + " make no segment";
            }

            if (problem != null)
            {
                throw Failures.Make(ErrorCode.InvalidArgument, operation, channel, problem);
            }

            return layout;
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

            long left = view.Size - (long)smallest.Payload.Offset;
            return left <= 0 ? 0 : left & ~((long)Wire.BlockAlignment - 1);
        }
    }
}
