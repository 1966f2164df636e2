using System.Threading;

namespace ZeroDuplex
{
    /// <summary>Wakes one thread of this process. It holds at most one signal: whoever wakes looks at everything again.</summary>
    internal sealed class Signal
    {
        private readonly object sync = new object();
        private bool set;

        internal void Set()
        {
            lock (sync)
            {
                set = true;
                Monitor.Pulse(sync);
            }
        }

        /// <summary>Waits for a signal and takes it, until the moment at the latest.</summary>
        internal void Wait(long until)
        {
            lock (sync)
            {
                while (!set)
                {
                    if (until == Ticks.Never)
                    {
                        Monitor.Wait(sync);
                        continue;
                    }

                    long left = until - Ticks.Now;
                    if (left <= 0)
                    {
                        return;
                    }

                    // Rounded up, or the last millisecond would be spent spinning here.
                    long milliseconds = (left / System.TimeSpan.TicksPerMillisecond) + 1;
                    Monitor.Wait(sync, (int)System.Math.Min(milliseconds, int.MaxValue));
                }

                set = false;
            }
        }
    }
}
