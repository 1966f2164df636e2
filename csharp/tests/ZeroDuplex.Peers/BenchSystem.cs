using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Runtime.InteropServices;

namespace ZeroDuplex.Peers
{
    /// <summary>What the benchmark needs of the system: a clock in nanoseconds, and threads bound to a CPU.</summary>
    internal static unsafe class BenchSystem
    {
        private const int Monotonic = 1;
        private const int ProcessCpuTime = 2;
        private const int NoSuchThread = 3; // ESRCH
        private const int MostCpus = 1024;

        /// <summary>Monotonic time in nanoseconds. Mono's own clock counts in units of 100.</summary>
        internal static long Now
        {
            get
            {
                return Read(Monotonic);
            }
        }

        /// <summary>CPU time of this process in nanoseconds.</summary>
        internal static long ProcessTime
        {
            get { return Read(ProcessCpuTime); }
        }

        /// <summary>
        /// Binds every thread of this process to one CPU; threads made later inherit it. -1 changes nothing. The runtime has threads before
        /// Main runs, so all of them are visited, twice: the second time nobody unpinned is left to start another.
        /// </summary>
        internal static void PinProcess(int cpu)
        {
            for (int round = 0; round < 2 && cpu >= 0; round++)
            {
                foreach (string thread in Directory.GetDirectories("/proc/self/task"))
                {
                    PinThread(int.Parse(Path.GetFileName(thread), CultureInfo.InvariantCulture), cpu);
                }
            }
        }

        /// <summary>Binds one thread, 0 for the calling one.</summary>
        internal static void PinThread(int id, int cpu)
        {
            if (cpu >= MostCpus)
            {
                throw new InvalidDataException("CPU " + cpu + " is above " + (MostCpus - 1));
            }

            ulong* set = stackalloc ulong[MostCpus / 64];
            for (int i = 0; i < MostCpus / 64; i++)
            {
                set[i] = 0;
            }

            set[cpu / 64] = 1UL << (cpu % 64);
            if (SetAffinity(id, new UIntPtr(MostCpus / 8), set) != 0)
            {
                int errno = Marshal.GetLastWin32Error();
                if (errno != NoSuchThread) // it may have ended meanwhile
                {
                    throw new InvalidDataException("pinning to CPU " + cpu + ": error number " + errno);
                }
            }
        }

        private static long Read(int clock)
        {
            long* time = stackalloc long[2];
            ReadClock(clock, time);
            return (time[0] * 1000000000) + time[1];
        }

        [DllImport("libc", EntryPoint = "clock_gettime")]
        private static extern int ReadClock(int clock, long* time);

        [DllImport("libc", EntryPoint = "sched_setaffinity", SetLastError = true)]
        private static extern int SetAffinity(int id, UIntPtr size, ulong* set);
    }

    /// <summary>Samples in nanoseconds, less what reading the clock costs.</summary>
    internal sealed class Samples
    {
        private const long SlowReading = 300; // nanoseconds: perhaps only for the moment
        private const long Patience = 200000000; // nanoseconds with a clock that seems slow

        private readonly List<long> values;

        internal Samples(int capacity)
        {
            values = new List<long>(capacity);
        }

        internal static long ClockCost { get; } = MeasureClock();

        internal int Count
        {
            get { return values.Count; }
        }

        internal void Add(long from, long to)
        {
            values.Add(Math.Max(0, to - from - ClockCost));
        }

        /// <summary>Adds one of several equal steps that took from one reading to the other.</summary>
        internal void Add(long from, long to, int steps)
        {
            values.Add(Math.Max(0, to - from - ClockCost) / steps);
        }

        /// <summary>Uses all of the capacity once, so that it causes no page faults later.</summary>
        internal void Touch()
        {
            while (values.Count < values.Capacity)
            {
                values.Add(0);
            }

            Clear();
        }

        internal void Clear()
        {
            values.Clear();
        }

        /// <summary>0 when there are none.</summary>
        internal long Percentile(double q)
        {
            values.Sort();
            return values.Count == 0 ? 0 : values[Math.Min(values.Count - 1, (int)(values.Count * q))];
        }

        /// <summary>
        /// The median of 100 readings that follow each other at once, the least of ten such, and of more while it seems slow. What slows the
        /// machine down for a moment must not be taken off every sample: virtual machines' clocks were seen to do so for up to 65 ms at a time.
        /// </summary>
        private static long MeasureClock()
        {
            var gaps = new long[100];
            long least = long.MaxValue;
            long begin = BenchSystem.Now;
            for (int round = 0; round < 10 || (least > SlowReading && BenchSystem.Now - begin < Patience); round++)
            {
                long before = BenchSystem.Now;
                for (int i = 0; i < gaps.Length; i++)
                {
                    long now = BenchSystem.Now;
                    gaps[i] = now - before;
                    before = now;
                }

                Array.Sort(gaps);
                least = Math.Min(least, gaps[gaps.Length / 2]);
            }

            return least;
        }
    }
}
