using System;
using System.Threading;

namespace ZeroDuplex.Tests.Hostile
{
    /// <summary>A peer that changes a word again and again while operations read it.</summary>
    internal sealed class Flipper : IDisposable
    {
        private readonly AutoResetEvent begin = new AutoResetEvent(false);
        private readonly AutoResetEvent stopped = new AutoResetEvent(false);
        private readonly Thread thread;
        private Word word;
        private ulong one;
        private ulong other;
        private bool running;
        private volatile bool stop;
        private volatile bool end;
        private long flips;

        internal Flipper()
        {
            thread = new Thread(Run) { IsBackground = true };
            thread.Start();
        }

        internal long Flips
        {
            get { return Interlocked.Read(ref flips); }
        }

        public void Dispose()
        {
            Stop();
            end = true;
            begin.Set();
            thread.Join();
            begin.Dispose();
            stopped.Dispose();
        }

        /// <summary>Makes the word change between two values until <see cref="Stop"/>.</summary>
        internal void Start(Word at, ulong first, ulong second)
        {
            Stop();
            word = at;
            one = first;
            other = second;
            stop = false;
            running = true;
            begin.Set();
        }

        /// <summary>Returns when nothing is written any more.</summary>
        internal void Stop()
        {
            if (!running)
            {
                return;
            }

            stop = true;
            stopped.WaitOne();
            running = false;
        }

        private void Run()
        {
            while (begin.WaitOne() && !end)
            {
                long count = 0;
                do
                {
                    word.Store(++count % 2 == 0 ? one : other);
                }
                while (!stop);
                Interlocked.Add(ref flips, count);
                stopped.Set();
            }
        }
    }
}
