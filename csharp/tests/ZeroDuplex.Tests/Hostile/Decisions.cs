using System;

namespace ZeroDuplex.Tests.Hostile
{
    /// <summary>A program of bytes, read as a sequence of decisions. When it has run out every decision is 0.</summary>
    internal sealed class Decisions
    {
        private readonly byte[] input;
        private int at;

        internal Decisions(byte[] input)
        {
            this.input = input;
        }

        internal bool More
        {
            get { return at < input.Length; }
        }

        /// <summary>The program of that number. The calmer it is, the more it does before somebody interferes.</summary>
        internal static byte[] Make(int seed, int number)
        {
            var random = new Random(unchecked((seed * 1000003) + number));
            int calm = number % 8;
            var made = new byte[64 + random.Next(240)];
            for (int i = 0; i < made.Length; i++)
            {
                int tame = random.Next(2) == 0 ? random.Next(11) : 16 * random.Next(16);
                made[i] = (byte)(random.Next(7) < calm ? tame : random.Next(256));
            }

            return made;
        }

        internal byte Byte()
        {
            return at < input.Length ? input[at++] : (byte)0;
        }

        /// <summary>One of so many possibilities.</summary>
        internal ulong Below(ulong count)
        {
            ulong first = Byte();
            return (count <= 256 ? first : (first << 8) | Byte()) % count;
        }

        /// <summary>What to store where <paramref name="current"/> stands: mostly values at the borders of what is right.</summary>
        internal ulong Value(ulong current, ulong payload)
        {
            unchecked
            {
                int kind = Byte() % 12;
                byte small = Byte();
                var near = (ulong)(sbyte)small;
                switch (kind)
                {
                    case 0:
                    case 1:
                        return small;
                    case 2:
                    case 3:
                        return current + (near * Wire.BlockAlignment);
                    case 4:
                        return current + near;
                    case 5:
                        return payload + (near * Wire.BlockAlignment);
                    case 6:
                        return (payload * (ulong)(small % 8)) + current;
                    case 7:
                        return 1UL << (small % 64);
                    case 8:
                        return (1UL << (small % 64)) - 1;
                    case 9:
                        return 0UL - small;
                    case 10:
                        return small % 9U; // states and flags
                    default:
                        ulong raw = 0;
                        for (int i = 0; i < 64; i += 8)
                        {
                            raw |= (ulong)Byte() << i;
                        }

                        return raw;
                }
            }
        }
    }
}
