using System;
using System.IO;
using System.Runtime.InteropServices;
using System.Threading;

namespace ZeroDuplex.Peers
{
    /// <summary>
    /// Does a frame's work without any library: two threads of one process, one buffer of shared memory as a channel's is, all of
    /// it there already, and one word that says whose turn it is.
    /// What it takes is the floor for the work itself.
    /// </summary>
    internal sealed unsafe class BenchThreads : IDisposable
    {
        private const int ReadWrite = 3; // PROT_READ | PROT_WRITE
        private const int SharedAnonymousThere = 0x8021; // MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE

        private readonly void* memory;
        private readonly int size;
        private readonly Touch touch;
        private readonly int cpu;
        private readonly SemaphoreSlim start = new SemaphoreSlim(0); // the helper sleeps between blocks, or it would compete with the server
        private readonly SemaphoreSlim ready = new SemaphoreSlim(0);
        private readonly Thread helper;
        private long turn; // odd: the helper's; even: ours
        private int frames; // of the next block; -1: end
        private Exception error;

        internal BenchThreads(int size, Touch touch, int cpu)
        {
            this.size = size;
            memory = Map(null, Length, ReadWrite, SharedAnonymousThere, -1, IntPtr.Zero);
            if (memory == (void*)-1)
            {
                throw new InvalidDataException("memory for two threads: error number " + Marshal.GetLastWin32Error());
            }

            this.touch = touch;
            this.cpu = cpu;
            helper = new Thread(Help) { IsBackground = true, Name = "helper" };
            helper.Start();
            ready.Wait();
            if (error != null)
            {
                throw error;
            }
        }

        private Span<byte> Buffer
        {
            get { return new Span<byte>(memory, size); }
        }

        private UIntPtr Length
        {
            get { return new UIntPtr((uint)Math.Max(1, size)); } // an empty mapping is refused
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
                BenchWork.Fill(Buffer, n, touch);
                Volatile.Write(ref turn, mine + 1); // pairs with the acquire in Help
                mine += 2;
                while (Volatile.Read(ref turn) != mine)
                {
                    // Pairs with the release in Help.
                }

                BenchWork.Check(Buffer, n, touch, size);
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
            helper.Join();
            Unmap(memory, Length);
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

                    BenchWork.Invert(Buffer, touch);
                    theirs += 2;
                    Volatile.Write(ref turn, theirs); // pairs with the acquire in Block
                }
            }
        }

        [DllImport("libc", EntryPoint = "mmap", SetLastError = true)]
        private static extern void* Map(void* address, UIntPtr length, int protection, int flags, int file, IntPtr offset);

        [DllImport("libc", EntryPoint = "munmap")]
        private static extern int Unmap(void* address, UIntPtr length);
    }
}
