using System;

namespace ZeroDuplex.Peers
{
    /// <summary>What copying a frame's bytes takes within one thread, between the same two buffers.</summary>
    internal sealed class BenchCopies
    {
        private const int Run = 1 << 16;
        private const int Most = 1 << 24;

        private readonly byte[] from;
        private readonly byte[] to;

        internal BenchCopies(int size)
        {
            from = new byte[size];
            to = new byte[size];
            for (int i = 0; i < size; i++)
            {
                from[i] = (byte)i; // not the page of zeros that all untouched memory shares
            }
        }

        internal Samples Samples { get; } = new Samples(0);

        /// <summary>Takes up to 16 samples and touches not much more than 16 MiB. Small copies are timed in runs of 64 KiB.</summary>
        internal void Batch()
        {
            if (from.Length == 0)
            {
                return;
            }

            int repeat = Math.Max(1, Run / from.Length);
            int count = Math.Max(1, Math.Min(16, Most / (repeat * from.Length)));
            for (int sample = 0; sample < count; sample++)
            {
                long before = BenchSystem.Now;
                for (int i = 0; i < repeat; i++)
                {
                    Buffer.BlockCopy(from, 0, to, 0, from.Length);
                }

                Samples.Add(before, BenchSystem.Now, repeat);
            }
        }
    }
}
