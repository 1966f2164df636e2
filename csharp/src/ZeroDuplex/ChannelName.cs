using System;
using ZeroDuplex.Native;

namespace ZeroDuplex
{
    /// <summary>The names of channels and buffers.</summary>
    internal static class ChannelName
    {
        /// <summary>Fails where the protocol cannot work, and for names that break the rules.</summary>
        internal static void Require(string operation, string name)
        {
            Platform.Require(operation, name);
            if (!Wire.ValidName(name))
            {
                throw Failures.Make(ErrorCode.InvalidName, operation, name, name == null ? "it is null" : name.Length + " characters");
            }
        }

        /// <summary>Takes the owner locks of a name; held tells the error when somebody else has them.</summary>
        internal static OwnerLock Own(string operation, string name, Func<ErrorCode> held)
        {
            try
            {
                OwnerLock owner = OwnerLock.TryAcquire(name);
                if (owner == null)
                {
                    throw Failures.Make(held(), operation, name, "its owner lock is held");
                }

                return owner;
            }
            catch (NativeException e)
            {
                throw Failures.System(operation, name, e);
            }
        }
    }
}
