using System;
using System.IO;
using System.Runtime.InteropServices;

namespace ZeroDuplex.Native
{
    /// <summary>A shared-memory object, mapped or not. Not thread-safe.</summary>
    internal sealed unsafe class SharedObject : IDisposable
    {
        private readonly Descriptor descriptor;
        private FileStatus status;
        private Mapping mapping;
        private Pages pages; // of the mapping
        private string temporary; // name to remove after Link, when the object could not be made without one

        private SharedObject(Descriptor descriptor, string temporary)
        {
            this.descriptor = descriptor;
            this.temporary = temporary;
        }

        internal Descriptor Descriptor
        {
            get { return descriptor; }
        }

        /// <summary>What was known of its file when it was opened or created.</summary>
        internal FileStatus Status
        {
            get { return status; }
        }

        /// <summary>Length in bytes when it was opened or created.</summary>
        internal long Size
        {
            get { return (long)status.Size; }
        }

        /// <summary>User id of its owner.</summary>
        internal uint Owner
        {
            get { return status.Owner; }
        }

        /// <summary>Its permission bits.</summary>
        internal int Permissions
        {
            get { return status.Mode & 0x1FF; }
        }

        internal bool IsRegular
        {
            get { return status.IsRegular; }
        }

        /// <summary>Start of the mapping, zero before <see cref="Map"/>.</summary>
        internal IntPtr Address
        {
            get { return mapping == null ? IntPtr.Zero : mapping.Address; }
        }

        /// <summary>What became of the wish of <see cref="Map"/>.</summary>
        internal MemoryReport Report
        {
            get { return pages == null ? MemoryReport.Nothing : pages.Report; }
        }

        /// <summary>Whether any name still leads to the object.</summary>
        internal bool IsLinked
        {
            get { return descriptor.Status().Links > 0; }
        }

        /// <summary>
        /// Makes an object that has no name yet, reserves every page and maps it for a wish; one for huge pages prefaults as well. Reserving makes
        /// a full /dev/shm an error here and not a signal later.
        /// </summary>
        internal static SharedObject Create(string name, long size, uint mode, PageWish wish = default(PageWish))
        {
            return Complete(OpenNameless(name, mode) ?? OpenTemporary(name, mode), size, mode, wish);
        }

        /// <summary>The way for file systems without nameless files and for processes without /proc, through which those get a name.</summary>
        internal static SharedObject CreateTemporary(string name, long size, uint mode)
        {
            return Complete(OpenTemporary(name, mode), size, mode, default(PageWish));
        }

        private static SharedObject Complete(SharedObject made, long size, uint mode, PageWish wish)
        {
            try
            {
                made.Extend(size, mode);
                made.status = made.descriptor.Status();
                made.Map(wish);
                made.pages.Reserve();
                made.pages.Prepare();
                return made;
            }
            catch
            {
                made.Dispose();
                throw;
            }
        }

        /// <summary>Opens an existing object without mapping it. A symbolic link fails with ELOOP, other kinds of files are told by <see cref="IsRegular"/>.</summary>
        internal static SharedObject Open(string name)
        {
            // Non-blocking: a FIFO under that name must not make us wait.
            Descriptor descriptor = Descriptor.Open(Wire.ObjectPath(name), Libc.OpenReadWrite | Abi.OpenNoFollow | Libc.OpenNonBlocking, 0);
            try
            {
                return new SharedObject(descriptor, null) { status = descriptor.Status() };
            }
            catch
            {
                descriptor.Dispose();
                throw;
            }
        }

        internal void Map(PageWish wish = default(PageWish))
        {
            mapping = Mapping.Map(descriptor, Size);
            pages = new Pages(descriptor, mapping.Address, Size, wish);
        }

        /// <summary>Fulfils the wish of <see cref="Map"/>.</summary>
        internal void PreparePages()
        {
            pages.Prepare();
        }

        /// <summary>Gives the object its name. False when the name is taken.</summary>
        internal bool Link(string name)
        {
            string path = Wire.ObjectPath(name);
            if (Libc.Link(Libc.AtWorkingFolder, temporary ?? descriptor.ProcessPath, Libc.AtWorkingFolder, path, Libc.AtFollow) != 0)
            {
                if (Marshal.GetLastWin32Error() == Libc.ErrnoExists)
                {
                    return false;
                }

                throw NativeException.Last("link " + path);
            }

            RemoveTemporary();
            return true;
        }

