using System;
using System.Globalization;

namespace ZeroDuplex.Programs
{
    /// <summary>
    /// The sizes of a stream's frames, the same in every language: --size A for all, --size A-B for random ones that follow from --seed, or
    /// --sizes a,b,c again and again.
    /// </summary>
    public sealed class FrameSizes
    {
        public static readonly string[] Flags = { "--size", "--sizes", "--seed" };

        private readonly ulong[] cycle; // null when the sizes are random
        private readonly ulong least;
        private readonly ulong range;
        private ulong state;
        private int next;

        public FrameSizes(Arguments flags)
        {
            string size = flags.Text("--size", null);
            string sizes = flags.Text("--sizes", null);
            if ((size == null) == (sizes == null))
            {
                throw new UsageException("give either --size or --sizes");
            }

            state = (ulong)flags.Long("--seed", 0, 0);
            string[] ends = (size ?? string.Empty).Split('-');
            if (ends.Length == 2)
            {
                least = Parse(ends[0]);
                ulong most = Parse(ends[1]);
                if (most < least)
                {
                    throw new UsageException("--size " + size + " ends below its beginning");
                }

                range = most - least + 1;
                return;
            }

            cycle = Array.ConvertAll((sizes ?? size).Split(','), Parse);
        }

        /// <summary>Bytes of the next frame.</summary>
        public int Next()
        {
            return (int)(cycle != null ? cycle[next++ % cycle.Length] : least + (Random() % range));
        }

        private static ulong Parse(string text)
        {
            int value;
            if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value) || value == 0)
            {
                throw new UsageException("\"" + text + "\" is no frame size");
            }

            return (ulong)value;
        }

        /// <summary>splitmix64.</summary>
        private ulong Random()
        {
            unchecked
            {
                state += 0x9E3779B97F4A7C15;
                ulong z = state;
                z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
                z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
                return z ^ (z >> 31);
            }
        }
    }
}
