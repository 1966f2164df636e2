using System;
using System.Runtime.CompilerServices;
using System.Threading;

namespace ZeroDuplex
{
    /// <summary>
    /// How long a waiter lets the peer work before it looks for the first time, learnt from whether that look came too early. Each look takes
    /// the cache line away from the peer, which is about to write it and has to fetch it back. Thread-safe: a hint, shared by all that wait
    /// for the same thing.
    /// </summary>
    internal sealed class Patience
    {
        /// <summary>Bounds the wait, to one or two microseconds: whoever waits longer does not wait for a cache line.</summary>
        internal const int Longest = 400;

        /// <summary>
        /// What a look that came too early adds; one that did not takes 1 away. So two looks of three find what they are for. Much more, and the
        /// two sides of a channel, each of which waits for the other, would lengthen each other's waits.
        /// </summary>
        private const int Impatience = 2;

        private int steps;

        internal int Steps
        {
            get { return Volatile.Read(ref steps); }
        }

        /// <summary>Lets the peer work.</summary>
        internal void Wait()
        {
            Delay(Steps);
        }

        /// <summary>Takes in whether the first look found what it was for.</summary>
        internal void Learn(bool found)
        {
            int n = Steps;
            if (!found)
            {
                Volatile.Write(ref steps, Math.Min(n + Impatience, Longest));
            }
            else if (n > 0)
            {
                Volatile.Write(ref steps, n - 1);
            }
        }

        /// <summary>
        /// Does nothing for so many steps of a few nanoseconds, which hits a moment that <see cref="Thread.SpinWait"/> misses. The result has no meaning; it
        /// keeps the compiler from leaving the work out.
        /// </summary>
        [MethodImpl(MethodImplOptions.NoInlining)]
        private static int Delay(int steps)
        {
            int product = 3;
            for (int i = 0; i < steps; i++)
            {
                product = unchecked(product * product); // waits for the one before it
            }

            return product;
        }
    }
}
