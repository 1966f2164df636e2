using System;
using System.Runtime.InteropServices;
using System.Threading;

namespace ZeroDuplex.Native
{
    /// <summary>
    /// A mapped named semaphore in the layout of 64-bit glibc: what sem_post and sem_clockwait do, without a call where none is needed.
    /// All methods but Dispose are thread-safe.
    /// </summary>
    internal sealed unsafe class Semaphore : IWakeable, IDisposable
    {
        private const int FutexWake = 1;
        private const int FutexWaitBitset = 9; // the one with an absolute CLOCK_MONOTONIC deadline
        private const long FutexMatchAny = 0xFFFFFFFFL;
        private const long OneWaiter = 1L << 32;
        private const long NanosecondsPerSecond = 1000000000;

        private readonly Mapping mapping;
        private readonly FileStatus status;
        private readonly long* word; // value in the low half, sleepers in the high one

        private Semaphore(Mapping mapping, FileStatus status)
        {
            this.mapping = mapping;
            this.status = status;
            word = (long*)&((NamedSemaphore*)mapping.Address)->ValueAndWaiters;
        }

        /// <summary>What sem_getvalue gives.</summary>
        internal uint Value
        {
            get { return (uint)Volatile.Read(ref *word); }
        }

        /// <summary>
        /// Puts a new semaphore of value 0 in place of whatever the path named before. The file is complete before it becomes visible, so
        /// that nobody ever maps a half-built one.
        /// </summary>
        internal static Semaphore Replace(string path, string temporary, uint mode)
        {
            FileSystem.Remove(temporary);
            int flags = Libc.OpenReadWrite | Libc.OpenCreate | Libc.OpenExclusive | Abi.OpenNoFollow;
            using (Descriptor file = Descriptor.Open(temporary, flags, mode))
            {
                Semaphore made = null;
                try
                {
                    WriteImage(file, mode);
                    made = MapFile(file);
                    if (Libc.Rename(temporary, path) != 0)
                    {
                        throw NativeException.Last("rename to " + path);
                    }

                    return made;
                }
                catch
                {
                    Libc.Unlink(temporary); // the next creation of the name removes what stays
                    if (made != null)
                    {
                        made.Dispose();
                    }

                    throw;
                }
            }
        }

        /// <summary>Maps an existing semaphore.</summary>
        internal static Semaphore Open(string path)
        {
            using (Descriptor file = Descriptor.Open(path, Libc.OpenReadWrite | Abi.OpenNoFollow, 0))
            {
                return MapFile(file);
            }
        }

        /// <summary>
        /// Posts when the value reads 0: the one posting rule of in-place channels. Tokens stay bounded, and a peer that spins costs nothing. The
        /// caller has changed the state that the sleeper looks at, and then fenced; pairs with the sleeper, which takes its token and then looks.
        /// </summary>
        internal void PostIfZero()
        {
            PostBelow(1);
        }

        /// <summary>Posts while the value is below a limit. False: it was not.</summary>
        internal bool PostBelow(uint limit)
        {
            while (true)
            {
                long seen = Volatile.Read(ref *word);
                if ((uint)seen >= limit)
                {
                    return false;
                }

                if (Interlocked.CompareExchange(ref *word, seen + 1, seen) == seen)
                {
                    if (seen >> 32 != 0)
                    {
                        Wake();
                    }

                    return true;
                }
            }
        }

        /// <inheritdoc/>
        void IWakeable.Wake()
        {
            PostIfZero();
        }

        /// <inheritdoc/>
        public bool Wait(TimeSpan timeout)
        {
            if (TryTake())
            {
                return true;
            }

            if (timeout <= TimeSpan.Zero)
            {
                return false;
            }

            TimeSpec deadline = In(timeout);
            long seen = Interlocked.Add(ref *word, OneWaiter);
            while (true)
            {
                if ((uint)seen == 0)
                {
                    if (!Sleep(&deadline))
                    {
                        Interlocked.Add(ref *word, -OneWaiter);
                        return false;
                    }
                }
                else if (Interlocked.CompareExchange(ref *word, seen - 1 - OneWaiter, seen) == seen)
                {
                    return true;
                }

                seen = Volatile.Read(ref *word);
            }
        }

