using System;
using System.Runtime.InteropServices;

namespace ZeroDuplex.Native
{
    /// <summary>What the process runs on.</summary>
    internal static unsafe class Platform
    {
        private static readonly string Missing = FindMissing();

        /// <summary>This process, as other processes of its pid namespace see it.</summary>
        internal static readonly ulong ProcessId = Missing == null ? (ulong)Libc.ProcessId() : 0;

        /// <summary>Fails where the protocol cannot work.</summary>
        internal static void Require(string operation, string channel)
        {
            if (Missing != null)
            {
                throw Failures.Make(ErrorCode.UnsupportedPlatform, operation, channel, Missing);
            }
        }

        /// <summary>How v1 tells a living process: by its id, in our pid namespace. One that has ended and was not waited for does not live.</summary>
        internal static bool ProcessExists(ulong pid)
        {
            if (pid == 0 || pid > int.MaxValue)
            {
                return false;
            }

            bool known = Libc.Kill((int)pid, 0) == 0 || Marshal.GetLastWin32Error() == Libc.ErrnoPermission;
            return known && !IsZombie(pid);
        }

        /// <summary>False also where /proc does not tell: a living peer must never be declared dead.</summary>
        private static bool IsZombie(ulong pid)
        {
            try
            {
                using (Descriptor file = Descriptor.Open("/proc/" + pid + "/stat", Libc.OpenReadOnly, 0))
                {
                    // The command's name is in parentheses and may hold any byte; the state is the second byte behind it.
                    const int Enough = 256;
                    byte* text = stackalloc byte[Enough];
                    long n = Libc.Read(file, text, new UIntPtr(Enough), 0).ToInt64();
                    while (n > 0 && text[n - 1] != ')')
                    {
                        n--;
                    }

                    return n > 0 && n + 1 < Enough && (text[n + 1] == 'Z' || text[n + 1] == 'X');
                }
            }
            catch (NativeException)
            {
                return false;
            }
        }

        /// <summary>Sleeps for about so long: Thread.Sleep knows no less than a millisecond.</summary>
        internal static void Sleep(TimeSpan duration)
        {
            var time = new TimeSpec { Seconds = duration.Ticks / TimeSpan.TicksPerSecond, Nanoseconds = duration.Ticks % TimeSpan.TicksPerSecond * 100 };
            Libc.Sleep(&time, null); // a signal may shorten it; the caller looks at its clock
        }

        private static string FindMissing()
        {
            if (!RuntimeInformation.IsOSPlatform(OSPlatform.Linux))
            {
                return "the operating system is not Linux";
            }

            if (IntPtr.Size != 8 || !Abi.Known)
            {
                return "the process is neither x86-64 nor arm64";
            }

            try
            {
                Libc.GnuVersion();
                return null;
            }
            catch (EntryPointNotFoundException)
            {
                return "the C library is not glibc, whose named semaphores the other side uses";
            }
        }
    }
}
