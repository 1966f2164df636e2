using System;
using System.Runtime.InteropServices;

namespace ZeroDuplex.Native
{
    /// <summary>
    /// Every function of the C library that this library calls, 64-bit Linux only. Numbers that differ between x86-64 and arm64 are in <see cref="Abi"/>.
    /// </summary>
    internal static unsafe class Libc
    {
        internal const int ErrnoPermission = 1; // EPERM
        internal const int ErrnoNotFound = 2; // ENOENT
        internal const int ErrnoInterrupted = 4; // EINTR
        internal const int ErrnoNoDevice = 6; // ENXIO
        internal const int ErrnoAgain = 11; // EAGAIN, EWOULDBLOCK
        internal const int ErrnoNoMemory = 12; // ENOMEM
        internal const int ErrnoAccess = 13; // EACCES
        internal const int ErrnoBadAddress = 14; // EFAULT
        internal const int ErrnoExists = 17; // EEXIST
        internal const int ErrnoNotFolder = 20; // ENOTDIR
        internal const int ErrnoIsFolder = 21; // EISDIR
        internal const int ErrnoInvalid = 22; // EINVAL
        internal const int ErrnoTooManyInSystem = 23; // ENFILE
        internal const int ErrnoTooManyOpen = 24; // EMFILE
        internal const int ErrnoFileTooBig = 27; // EFBIG
        internal const int ErrnoNoSpace = 28; // ENOSPC
        internal const int ErrnoReadOnly = 30; // EROFS
        internal const int ErrnoNoSystemCall = 38; // ENOSYS
        internal const int ErrnoLoop = 40; // ELOOP
        internal const int ErrnoTimedOut = 110; // ETIMEDOUT
        internal const int ErrnoQuota = 122; // EDQUOT

        internal const int OpenReadOnly = 0;
        internal const int OpenReadWrite = 2;
        internal const int OpenCreate = 0x40;
        internal const int OpenExclusive = 0x80;
        internal const int OpenNonBlocking = 0x800;
        internal const int OpenCloseOnExec = 0x80000;

        internal const int ProtectRead = 1;
        internal const int ProtectWrite = 2;
        internal const int MapShared = 1;

        internal const int AdviseHugePage = 14; // MADV_HUGEPAGE
        internal const int AdvisePopulateWrite = 23; // MADV_POPULATE_WRITE

        internal const int AtWorkingFolder = -100; // AT_FDCWD
        internal const int AtNoFollow = 0x100; // AT_SYMLINK_NOFOLLOW
        internal const int AtFollow = 0x400; // AT_SYMLINK_FOLLOW
        internal const int AtEmptyPath = 0x1000;

        internal const int OfdGetLock = 36; // F_OFD_GETLK
        internal const int OfdSetLock = 37; // F_OFD_SETLK
        internal const short WriteLock = 1; // F_WRLCK
        internal const short Unlock = 2; // F_UNLCK

        internal const int FlockExclusive = 2;
        internal const int FlockNonBlocking = 4;
        internal const int FlockUnlock = 8;

        internal const int ClockMonotonic = 1;

        [DllImport("libc", EntryPoint = "open", SetLastError = true)]
        internal static extern int Open([MarshalAs(UnmanagedType.LPStr)] string path, int flags, uint mode);

        [DllImport("libc", EntryPoint = "close", SetLastError = true)]
        internal static extern int Close(int descriptor);

        [DllImport("libc", EntryPoint = "ftruncate", SetLastError = true)]
        internal static extern int Truncate(Descriptor descriptor, long length);

        [DllImport("libc", EntryPoint = "fstatfs", SetLastError = true)]
        internal static extern int QueryFileSystem(Descriptor descriptor, FileSystemStatus* status);

        /// <summary>Returns the error number; errno is not set.</summary>
        [DllImport("libc", EntryPoint = "posix_fallocate")]
        internal static extern int Reserve(Descriptor descriptor, long offset, long length);

        [DllImport("libc", EntryPoint = "fchmod", SetLastError = true)]
        internal static extern int ChangeMode(Descriptor descriptor, uint mode);

