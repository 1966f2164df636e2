using System;
using ZeroDuplex.Ring;

namespace ZeroDuplex.Tests.Hostile
{
    /// <summary>What a program showed must never happen.</summary>
    public sealed class WrongException : Exception
    {
        internal WrongException(string message)
            : base(message)
        {
        }
    }

    /// <summary>A program over both ends of a ring: step by step until it has run out, anew after each corruption that is found.</summary>
    internal abstract unsafe class HostileProgram
    {
        private readonly Arena arena;

        private protected HostileProgram(Arena arena, Flipper flipper, Tally tally, byte[] input)
        {
            this.arena = arena;
            Flipper = flipper;
            Tally = tally;
            Decisions = new Decisions(input);
        }

        protected Decisions Decisions { get; }

        protected Flipper Flipper { get; }

        protected Tally Tally { get; }

        /// <summary>Somebody interfered since the last reset: corruption is a right answer now.</summary>
        protected bool Touched { get; set; }

        internal void Run()
        {
            Tally.Add("programs");
            try
            {
                while (Decisions.More)
                {
                    try
                    {
                        Step();
                    }
                    catch (RingCorruptedException)
                    {
                        Require(Touched, "corruption was found where nobody interfered");
                        Tally.Add("corrupted");
                        Reset();
                    }

                    Check();
                }
            }
            finally
            {
                Flipper.Stop();
            }

            Require(arena.IsIntact(), "something was written before the segment");
        }

        internal static void Require(bool holds, string what)
        {
            if (!holds)
            {
                throw new WrongException(what);
            }
        }

        private protected static void Fill(byte* data, ulong size, ulong with)
        {
            new Span<byte>(data, (int)size).Fill(unchecked((byte)with));
        }

        private protected static bool IsFilled(byte* data, ulong size, ulong with)
        {
            foreach (byte b in new ReadOnlySpan<byte>(data, (int)size))
            {
                if (b != unchecked((byte)with))
                {
                    return false;
                }
            }

            return true;
        }

        /// <summary>Puts the memory and both ends back to where they begin.</summary>
        protected abstract void Reset();

        /// <summary>Does what the next decisions say.</summary>
        protected abstract void Step();

        /// <summary>What holds after every step.</summary>
        protected abstract void Check();
    }
}
