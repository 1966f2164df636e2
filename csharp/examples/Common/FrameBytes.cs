using System;

namespace ZeroDuplex.Programs
{
    /// <summary>What the frames of a stream hold: byte i of frame n is (n + i) mod 256.</summary>
    public static class FrameBytes
    {
        public static void Fill(Span<byte> data, ulong sequence)
        {
            for (int i = 0; i < data.Length; i++)
            {
                data[i] = (byte)(sequence + (ulong)i);
            }
        }

        public static bool Match(ReadOnlySpan<byte> data, ulong sequence)
        {
            for (int i = 0; i < data.Length; i++)
            {
                if (data[i] != (byte)(sequence + (ulong)i))
                {
                    return false;
                }
            }

            return true;
        }
    }
}
