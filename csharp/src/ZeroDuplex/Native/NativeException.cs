using System;
using System.Runtime.InteropServices;

namespace ZeroDuplex.Native
{
    /// <summary>A call of the C library that failed. It never leaves the library: <see cref="Failures"/> makes a public exception of it.</summary>
    internal sealed class NativeException : Exception
    {
        internal NativeException(string what, int errno)
            : base(what + ": " + Describe(errno))
        {
            Errno = errno;
        }

        internal int Errno { get; }

        /// <summary>The exception for the call that has just failed on this thread.</summary>
        internal static NativeException Last(string what)
        {
            return new NativeException(what, Marshal.GetLastWin32Error());
        }

        /// <summary>Does one of several steps that are all to be done; the first error is kept.</summary>
        internal static void Catch(Action step, ref NativeException first)
        {
            try
            {
                step();
            }
            catch (NativeException e)
            {
                first = first ?? e;
            }
        }

        private static string Describe(int errno)
        {
            switch (errno)
            {
                case Libc.ErrnoPermission: return "operation not permitted";
                case Libc.ErrnoNotFound: return "no such file";
                case Libc.ErrnoNoMemory: return "out of memory";
                case Libc.ErrnoAccess: return "permission denied";
                case Libc.ErrnoInvalid: return "invalid argument";
                case Libc.ErrnoExists: return "it exists";
                case Libc.ErrnoTooManyInSystem: return "too many open files in the system";
                case Libc.ErrnoTooManyOpen: return "too many open files";
                case Libc.ErrnoNoSpace: return "no space left";
                case Libc.ErrnoReadOnly: return "read-only file system";
                case Libc.ErrnoLoop: return "it is a symbolic link";
                case Libc.ErrnoQuota: return "quota exceeded";
                default: return "error number " + errno;
            }
        }
    }
}
