namespace ZeroDuplex
{
    /// <summary>The first eight bytes of every segment and buffer: the size of its first struct, which tells the protocols apart, and the version.</summary>
    internal static class ProtocolIdentity
    {
        internal static uint SizeOf(ulong identity)
        {
            return (uint)identity;
        }

        internal static byte MajorOf(ulong identity)
        {
            return (byte)(identity >> 32);
        }

        /// <summary>The version as text for people.</summary>
        internal static string VersionOf(ulong identity)
        {
            return "v" + MajorOf(identity) + "." + (byte)(identity >> 40) + "." + (byte)(identity >> 48);
        }
    }
}
