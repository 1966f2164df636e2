using System;

namespace ZeroDuplex.Programs
{
    /// <summary>What the frames of a stream hold: byte i of frame n is (n + i) mod 256.</summary>
    public static class FrameBytes
    {
        private const int Period = 256;
        private const int Step = 256 * Period;

        // From its n-th byte on these are a step's bytes of frame n: copied and compared many at a time.
        private static readonly byte[] Steps = MakeSteps();

        public static void Fill(Span<byte> data, ulong sequence)
        {
            while (data.Length > 0)
            {
                ReadOnlySpan<byte> step = First(data.Length, sequence);
                step.CopyTo(data);
                data = data.Slice(step.Length);
            }
        }

        public static bool Match(ReadOnlySpan<byte> data, ulong sequence)
        {
            while (data.Length > 0)
            {
                ReadOnlySpan<byte> step = First(data.Length, sequence);
                if (!data.Slice(0, step.Length).SequenceEqual(step))
                {
                    return false;
                }

                data = data.Slice(step.Length);
            }

            return true;
        }

        private static ReadOnlySpan<byte> First(int length, ulong sequence)
        {
            return new ReadOnlySpan<byte>(Steps, (int)(sequence % Period), Math.Min(length, Step));
        }

        private static byte[] MakeSteps()
        {
            var steps = new byte[Step + Period];
            for (int i = 0; i < steps.Length; i++)
            {
                steps[i] = unchecked((byte)i);
            }

            return steps;
        }
    }
}