        /// <summary>Whether it is known to be made before an object.</summary>
        internal bool IsOlderThan(SharedObject other)
        {
            return status.IsOlderThan(other.Status);
        }

        /// <summary>Unlinks the path when it still names this semaphore, so that a successor's is never removed.</summary>
        internal void RemoveIfNamed(string path)
        {
            FileStatus named;
            if (FileSystem.TryStatus(path, out named) && named.SameFile(status))
            {
                FileSystem.Remove(path);
            }
        }

        /// <summary>Unmaps it. Nobody may be using it any more.</summary>
        public void Dispose()
        {
            mapping.Dispose();
        }

        private static void WriteImage(Descriptor file, uint mode)
        {
            // The umask was applied at open; the mode asked for is the mode wanted.
            if (Libc.ChangeMode(file, mode) != 0)
            {
                throw NativeException.Last("set mode of semaphore");
            }

            // Writing allocates the page now, so that a full /dev/shm is an error here and not a signal at the first post.
            var image = default(NamedSemaphore);
            image.Shared = Wire.SemaphoreSharedFlag;
            long n = Libc.Write(file, (byte*)&image, new UIntPtr(Wire.NamedSemaphoreSize), 0).ToInt64();
            if (n < 0)
            {
                throw NativeException.Last("write semaphore");
            }

            if (n != Wire.NamedSemaphoreSize)
            {
                throw new NativeException("write semaphore", Libc.ErrnoNoSpace);
            }
        }

        private static Semaphore MapFile(Descriptor file)
        {
            FileStatus status = file.Status();
            if (!status.IsRegular || status.Size < Wire.NamedSemaphoreSize)
            {
                throw new NativeException("not a semaphore (" + status.Size + " bytes)", 0);
            }

            Mapping mapping = Mapping.Map(file, Wire.NamedSemaphoreSize);
            uint shared = ((NamedSemaphore*)mapping.Address)->Shared;
            if (shared != Wire.SemaphoreSharedFlag)
            {
                // A private futex of a glibc peer would never be woken by us, nor ours by it.
                mapping.Dispose();
                throw new NativeException("not a process-shared glibc semaphore (flag " + shared + ")", 0);
            }

            return new Semaphore(mapping, status);
        }

        private static TimeSpec In(TimeSpan timeout)
        {
            TimeSpec time;
            Libc.ReadClock(Libc.ClockMonotonic, &time); // cannot fail for this clock
            long nanoseconds = time.Nanoseconds + (timeout.Ticks % TimeSpan.TicksPerSecond * 100);
            time.Seconds += (timeout.Ticks / TimeSpan.TicksPerSecond) + (nanoseconds / NanosecondsPerSecond);
            time.Nanoseconds = nanoseconds % NanosecondsPerSecond;
            return time;
        }

        private bool TryTake()
        {
            while (true)
            {
                long seen = Volatile.Read(ref *word);
                if ((uint)seen == 0)
                {
                    return false;
                }

                if (Interlocked.CompareExchange(ref *word, seen - 1, seen) == seen)
                {
                    return true;
                }
            }
        }

        private void Wake()
        {
            // The only documented failures are bad arguments; there is nothing a poster could do about them.
            Libc.SystemCall(new IntPtr(Abi.FutexCall), word, new IntPtr(FutexWake), new IntPtr(1), null, IntPtr.Zero, IntPtr.Zero);
        }

        /// <summary>False when the deadline passed. Anything else, a signal too, is a reason to look again.</summary>
        private bool Sleep(TimeSpec* deadline)
        {
            IntPtr result = Libc.SystemCall(
                new IntPtr(Abi.FutexCall), word, new IntPtr(FutexWaitBitset), IntPtr.Zero, deadline, IntPtr.Zero, new IntPtr(FutexMatchAny));
            return result == IntPtr.Zero || Marshal.GetLastWin32Error() != Libc.ErrnoTimedOut;
        }
    }
}
