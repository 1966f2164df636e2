using System;
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
            RequestMetadata = Metadata(Request, start, layout.MetadataRequest);
            ResponseMetadata = Metadata(Response, start, layout.MetadataResponse);
        }

        internal string Name { get; }

        internal IMemoryProvider Provider { get; }

        /// <summary>What became of the wish for its pages.</summary>
        internal MemoryReport Report { get; set; } = MemoryReport.Nothing;

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

        private static MetadataArea Metadata(OiebV2* block, byte* start, Region region)
        {
            return new MetadataArea(&block->MetadataFreeBytes, &block->MetadataWrittenBytes, start + region.Offset, region.Size);
        }
    }
}
