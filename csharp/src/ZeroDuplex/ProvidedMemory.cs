using System;

namespace ZeroDuplex
{
    /// <summary>Memory that the application provides.</summary>
    internal static class ProvidedMemory
    {
        /// <summary>Has it allocated unless it is there already, and checks that a segment can be put into it.</summary>
        internal static void Prepare(IMemoryProvider provider, string operation, string channel, long length, int mode)
        {
            if (provider.Address == IntPtr.Zero)
            {
                provider.Allocate(channel, length, mode);
            }

            if (provider.Size < length)
            {
                throw Failures.Make(
                    ErrorCode.InvalidArgument, operation, channel, "the memory has " + provider.Size + " bytes, the segment takes " + length);
            }

            if ((ulong)provider.Address.ToInt64() % Wire.BlockAlignment != 0)
            {
                throw Failures.Make(
                    ErrorCode.InvalidArgument, operation, channel, "the memory does not start on a " + Wire.BlockAlignment + "-byte boundary");
            }
        }
    }
}