        [DllImport("libc", EntryPoint = "chmod", SetLastError = true)]
        internal static extern int ChangeMode([MarshalAs(UnmanagedType.LPStr)] string path, uint mode);

        [DllImport("libc", EntryPoint = "mkdir", SetLastError = true)]
        internal static extern int MakeFolder([MarshalAs(UnmanagedType.LPStr)] string path, uint mode);

        [DllImport("libc", EntryPoint = "mmap", SetLastError = true)]
        internal static extern IntPtr Map(IntPtr address, UIntPtr length, int protection, int flags, Descriptor descriptor, long offset);

        [DllImport("libc", EntryPoint = "munmap", SetLastError = true)]
        internal static extern int Unmap(IntPtr address, UIntPtr length);

        [DllImport("libc", EntryPoint = "madvise", SetLastError = true)]
        internal static extern int Advise(IntPtr address, UIntPtr length, int advice);

        [DllImport("libc", EntryPoint = "pread", SetLastError = true)]
        internal static extern IntPtr Read(Descriptor descriptor, byte* to, UIntPtr count, long offset);

        [DllImport("libc", EntryPoint = "pwrite", SetLastError = true)]
        internal static extern IntPtr Write(Descriptor descriptor, byte* from, UIntPtr count, long offset);

        [DllImport("libc", EntryPoint = "linkat", SetLastError = true)]
        internal static extern int Link(
            int oldFolder, [MarshalAs(UnmanagedType.LPStr)] string oldPath, int newFolder, [MarshalAs(UnmanagedType.LPStr)] string newPath, int flags);

        [DllImport("libc", EntryPoint = "unlink", SetLastError = true)]
        internal static extern int Unlink([MarshalAs(UnmanagedType.LPStr)] string path);

        [DllImport("libc", EntryPoint = "rename", SetLastError = true)]
        internal static extern int Rename([MarshalAs(UnmanagedType.LPStr)] string from, [MarshalAs(UnmanagedType.LPStr)] string to);

        [DllImport("libc", EntryPoint = "fcntl", SetLastError = true)]
        internal static extern int Control(Descriptor descriptor, int command, RecordLock* argument);

        [DllImport("libc", EntryPoint = "flock", SetLastError = true)]
        internal static extern int Flock(Descriptor descriptor, int operation);

        [DllImport("libc", EntryPoint = "kill", SetLastError = true)]
        internal static extern int Kill(int pid, int signal);

        [DllImport("libc", EntryPoint = "getpid")]
        internal static extern int ProcessId();

        [DllImport("libc", EntryPoint = "geteuid")]
        internal static extern uint EffectiveUser();

        [DllImport("libc", EntryPoint = "clock_gettime", SetLastError = true)]
        internal static extern int ReadClock(int clock, TimeSpec* time);

        [DllImport("libc", EntryPoint = "nanosleep", SetLastError = true)]
        internal static extern int Sleep(TimeSpec* time, TimeSpec* left);

        /// <summary>futex(2) has no function of its own. Every argument fills a register, so the variadic prototype does not matter.</summary>
        [DllImport("libc", EntryPoint = "syscall", SetLastError = true)]
        internal static extern IntPtr SystemCall(IntPtr number, void* first, IntPtr second, IntPtr third, void* fourth, IntPtr fifth, IntPtr sixth);

        /// <summary>
        /// statx(2) as a system call: unlike struct stat its result is laid out alike on every processor, and old C libraries have no function for it.
        /// </summary>
        [DllImport("libc", EntryPoint = "syscall", SetLastError = true)]
        internal static extern IntPtr StatusCall(
            IntPtr number, IntPtr folder, [MarshalAs(UnmanagedType.LPStr)] string path, IntPtr flags, IntPtr mask, FileStatus* status);

        /// <summary>Only glibc has it, so it tells whose semaphores this process speaks.</summary>
        [DllImport("libc", EntryPoint = "gnu_get_libc_version")]
        internal static extern IntPtr GnuVersion();
    }
}
