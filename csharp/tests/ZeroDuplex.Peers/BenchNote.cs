using System;
using System.Collections.Generic;
using System.IO;
using System.Runtime.InteropServices;
using System.Text;

namespace ZeroDuplex.Peers
{
    /// <summary>What a process knows about itself: what it has used so far, and where it runs.</summary>
    internal struct BenchNote
    {
        internal long? Allocated; // bytes on the heap; null where the language cannot tell
        internal int Cpu; // of the thread that made the note; -1: not known
        internal long CpuTime; // nanoseconds, of the whole process
        internal long MinorFaults;
        internal long MajorFaults;

        /// <summary>The note of this process. Allocations are those of the calling thread, which is the one that exchanges frames.</summary>
        internal static unsafe BenchNote OfSelf()
        {
            long* usage = stackalloc long[RusageWords];
            if (GetUsage(Self, usage) != 0)
            {
                throw new InvalidDataException("reading the page faults of this process: error number " + Marshal.GetLastWin32Error());
            }

            return new BenchNote
            {
                Allocated = GC.GetAllocatedBytesForCurrentThread(),
                Cpu = GetCpu(),
                CpuTime = BenchSystem.ProcessTime,
                MinorFaults = usage[MinorWord],
                MajorFaults = usage[MajorWord],
            };
        }

        private const int Self = 0; // RUSAGE_SELF
        private const int RusageWords = 18; // struct rusage: two times of two words, 14 counters
        private const int MinorWord = 8; // ru_minflt
        private const int MajorWord = 9; // ru_majflt

        [DllImport("libc", EntryPoint = "getrusage", SetLastError = true)]
        private static extern unsafe int GetUsage(int who, long* usage);

        [DllImport("libc", EntryPoint = "sched_getcpu")]
        private static extern int GetCpu();
    }

    /// <summary>What a process used during the blocks of a measurement.</summary>
    internal sealed class BenchUsage
    {
        private readonly SortedSet<int> ranOn = new SortedSet<int>();
        private long cpuTime;
        private long minorFaults;
        private long majorFaults;
        private long? allocated;

        /// <summary>Adds what was used between two notes.</summary>
        internal void Add(BenchNote from, BenchNote to)
        {
            cpuTime += to.CpuTime - from.CpuTime;
            minorFaults += to.MinorFaults - from.MinorFaults;
            majorFaults += to.MajorFaults - from.MajorFaults;
            if (from.Allocated.HasValue && to.Allocated.HasValue)
            {
                allocated = (allocated ?? 0) + to.Allocated - from.Allocated;
            }

            foreach (int cpu in new[] { from.Cpu, to.Cpu })
            {
                if (cpu >= 0)
                {
                    ranOn.Add(cpu);
                }
            }
        }

        internal string Json()
        {
            return new StringBuilder("{\"cpu_ns\":").Append(cpuTime).Append(",\"minor_faults\":").Append(minorFaults).Append(",\"major_faults\":")
                .Append(majorFaults).Append(",\"allocated_bytes\":").Append(allocated.HasValue ? allocated.ToString() : "null")
                .Append(",\"ran_on\":[").Append(string.Join(",", ranOn)).Append("]}").ToString();
        }
    }
}
