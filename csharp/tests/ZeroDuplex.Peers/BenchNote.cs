using System;
using System.Collections.Generic;
using System.Globalization;
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

        /// <summary>
        /// This process's share of a channel's memory in bytes: the proportional set size (Pss) of what it has mapped of the channel's objects and
        /// semaphores, in which a page counts half that both processes have touched. The control file, whose name begins with the channel's,
        /// does not count.
        /// </summary>
        internal static long SharedMemory(string channel)
        {
            // A mapping does not know the name of what had none yet when it was mapped.
            var inodes = new HashSet<string>();
            foreach (string path in Directory.GetFiles(SharedFolder, "*" + channel + "*"))
            {
                if (!path.Contains(channel + ".control"))
                {
                    inodes.Add(InodeOf(path));
                }
            }

            long kilobytes = 0;
            bool ours = false;
            foreach (string line in File.ReadLines("/proc/self/smaps"))
            {
                string[] words = line.Split(new[] { ' ' }, StringSplitOptions.RemoveEmptyEntries);
                if (!words[0].EndsWith(":", StringComparison.Ordinal))
                {
                    // What a mapping begins with: addresses, rights, offset, device, inode, path.
                    ours = words.Length > 5 && words[5].StartsWith(SharedFolder, StringComparison.Ordinal) && inodes.Contains(words[4]);
                }
                else if (ours && words[0] == "Pss:")
                {
                    kilobytes += long.Parse(words[1], CultureInfo.InvariantCulture);
                }
            }

            return kilobytes << 10;
        }

        private static unsafe string InodeOf(string path)
        {
            byte* status = stackalloc byte[StatusBytes];
            if (GetStatus(CurrentFolder, path, 0, WantInode, status) != 0)
            {
                throw new InvalidDataException("looking at " + path + ": error number " + Marshal.GetLastWin32Error());
            }

            return (*(ulong*)(status + InodeOffset)).ToString(CultureInfo.InvariantCulture);
        }

        private const string SharedFolder = "/dev/shm/";
        private const int Self = 0; // RUSAGE_SELF
        private const int RusageWords = 18; // struct rusage: two times of two words, 14 counters
        private const int MinorWord = 8; // ru_minflt
        private const int MajorWord = 9; // ru_majflt

        private const int StatusBytes = 256; // struct statx
        private const int InodeOffset = 0x20; // stx_ino
        private const int CurrentFolder = -100; // AT_FDCWD
        private const uint WantInode = 0x100; // STATX_INO

        [DllImport("libc", EntryPoint = "statx", SetLastError = true)]
        private static extern unsafe int GetStatus(int folder, string path, int flags, uint mask, byte* status);

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

        /// <summary>The process's share of the channel's memory in bytes when all was done; null where it is not known.</summary>
        internal long? Shared { get; set; }

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
                .Append(",\"shared_bytes\":").Append(Shared.HasValue ? Shared.ToString() : "null")
                .Append(",\"ran_on\":[").Append(string.Join(",", ranOn)).Append("]}").ToString();
        }
    }
}
