using System;
using System.Runtime.InteropServices;

namespace ZeroDuplex.Native
{
    /// <summary>Calls that go by path.</summary>
    internal static unsafe class FileSystem
    {
        private const int Wanted = 0x7FF | (int)FileStatus.BirthKnown; // 0x7FF is STATX_BASIC_STATS

        internal static bool TryStatus(int folder, string path, int flags, out FileStatus status)
        {
            FileStatus result;
            bool ok = Libc.StatusCall(
                new IntPtr(Abi.StatusCall), new IntPtr(folder), path, new IntPtr(flags), new IntPtr(Wanted), &result) == IntPtr.Zero;
            status = result;
            return ok;
        }

        /// <summary>Status of what the path names, of a symbolic link itself. False when it does not exist.</summary>
        internal static bool TryStatus(string path, out FileStatus status)
        {
            if (TryStatus(Libc.AtWorkingFolder, path, Libc.AtNoFollow, out status))
            {
                return true;
            }

            if (Marshal.GetLastWin32Error() == Libc.ErrnoNotFound)
            {
                return false;
            }

            throw NativeException.Last("query " + path);
        }

        /// <summary>Whether the path leads to something, symbolic links followed.</summary>
        internal static bool Leads(string path)
        {
            FileStatus status;
            return TryStatus(Libc.AtWorkingFolder, path, 0, out status);
        }

        /// <summary>Removes a name; that it does not exist is fine.</summary>
        internal static void Remove(string path)
        {
            if (Libc.Unlink(path) != 0 && Marshal.GetLastWin32Error() != Libc.ErrnoNotFound)
            {
                throw NativeException.Last("unlink " + path);
            }
        }
    }
}
