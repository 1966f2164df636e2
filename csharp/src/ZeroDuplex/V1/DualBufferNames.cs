namespace ZeroDuplex.V1
{
    /// <summary>How the two buffers of a v1 duplex channel are named.</summary>
    internal static class DualBufferNames
    {
        private const string RequestSuffix = "_request";
        private const string ResponseSuffix = "_response";

        /// <summary>Whether the buffers of a channel can have names at all.</summary>
        internal static bool Fit(string channel)
        {
            return channel.Length <= Wire.NameMaximum - ResponseSuffix.Length;
        }

        /// <summary>The buffer that the server creates and reads.</summary>
        internal static string Request(string channel)
        {
            return channel + RequestSuffix;
        }

        /// <summary>The buffer that the client creates and reads.</summary>
        internal static string Response(string channel)
        {
            return channel + ResponseSuffix;
        }
    }
}
