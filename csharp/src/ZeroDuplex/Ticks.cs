using System;
using System.Diagnostics;
using System.Threading;

namespace ZeroDuplex
{
    /// <summary>Monotonic time in the units of <see cref="TimeSpan"/>, since some moment.</summary>
    internal static class Ticks
    {
        internal const long Never = long.MaxValue;

        internal static readonly long Slice = Wire.DefaultV2WaitSlice.Ticks;

        private static readonly bool SameUnit = Stopwatch.Frequency == TimeSpan.TicksPerSecond;
        private static readonly double PerCount = (double)TimeSpan.TicksPerSecond / Stopwatch.Frequency;

        internal static long Now
        {
            get { return SameUnit ? Stopwatch.GetTimestamp() : (long)(Stopwatch.GetTimestamp() * PerCount); }
        }

        /// <summary>The moment after a duration, never for an infinite one.</summary>
        internal static long In(TimeSpan duration)
        {
            if (duration == Timeout.InfiniteTimeSpan)
            {
                return Never;
            }

            long now = Now;
            return duration.Ticks > Never - now ? Never : now + duration.Ticks;
        }

        /// <summary>What is left until a moment, at most one slice and not negative.</summary>
        internal static TimeSpan SliceUntil(long moment)
        {
            return Until(moment, Slice);
        }

        /// <summary>What is left until a moment, at most limit and not negative.</summary>
        internal static TimeSpan Until(long moment, long limit)
        {
            return new TimeSpan(Math.Max(0, Math.Min(limit, moment - Now)));
        }
    }
}
