using System;
using ZeroDuplex.Native;

namespace ZeroDuplex
{
    /// <summary>
    /// A POSIX shared-memory object. Every page is reserved when it is allocated, so that a full /dev/shm is an error then and never a
    /// signal later. Not thread-safe.
    /// </summary>
    public sealed class SharedMemory : IMemoryProvider
    {
        private SharedObject held;

        /// <summary>Makes a provider that holds nothing yet.</summary>
        public SharedMemory()
        {
        }

        internal SharedMemory(SharedObject held)
        {
            this.held = held;
        }

        /// <summary>
        /// Opens another process's object without mapping it. Missing is the error when there is none. Other errors:
        /// <see cref="PermissionDeniedException"/>, <see cref="ZeroDuplexSystemException"/> for what is no shared-memory object.
        /// </summary>
        internal static SharedMemory Open(string operation, string channel, string name, ErrorCode missing, bool allowOtherUsers)
        {
            SharedObject found;
            try
            {
                found = SharedObject.Open(name);
            }
            catch (NativeException e)
            {
                switch (e.Errno)
                {
                    case Libc.ErrnoNotFound:
                        throw Failures.Make(missing, operation, channel, "no object of that name");
                    case Libc.ErrnoAccess:
                    case Libc.ErrnoPermission:
                        throw Failures.Make(
                            ErrorCode.PermissionDenied, operation, channel, "the object's mode does not let us in; its creator can set it", e);
                    default:
                        throw;
                }
            }

            string problem = null;
            ErrorCode code = ErrorCode.PermissionDenied;
            if (!found.IsRegular)
            {
                problem = "something that is no shared-memory object has this name";
                code = ErrorCode.System;
            }
            else if (found.Owner != Libc.EffectiveUser() && !allowOtherUsers)
            {
                problem = "the object belongs to user " + found.Owner + "; allow other users to connect to it";
            }

            if (problem == null)
            {
                return new SharedMemory(found);
            }

            found.Dispose();
            throw Failures.Make(code, operation, channel, problem);
        }

        /// <inheritdoc/>
        public IntPtr Address
        {
            get { return held == null ? IntPtr.Zero : held.Address; }
        }

        /// <inheritdoc/>
        public long Size
        {
            get { return held == null ? 0 : held.Size; }
        }

        /// <summary>What the server or reader that allocates it wants of its pages.</summary>
        internal PageWish Wish { get; set; }

        internal SharedObject Object
        {
            get { return held; }
        }

        /// <summary>
        /// Makes and maps an object that has no name yet; the channel gives it its name when it is complete. Errors:
        /// <see cref="ZeroDuplexOutOfMemoryException"/>, <see cref="PermissionDeniedException"/>, <see cref="InvalidArgumentException"/> when it
        /// holds memory already.
        /// </summary>
        /// <param name="name">Name of the channel it is for.</param>
        /// <param name="size">Bytes wanted, above 0.</param>
        /// <param name="mode">Permission bits, such as 0600 (octal).</param>
        public void Allocate(string name, long size, int mode)
        {
            const string Operation = "allocate shared memory";
            ChannelName.Require(Operation, name);

            if (held != null)
            {
                throw Failures.Make(ErrorCode.InvalidArgument, Operation, name, "it holds memory already");
            }

            if (size <= 0)
            {
                throw Failures.Make(ErrorCode.InvalidArgument, Operation, name, "size " + size + " is not above 0");
            }

            try
            {
                held = SharedObject.Create(name, size, (uint)mode, Wish);
            }
            catch (NativeException e)
            {
                throw Failures.System(Operation, name, e);
            }
        }

        /// <summary>Unmaps the memory. It does not remove a name.</summary>
        public void Dispose()
        {
            if (held != null)
            {
                held.Dispose();
                held = null;
            }
        }
    }
}