        /// <summary>
        /// Opens a second open file description of the object. A lock taken through it lives exactly as long as that description, while one
        /// taken through a mapped description would live as long as the mapping. Null when the name means another object by now.
        /// </summary>
        internal Descriptor Reopen(string name)
        {
            string path = descriptor.ProcessPath;
            if (!FileSystem.Leads(path))
            {
                path = temporary ?? Wire.ObjectPath(name);
            }

            Descriptor again = Descriptor.Open(path, Libc.OpenReadWrite, 0);
            if (again.Status().SameFile(status))
            {
                return again;
            }

            again.Dispose();
            return null;
        }

        /// <summary>Unlinks the name when it still leads to this object.</summary>
        internal void RemoveIfNamed(string name)
        {
            FileStatus named;
            string path = Wire.ObjectPath(name);
            if (FileSystem.TryStatus(path, out named) && named.SameFile(status))
            {
                FileSystem.Remove(path);
            }
        }

        /// <summary>Copies the object's first bytes without mapping it, for objects that may be too short to map safely. Returns their number.</summary>
        internal int ReadHead(Span<byte> head)
        {
            fixed (byte* to = head)
            {
                long n = Libc.Read(descriptor, to, new UIntPtr((uint)head.Length), 0).ToInt64();
                if (n < 0)
                {
                    throw NativeException.Last("read object");
                }

                return (int)n;
            }
        }

        public void Dispose()
        {
            RemoveTemporary();
            if (mapping != null)
            {
                mapping.Dispose();
            }

            descriptor.Dispose();
        }

        /// <summary>Null where that is not possible.</summary>
        private static SharedObject OpenNameless(string name, uint mode)
        {
            string temporary = Wire.TemporaryPath(name, "object");
            FileSystem.Remove(temporary); // a crashed predecessor may have left one behind
            Descriptor nameless;
            try
            {
                nameless = Descriptor.Open(Path.GetDirectoryName(temporary), Abi.OpenTemporary | Libc.OpenReadWrite, mode);
            }
            catch (NativeException)
            {
                return null; // a file system without O_TMPFILE; the other way tells what is really wrong, if anything is
            }

            // Without /proc there is no path by which Link could name it.
            if (FileSystem.Leads(nameless.ProcessPath))
            {
                return new SharedObject(nameless, null);
            }

            nameless.Dispose();
            return null;
        }

        private static SharedObject OpenTemporary(string name, uint mode)
        {
            string temporary = Wire.TemporaryPath(name, "object");
            FileSystem.Remove(temporary);
            int flags = Libc.OpenReadWrite | Libc.OpenCreate | Libc.OpenExclusive | Abi.OpenNoFollow;
            return new SharedObject(Descriptor.Open(temporary, flags, mode), temporary);
        }

        private void Extend(long size, uint mode)
        {
            // The umask was applied when it was opened; the mode asked for is the mode wanted.
            if (Libc.ChangeMode(descriptor, mode) != 0)
            {
                throw NativeException.Last("set mode");
            }

            CheckFree(size);
            if (Libc.Truncate(descriptor, size) != 0)
            {
                throw NativeException.Last("set size " + size);
            }
        }

        /// <summary>
        /// Refuses what cannot fit before any page is reserved. Reserving in chunks until the file system is full would starve everybody
        /// else's objects meanwhile.
        /// </summary>
        private void CheckFree(long size)
        {
            FileSystemStatus status;
            int result;
            do
            {
                result = Libc.QueryFileSystem(descriptor, &status);
            }
            while (result != 0 && Marshal.GetLastWin32Error() == Libc.ErrnoInterrupted);

            // A file system without a limit says that it has no blocks.
            if (result == 0 && status.Blocks != 0 && (ulong)size > status.Available * (ulong)status.BlockSize)
            {
                throw new NativeException("reserve " + size + " bytes, " + (status.Available * (ulong)status.BlockSize) + " are free", Libc.ErrnoNoSpace);
            }
        }

        private void RemoveTemporary()
        {
            if (temporary != null)
            {
                Libc.Unlink(temporary); // the next creation of the name removes what stays
                temporary = null;
            }
        }
    }
}
