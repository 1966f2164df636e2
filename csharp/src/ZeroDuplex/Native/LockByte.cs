using System.Runtime.InteropServices;

namespace ZeroDuplex.Native
{
    /// <summary>
    /// Open-file-description locks on single bytes. The kernel drops one when the last descriptor of its open file description is closed,
    /// however the process ends.
    /// </summary>
    internal static unsafe class LockByte
    {
        /// <summary>Takes the byte. False when another description holds it.</summary>
        internal static bool TryTake(Descriptor descriptor, ulong offset)
        {
            RecordLock request = Request(Libc.WriteLock, offset);
            if (Control(descriptor, Libc.OfdSetLock, ref request))
            {
                return true;
            }

            int errno = Marshal.GetLastWin32Error();
            if (errno == Libc.ErrnoAgain || errno == Libc.ErrnoAccess)
            {
                return false;
            }

            throw NativeException.Last("lock byte " + offset);
        }

        /// <summary>Releases a byte taken through the same description.</summary>
        internal static void Release(Descriptor descriptor, ulong offset)
        {
            RecordLock request = Request(Libc.Unlock, offset);
            if (!Control(descriptor, Libc.OfdSetLock, ref request))
            {
                throw NativeException.Last("unlock byte " + offset);
            }
        }

        /// <summary>Whether another description holds the byte. A lock that cannot be asked about counts as held: a living peer must never be declared dead.</summary>
        internal static bool IsHeld(Descriptor descriptor, ulong offset)
        {
            RecordLock request = Request(Libc.WriteLock, offset);
            return !Control(descriptor, Libc.OfdGetLock, ref request) || request.Type != Libc.Unlock;
        }

        private static RecordLock Request(short type, ulong offset)
        {
            return new RecordLock { Type = type, Start = (long)offset, Length = 1 };
        }

        private static bool Control(Descriptor descriptor, int command, ref RecordLock request)
        {
            fixed (RecordLock* argument = &request)
            {
                int result;
                do
                {
                    result = Libc.Control(descriptor, command, argument);
                }
                while (result < 0 && Marshal.GetLastWin32Error() == Libc.ErrnoInterrupted);
                return result >= 0;
            }
        }
    }
}
