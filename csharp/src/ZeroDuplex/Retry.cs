using System;
using System.Threading;
using ZeroDuplex.Native;

namespace ZeroDuplex
{
    /// <summary>
    /// The patience of one call with what time may heal. Names, lock bytes and pids cannot be waited for, so it looks again and again. Not
    /// thread-safe.
    /// </summary>
    internal sealed class Retry
    {
        private static readonly TimeSpan ShortestPause = TimeSpan.FromTicks(TimeSpan.TicksPerMillisecond / 50);
        private static readonly TimeSpan LongestPause = TimeSpan.FromTicks(2 * TimeSpan.TicksPerMillisecond);

        private readonly string operation;
        private readonly string channel;
        private readonly CancellationToken token;
        private readonly long deadline;
        private TimeSpan pause = ShortestPause;

        internal Retry(string operation, string channel, TimeSpan timeout, CancellationToken token)
        {
            this.operation = operation;
            this.channel = channel;
            this.token = token;
            deadline = Ticks.In(timeout);
        }

        /// <summary>Calls make until it succeeds. What time may heal is tried again until the time is over, everything else is thrown at once.</summary>
        internal T Until<T>(Func<T> make, Func<ErrorCode, bool> heals)
        {
            while (true)
            {
                try
                {
                    return make();
                }
                catch (ZeroDuplexException e) when (heals(e.Code))
                {
                    // The reason why it took so long says more than a bare timeout.
                    if (!Wait())
                    {
                        throw;
                    }
                }
                catch (NativeException e)
                {
                    throw Failures.System(operation, channel, e);
                }
            }
        }

        /// <summary>Pauses before the next look, a little longer each time. False when there is no time left.</summary>
        internal bool Wait()
        {
            if (token.IsCancellationRequested)
            {
                throw Failures.Cancelled(operation, channel, token);
            }

            var left = new TimeSpan(deadline - Ticks.Now);
            if (left <= TimeSpan.Zero)
            {
                return false;
            }

            Platform.Sleep(pause < left ? pause : left);
            pause = pause + pause < LongestPause ? pause + pause : LongestPause;
            return true;
        }

        /// <summary>Something moved: what comes next may be quick.</summary>
        internal void Hurry()
        {
            pause = ShortestPause;
        }
    }
}
