using System;
using System.Threading;

namespace ZeroDuplex.Peers
{
    /// <summary>
    /// Does a frame's work without any library: two threads of one process, one buffer on the heap and one word that says whose turn it is.
    /// What it takes is the floor for the work itself.
    /// </summary>
    internal sealed class BenchThreads : IDisposable
    {
        private readonly byte[] buffer;
        private readonly Touch touch;
        private readonly int cpu;
        private readonly SemaphoreSlim start = new SemaphoreSlim(0); // the helper sleeps between blocks, or it would compete with the server
        private readonly SemaphoreSlim ready = new SemaphoreSlim(0);
        private long turn; // odd: the helper's; even: ours
        private int frames; // of the next block; -1: end
        private Exception error;

        internal BenchThreads(int size, Touch touch, int cpu)
        {
            buffer = new byte[size];
            this.touch = touch;
            this.cpu = cpu;
            new Thread(Help) { IsBackground = true, Name = "helper" }.Start();
            ready.Wait();
            if (error != null)
            {
                throw error;
            }
        }

        internal Samples Samples { get; } = new Samples(0);

        /// <summary>Measures a block of frames.</summary>
        internal void Block(int count)
        {
            long mine = turn;
            frames = count;
            start.Release();
            long before = BenchSystem.Now;
            for (int i = 0; i < count; i++)
            {
                ulong n = (ulong)(mine / 2) + 1;
                BenchWork.Fill(buffer, n, touch);
                Volatile.Write(ref turn, mine + 1); // pairs with the acquire in Help
                mine += 2;
                while (Volatile.Read(ref turn) != mine)
                {
                    // Pairs with the release in Help.
                }

                BenchWork.Check(buffer, n, touch);
                long now = BenchSystem.Now;
                if (i > 0)
                {
                    Samples.Add(before, now); // the first one waits for the helper to wake
                }

                before = now;
            }
        }

        public void Dispose()
        {
            frames = -1;
            start.Release();
        }

        private void Help()
        {
            try
            {
                BenchSystem.PinThread(0, cpu);
            }
            catch (Exception e)
            {
                error = e;
            }

            ready.Release();
            while (error == null)
            {
                start.Wait();
                long theirs = Volatile.Read(ref turn) & ~1L;
                for (int left = frames; left != 0; left--)
                {
                    if (left < 0)
                    {
                        return;
                    }

                    while (Volatile.Read(ref turn) != theirs + 1)
                    {
                        // Pairs with the release in Block.
                    }

                    BenchWork.Invert(buffer, touch);
                    theirs += 2;
                    Volatile.Write(ref turn, theirs); // pairs with the acquire in Block
                }
            }
        }
    }
}
