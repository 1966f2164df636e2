using System;
using System.IO;
using System.Runtime.InteropServices;

namespace ZeroDuplex.Peers
{
    /// <summary>
    /// The limit where both sides sleep: the two threads post to each other through two named semaphores, which the driver makes beside the
    /// control file.
    /// </summary>
    internal sealed unsafe class BenchSemaphores : IDisposable
    {
        internal const int Rounds = 500;

        private const int Warmup = 25; // first samples of a batch, dropped
        private const int StallLimit = 10; // seconds
        private const int Monotonic = 1;
        private const int Interrupted = 4; // EINTR

        private readonly IntPtr ping;
        private readonly IntPtr pong;

        internal BenchSemaphores(string control)
        {
            ping = Open(Path.GetFileName(control) + "-ping");
            pong = Open(Path.GetFileName(control) + "-pong");
        }

        /// <summary>The client's side.</summary>
        internal void Serve(Samples samples)
        {
            long before = BenchSystem.Now;
            for (int i = 0; i < Rounds; i++)
            {
                Post(ping);
                Wait(pong);
                long now = BenchSystem.Now;
                if (i >= Warmup)
                {
                    samples.Add(before, now);
                }

                before = now;
            }
        }

        /// <summary>The server's side, run by its handler.</summary>
        internal void Return(long rounds)
        {
            for (; rounds > 0; rounds--)
            {
                Wait(ping);
                Post(pong);
            }
        }

        public void Dispose()
        {
            CloseSemaphore(ping);
            CloseSemaphore(pong);
        }

        private static IntPtr Open(string name)
        {
            IntPtr semaphore = OpenSemaphore("/" + name, 0);
            if (semaphore == IntPtr.Zero)
            {
                throw new InvalidDataException("opening the benchmark's semaphore " + name + ": error number " + Marshal.GetLastWin32Error());
            }

            return semaphore;
        }

        private static void Post(IntPtr semaphore)
        {
            if (PostSemaphore(semaphore) != 0)
            {
                throw new InvalidDataException("posting the benchmark's semaphore: error number " + Marshal.GetLastWin32Error());
            }
        }

        private static void Wait(IntPtr semaphore)
        {
            long* until = stackalloc long[2];
            long now = BenchSystem.Now;
            until[0] = (now / 1000000000) + StallLimit;
            until[1] = now % 1000000000;
            while (WaitForSemaphore(semaphore, Monotonic, until) != 0)
            {
                if (Marshal.GetLastWin32Error() != Interrupted)
                {
                    throw new InvalidDataException("the peer did not post its semaphore for 10 s");
                }
            }
        }

        [DllImport("libc", EntryPoint = "sem_open", SetLastError = true)]
        private static extern IntPtr OpenSemaphore(string name, int flags);

        [DllImport("libc", EntryPoint = "sem_close")]
        private static extern int CloseSemaphore(IntPtr semaphore);

        [DllImport("libc", EntryPoint = "sem_post", SetLastError = true)]
        private static extern int PostSemaphore(IntPtr semaphore);

        [DllImport("libc", EntryPoint = "sem_clockwait", SetLastError = true)]
        private static extern int WaitForSemaphore(IntPtr semaphore, int clock, long* until);
    }
}
