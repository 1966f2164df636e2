using System;
using ZeroDuplex.Native;

namespace ZeroDuplex
{
    /// <summary>What already has the name that something new is to get.</summary>
    internal sealed unsafe class PreviousObject
    {
        private readonly string operation;
        private readonly string name;
        private readonly Func<OiebV1, ZeroDuplexException> judge;

        private PreviousObject(string operation, string name, Func<OiebV1, ZeroDuplexException> judge)
        {
            this.operation = operation;
            this.name = name;
            this.judge = judge;
        }

        /// <summary>
        /// Removes what a dead owner left under the name, and refuses when the owner lives or the object is not ours. Judge says why a v1
        /// buffer is not abandoned, null when it is.
        /// </summary>
        internal static void Clear(string operation, string name, Func<OiebV1, ZeroDuplexException> judge)
        {
            new PreviousObject(operation, name, judge).Clear();
        }

        /// <summary>Whether an in-place channel has the name. Its owner is not asked for.</summary>
        internal static bool IsInPlace(string name)
        {
            try
            {
                using (SharedObject old = SharedObject.Open(name))
                {
                    OiebV1 head;
                    return IsInPlace(IdentityOf(old, &head));
                }
            }
            catch (NativeException)
            {
                return false; // nothing there, or nothing of ours
            }
        }

        private static bool IsInPlace(ulong identity)
        {
            return ProtocolIdentity.SizeOf(identity) == Wire.OiebV2Size && ProtocolIdentity.MajorOf(identity) == Wire.ProtocolV2Major;
        }

        /// <summary>Reads the head of an object, as far as it goes.</summary>
        private static ulong IdentityOf(SharedObject old, OiebV1* head)
        {
            int n = old.ReadHead(new Span<byte>(head, sizeof(OiebV1)));
            return n < sizeof(ulong) ? Wire.IdentityNotReady : head->Identity;
        }

        private void Clear()
        {
            SharedObject old;
            try
            {
                old = SharedObject.Open(name);
            }
            catch (NativeException e)
            {
                switch (e.Errno)
                {
                    case Libc.ErrnoNotFound:
                        return;
                    case Libc.ErrnoLoop:
                    case Libc.ErrnoIsFolder:
                    case Libc.ErrnoNoDevice:
                        throw InUse("something that is no shared-memory object has this name");
                    case Libc.ErrnoAccess:
                    case Libc.ErrnoPermission:
                        throw InUse("another user's object has this name", e);
                    default:
                        throw;
                }
            }

            using (old)
            {
                CheckAbandoned(old);

                // The truth about a v2 owner. We keep the byte until the name is gone, so that no two creators remove each other's objects.
                if (!LockByte.TryTake(old.Descriptor, Wire.LockByteServer))
                {
                    throw InUse("a living server has this name");
                }

                old.RemoveIfNamed(name);
            }
        }

        private void CheckAbandoned(SharedObject old)
        {
            if (!old.IsRegular)
            {
                throw InUse("something that is no shared-memory object has this name");
            }

            OiebV1 head;
            ulong identity = IdentityOf(old, &head);
            if (old.Size == 0 || IsInPlace(identity) || (identity == Wire.IdentityNotReady && old.Size >= Wire.OiebV2Size))
            {
                return;
            }

            if (ProtocolIdentity.SizeOf(identity) != Wire.OiebV1Size || old.Size < Wire.OiebV1Size)
            {
                throw InUse("a file that is not ours has this name");
            }

            ZeroDuplexException reason = judge(head);
            if (reason != null)
            {
                throw reason;
            }
        }

        private ZeroDuplexException InUse(string detail, Exception inner = null)
        {
            return Failures.Make(ErrorCode.NameInUse, operation, name, detail, inner);
        }
    }
}
