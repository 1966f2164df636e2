using System.Runtime.InteropServices;

namespace ZeroDuplex.Native
{
    /// <summary>struct timespec.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct TimeSpec
    {
        internal long Seconds;
        internal long Nanoseconds;
    }

    /// <summary>struct flock. For open-file-description locks the process id must be 0.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 32)]
    internal struct RecordLock
    {
        [FieldOffset(0)] internal short Type;
        [FieldOffset(2)] internal short Whence;
        [FieldOffset(8)] internal long Start;
        [FieldOffset(16)] internal long Length;
        [FieldOffset(24)] internal int ProcessId;
    }

    /// <summary>What the library reads of struct statfs.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 120)]
    internal struct FileSystemStatus
    {
        [FieldOffset(8)] internal long BlockSize;
        [FieldOffset(16)] internal ulong Blocks;
        [FieldOffset(32)] internal ulong Available; // blocks for anybody
    }

    /// <summary>What the library reads of struct statx.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    internal struct FileStatus
    {
        /// <summary>Bit of <see cref="Known"/>, STATX_BTIME.</summary>
        internal const uint BirthKnown = 0x800;

        [FieldOffset(0x00)] internal uint Known;
        [FieldOffset(0x10)] internal uint Links;
        [FieldOffset(0x14)] internal uint Owner;
        [FieldOffset(0x1C)] internal ushort Mode;
        [FieldOffset(0x20)] internal ulong Inode;
        [FieldOffset(0x28)] internal ulong Size;
        [FieldOffset(0x50)] internal long BirthSeconds;
        [FieldOffset(0x58)] internal uint BirthNanoseconds;
        [FieldOffset(0x88)] internal uint DeviceMajor;
        [FieldOffset(0x8C)] internal uint DeviceMinor;

        internal bool IsRegular
        {
            get { return (Mode & 0xF000) == 0x8000; }
        }

        internal bool SameFile(FileStatus other)
        {
            return Inode == other.Inode && DeviceMajor == other.DeviceMajor && DeviceMinor == other.DeviceMinor;
        }

        /// <summary>
        /// Whether the file is known to be made before the other one. Some file systems do not know, and what is made within a tick of the
        /// kernel's clock may have the same time.
        /// </summary>
        internal bool IsOlderThan(FileStatus other)
        {
            return (Known & other.Known & BirthKnown) != 0
                && (BirthSeconds < other.BirthSeconds
                    || (BirthSeconds == other.BirthSeconds && BirthNanoseconds < other.BirthNanoseconds));
        }
    }
}
