using System;

namespace ZeroDuplex.V1
{
    /// <summary>One mapped v1 buffer with its semaphores. Both sides use it.</summary>
    internal sealed unsafe class MappedBuffer : IDisposable
    {
        /// <summary>Lays the regions over memory whose length was checked against the layout.</summary>
        internal MappedBuffer(IMemoryProvider provider, SegmentV1 layout)
        {
            var start = (byte*)provider.Address;
            Provider = provider;
            Oieb = (OiebV1*)(start + layout.Oieb.Offset);
            Memory = new BufferMemory(Oieb, start + layout.Payload.Offset, layout.Payload.Size);
            Metadata = new MetadataArea(
                &Oieb->MetadataFreeBytes, &Oieb->MetadataWrittenBytes, start + layout.Metadata.Offset, layout.Metadata.Size);
        }

        internal IMemoryProvider Provider { get; }

        /// <summary>What became of the wish for its pages.</summary>
        internal MemoryReport Report { get; set; } = MemoryReport.Nothing;

        internal OiebV1* Oieb { get; }

        internal BufferMemory Memory { get; }

        internal MetadataArea Metadata { get; }

        internal BufferSemaphores Semaphores { get; set; }

        /// <summary>Ends this process's use of the buffer. Nobody may use it, its frames or its semaphores any more.</summary>
        public void Dispose()
        {
            if (Semaphores != null)
            {
                Semaphores.Dispose();
            }

            Provider.Dispose();
        }
    }
}
