using System;
using System.Runtime.InteropServices;

namespace ZeroDuplex.Native
{
    /// <summary>An open file descriptor.</summary>
    internal sealed unsafe class Descriptor : SafeHandle
    {
        private Descriptor()
            : base(new IntPtr(-1), true)
        {
        }

        public override bool IsInvalid
        {
            get { return handle == new IntPtr(-1); }
        }

        /// <summary>Opens a file. It is never inherited by programs that this process starts.</summary>
        internal static Descriptor Open(string path, int flags, uint mode)
        {
            // Made first: nothing may fail between the descriptor's birth and its owner's.
            var descriptor = new Descriptor();
            int result;
            do
            {
                result = Libc.Open(path, flags | Libc.OpenCloseOnExec, mode);
            }
            while (result < 0 && Marshal.GetLastWin32Error() == Libc.ErrnoInterrupted);

            if (result < 0)
            {
                NativeException error = NativeException.Last("open " + path);
                descriptor.SetHandleAsInvalid();
                throw error;
            }

            descriptor.SetHandle(new IntPtr(result));
            return descriptor;
        }

        /// <summary>Leads to this very file whatever its name is by now, or when it has none.</summary>
        internal string ProcessPath
        {
            get { return "/proc/self/fd/" + handle.ToInt64(); }
        }

        internal FileStatus Status()
        {
            FileStatus status;
            bool added = false;
            try
            {
                DangerousAddRef(ref added);
                if (!FileSystem.TryStatus(handle.ToInt32(), string.Empty, Libc.AtEmptyPath, out status))
                {
                    throw NativeException.Last("query open file");
                }
            }
            finally
            {
                if (added)
                {
                    DangerousRelease();
                }
            }

            return status;
        }

        protected override bool ReleaseHandle()
        {
            // Linux closes the descriptor also when it reports an error; trying again could close somebody else's.
            return Libc.Close(handle.ToInt32()) == 0;
        }
    }
}
