using System;
using System.Collections.Generic;
using System.IO;
using System.Runtime.InteropServices;

namespace ZeroDuplex.Native
{
    /// <summary>
    /// The pair of flock'ed files that ZeroBuffer v1 processes look at. It only keeps them away: where the files cannot be made, as with a
    /// read-only /tmp, the lock byte of the object decides alone.
    /// </summary>
    internal sealed class OwnerLock : IDisposable
    {
        private const uint FileMode = 0x1B6; // rw-rw-rw-: any user's process must be able to find out that the lock is held

        private readonly List<KeyValuePair<string, Descriptor>> files = new List<KeyValuePair<string, Descriptor>>();

        private OwnerLock()
        {
        }

        /// <summary>Takes both locks of the name. Null when another process holds one.</summary>
        internal static OwnerLock TryAcquire(string name)
        {
            string folder = Environment.GetEnvironmentVariable("TMPDIR");
            if (string.IsNullOrEmpty(folder))
            {
                folder = "/tmp";
            }

            var owner = new OwnerLock();
            try
            {
                foreach (string path in new[] { Wire.LockPath(name), Wire.LockCsharpPath(folder, name) })
                {
                    bool held;
                    Descriptor file = LockFile(path, out held);
                    if (held)
                    {
                        owner.Dispose();
                        return null;
                    }

                    if (file != null)
                    {
                        owner.files.Add(new KeyValuePair<string, Descriptor>(path, file));
                    }
                }

                return owner;
            }
            catch
            {
                owner.Dispose();
                throw;
            }
        }

        /// <summary>Unlinks the files while holding their locks, then releases them explicitly: a forked child may still hold the descriptors.</summary>
        public void Dispose()
        {
            foreach (KeyValuePair<string, Descriptor> file in files)
            {
                Libc.Unlink(file.Key); // a lock file that stays is found unlocked and taken by the next owner
                Libc.Flock(file.Value, Libc.FlockUnlock);
                file.Value.Dispose();
            }

            files.Clear();
        }

        /// <summary>Null when it is held, or when no such file can exist and so no v1 process can lock it either.</summary>
        private static Descriptor LockFile(string path, out bool held)
        {
            held = false;
            try
            {
                MakeFolders(Path.GetDirectoryName(path));
                while (true)
                {
                    Descriptor file = OpenOrCreate(path);
                    if (Libc.Flock(file, Libc.FlockExclusive | Libc.FlockNonBlocking) != 0)
                    {
                        NativeException error = NativeException.Last("flock " + path);
                        file.Dispose();
                        if (error.Errno == Libc.ErrnoAgain)
                        {
                            held = true;
                            return null;
                        }

                        throw error;
                    }

                    // The previous holder unlinks the file while it holds the lock; what we locked may no longer be what the path names.
                    FileStatus named;
                    if (FileSystem.TryStatus(path, out named) && named.SameFile(file.Status()))
                    {
                        return file;
                    }

                    file.Dispose();
                }
            }
            catch (NativeException e) when (CannotExist(e.Errno))
            {
                return null;
            }
        }

        private static bool CannotExist(int errno)
        {
            switch (errno)
            {
                case Libc.ErrnoReadOnly:
                case Libc.ErrnoAccess:
                case Libc.ErrnoPermission:
                case Libc.ErrnoNotFound:
                case Libc.ErrnoNotFolder:
                case Libc.ErrnoNoSpace:
                    return true;
                default:
                    return false;
            }
        }

        /// <summary>Avoids O_CREAT on an existing file: in sticky folders the kernel may refuse that for files of other users.</summary>
        private static Descriptor OpenOrCreate(string path)
        {
            while (true)
            {
                try
                {
                    return Descriptor.Open(path, Libc.OpenReadOnly | Abi.OpenNoFollow, 0);
                }
                catch (NativeException e) when (e.Errno == Libc.ErrnoNotFound)
                {
                    // Made below.
                }

                try
                {
                    return Descriptor.Open(path, Libc.OpenReadWrite | Libc.OpenCreate | Libc.OpenExclusive | Abi.OpenNoFollow, FileMode);
                }
                catch (NativeException e) when (e.Errno == Libc.ErrnoExists)
                {
                    // Somebody was faster: open that one.
                }
            }
        }

        private static void MakeFolders(string folder)
        {
            if (FileSystem.Leads(folder))
            {
                return;
            }

            string parent = Path.GetDirectoryName(folder);
            if (!string.IsNullOrEmpty(parent))
            {
                MakeFolders(parent);
            }

            if (Libc.MakeFolder(folder, Wire.LockFolderMode) != 0)
            {
                if (Marshal.GetLastWin32Error() == Libc.ErrnoExists)
                {
                    return;
                }

                throw NativeException.Last("create folder " + folder);
            }

            // The umask took bits away that the other users of the folder need.
            if (Libc.ChangeMode(folder, Wire.LockFolderMode) != 0)
            {
                throw NativeException.Last("set mode of " + folder);
            }
        }
    }
}
