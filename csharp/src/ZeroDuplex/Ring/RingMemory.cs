namespace ZeroDuplex.Ring
{
    /// <summary>
    /// A segment's shared part as both ends see it. Its sizes were validated when it was attached and are never read again. The memory is
    /// whatever the pointers lead to, heap memory in tests.
    /// </summary>
    internal readonly unsafe struct RingMemory
    {
        internal readonly OiebV2* Request;
        internal readonly OiebV2* Response;
        internal readonly byte* Payload;
        internal readonly ulong Size; // of the payload

        internal RingMemory(OiebV2* request, OiebV2* response, byte* payload, ulong size)
        {
            Request = request;
            Response = response;
            Payload = payload;
            Size = size;
        }

        /// <summary>The header at a position, a multiple of 64 with room for a header before the payload's end.</summary>
        internal FrameHeaderV2* HeaderAt(ulong position)
        {
            return (FrameHeaderV2*)(Payload + position);
        }

        /// <summary>Rounds to the next multiple of the block alignment. Callers bound n, so that it cannot overflow.</summary>
        internal static ulong RoundUp(ulong n)
        {
            return (n + Wire.BlockAlignment - 1) & ~(Wire.BlockAlignment - 1);
        }
    }
}
