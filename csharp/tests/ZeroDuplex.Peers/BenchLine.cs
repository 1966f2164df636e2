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
        internal const long AskNothing = 0;
        internal const long AskLine = 1; // a limit batch over the cache line
        internal const long AskSemaphores = 2; // one over semaphores
        internal const long AskNote = 3; // what the server knows about itself
        internal const long AskMemory = 4; // how much of the channel's memory is the server's
        internal const int Rounds = 2000;

        private const int Warmup = 100; // first samples of a batch, dropped
        private const int FileSize = 4096;
        private const long Magic = 0x3148434E4542445A; // "ZDBENCH1" in memory order
        private const int RoundsOffset = 0x080;
        private const int AskedOffset = 0x088;
        private const int BallOffset = 0x100;
        private const int NoteOffset = 0x180;
        private const int MemoryOffset = 0x1A8;
        private const long MostRounds = 1000000;
        private const int LooksPerClock = 1 << 20;
        private const long StallLimit = 10000000000; // nanoseconds

        private readonly MemoryMappedFile file;
        private readonly MemoryMappedViewAccessor view;
        private readonly long* rounds;
        private readonly long* asked;
        private readonly long* ball;
        private readonly long* note; // allocated + 1, CPU + 1, CPU time, minor and major page faults
        private readonly long* memory; // bytes and one more

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
            asked = (long*)(start + AskedOffset);
            ball = (long*)(start + BallOffset);
            note = (long*)(start + NoteOffset);
            memory = (long*)(start + MemoryOffset);
        }

        /// <summary>What the handler of the next frame is to do; publishing the frame makes it visible. Ask for nothing when it is answered.</summary>
        internal long Asked
        {
            get { return Volatile.Read(ref *asked); }
            set { Volatile.Write(ref *asked, value); }
        }

        /// <summary>How many rounds the client wants, read once.</summary>
        internal long RoundsAskedFor
        {
            get
            {
                long n = Volatile.Read(ref *rounds);
                if (n < 1 || n > MostRounds)
                {
                    throw new InvalidDataException(n + " rounds asked for, want 1 to " + MostRounds);
                }

                return n;
            }
        }

        /// <summary>The server's note: its answer to the frame makes it visible to the client.</summary>
        internal BenchNote Note
        {
            get
            {
                long allocated = Volatile.Read(ref note[0]);
                return new BenchNote
                {
                    Allocated = allocated > 0 ? allocated - 1 : (long?)null,
                    Cpu = (int)Volatile.Read(ref note[1]) - 1,
                    CpuTime = Volatile.Read(ref note[2]),
                    MinorFaults = Volatile.Read(ref note[3]),
                    MajorFaults = Volatile.Read(ref note[4]),
                };
            }

            set
            {
                Volatile.Write(ref note[0], value.Allocated.HasValue ? value.Allocated.Value + 1 : 0);
                Volatile.Write(ref note[1], value.Cpu + 1);
                Volatile.Write(ref note[2], value.CpuTime);
                Volatile.Write(ref note[3], value.MinorFaults);
                Volatile.Write(ref note[4], value.MajorFaults);
            }
        }

        /// <summary>The server's share of the channel's memory in bytes; null: it has not said.</summary>
        internal long? Memory
        {
            get
            {
                long said = Volatile.Read(ref *memory);
                return said > 0 ? said - 1 : (long?)null;
            }

            set
            {
                Volatile.Write(ref *memory, value.HasValue ? value.Value + 1 : 0);
            }
        }

        /// <summary>Resets the ball; publishing the frame makes it visible to the handler.</summary>
        internal void Prepare(long count)
        {
            Volatile.Write(ref *ball, 0);
            Volatile.Write(ref *rounds, count);
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
            long n = RoundsAskedFor;
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
