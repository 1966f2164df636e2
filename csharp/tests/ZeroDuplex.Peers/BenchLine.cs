using System;
using System.IO;
using System.IO.MemoryMappedFiles;
using System.Threading;

namespace ZeroDuplex.Peers
{
    /// <summary>
    /// The control file of a measurement: one cache line bounced between client and server while the server's handler runs, which is the
    /// raw limit of the machine. Neither side pauses; both give up after 10 s without progress.
    /// </summary>
    internal sealed unsafe class BenchLine : IDisposable
    {
        internal const uint Opcode = 1; // asks the server's handler for a limit batch
        internal const int Rounds = 2000;

        private const int Warmup = 100; // first samples of a batch, dropped
        private const int FileSize = 4096;
        private const long Magic = 0x3148434E4542445A; // "ZDBENCH1" in memory order
        private const int RoundsOffset = 0x080;
        private const int BallOffset = 0x100;
        private const long MostRounds = 1000000;
        private const int LooksPerClock = 1 << 20;
        private const long StallLimit = 10000000000; // nanoseconds

        private readonly MemoryMappedFile file;
        private readonly MemoryMappedViewAccessor view;
        private readonly long* rounds;
        private readonly long* ball;

        internal BenchLine(string path)
        {
            if (new FileInfo(path).Length != FileSize)
            {
                throw new InvalidDataException(path + " is not a benchmark control file: want " + FileSize + " bytes");
            }

            file = MemoryMappedFile.CreateFromFile(path, FileMode.Open, null, FileSize);
            view = file.CreateViewAccessor(0, FileSize);
            byte* start = null;
            view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
            if (*(long*)start != Magic)
            {
                Dispose();
                throw new InvalidDataException(path + " is not a benchmark control file: its first eight bytes are others");
            }

            rounds = (long*)(start + RoundsOffset);
            ball = (long*)(start + BallOffset);
        }

        /// <summary>Resets the ball; publishing the frame with the opcode makes it visible to the handler.</summary>
        internal void Prepare()
        {
            Volatile.Write(ref *ball, 0);
            Volatile.Write(ref *rounds, Rounds);
        }

        /// <summary>The client's side.</summary>
        internal void Serve(Samples samples)
        {
            long before = BenchSystem.Now;
            for (int i = 1; i <= Rounds; i++)
            {
                Volatile.Write(ref *ball, (2L * i) - 1); // pairs with the acquire load in Return
                Await(2L * i);
                long now = BenchSystem.Now;
                if (i > Warmup)
                {
                    samples.Add(before, now);
                }

                before = now;
            }
        }

        /// <summary>The server's side, run by its handler.</summary>
        internal void Return()
        {
            long n = Volatile.Read(ref *rounds);
            if (n < 1 || n > MostRounds)
            {
                throw new InvalidDataException(n + " rounds asked for, want 1 to " + MostRounds);
            }

            for (long i = 1; i <= n; i++)
            {
                Await((2 * i) - 1);
                Volatile.Write(ref *ball, 2 * i); // pairs with the acquire load in Serve
            }
        }

        public void Dispose()
        {
            view.SafeMemoryMappedViewHandle.ReleasePointer();
            view.Dispose();
            file.Dispose();
        }

        private void Await(long wanted)
        {
            long deadline = 0;
            for (int looks = 1; Volatile.Read(ref *ball) != wanted; looks++)
            {
                if (looks % LooksPerClock == 0)
                {
                    long now = BenchSystem.Now;
                    deadline = deadline == 0 ? now + StallLimit : deadline;
                    if (now > deadline)
                    {
                        throw new InvalidDataException("the peer did not return the ball for 10 s");
                    }
                }
            }
        }
    }
}
