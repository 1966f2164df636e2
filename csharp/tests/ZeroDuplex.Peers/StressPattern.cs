using System;

namespace ZeroDuplex.Peers
{
    /// <summary>
    /// Byte i of frame n is (n + i) mod 256 as a request and that XOR 0xFF as a response. Bits of the opcode ask for more.
    /// </summary>
    internal static class StressPattern
    {
        internal const uint DelayMask = 0xFFFF; // microseconds that the handler sleeps before it answers
        internal const uint Grow = 1 << 16; // resize the response to the frame's capacity
        internal const uint Fail = 1 << 17; // fail with StatusAsked
        internal const int StatusAsked = 7;
        internal const int StatusWrong = 8; // the request's bytes were not what they should be
        internal const byte AnswerMask = 0xFF;

        /// <summary>Writes the pattern of a frame, from byte first on.</summary>
        internal static void Fill(Span<byte> data, ulong sequence, int first, byte mask)
        {
            for (int i = first; i < data.Length; i++)
            {
                data[i] = (byte)((byte)(sequence + (ulong)i) ^ mask);
            }
        }

        /// <summary>Index of the first byte that does not follow the pattern, -1 when all do.</summary>
        internal static int Mismatch(ReadOnlySpan<byte> data, ulong sequence, byte mask)
        {
            for (int i = 0; i < data.Length; i++)
            {
                if (data[i] != (byte)((byte)(sequence + (ulong)i) ^ mask))
                {
                    return i;
                }
            }

            return -1;
        }

        internal static string FailureMessage(ulong sequence)
        {
            return "stress failure " + sequence;
        }
    }
}
