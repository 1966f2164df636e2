using System;
using System.Threading;

namespace ZeroDuplex.V1
{
    /// <summary>
    /// The tokens of data-written. Each stands for a frame, so those by which this process wakes its own sleepers are counted: as many are
    /// no frames. Thread-safe.
    /// </summary>
    internal sealed class FrameTokens : IWakeable
    {
        private readonly Native.Semaphore semaphore;
        private int wakes; // tokens that are no frames

        internal FrameTokens(Native.Semaphore semaphore)
        {
            this.semaphore = semaphore;
        }

        /// <summary>Whether one is there, by one load.</summary>
        internal bool Any
        {
            get { return semaphore.Value != 0; }
        }

        /// <summary>Takes a frame's token if one is there.</summary>
        internal bool TryTake()
        {
            return Any && Wait(TimeSpan.Zero);
        }

        /// <inheritdoc/>
        public bool Wait(TimeSpan timeout)
        {
            if (!semaphore.Wait(timeout))
            {
                return false;
            }

            // Tokens are alike. This may be a frame's and another one the wake-up's; the sum is what counts.
            while (true)
            {
                int n = Volatile.Read(ref wakes);
                if (n == 0)
                {
                    return true;
                }

                if (Interlocked.CompareExchange(ref wakes, n - 1, n) == n)
                {
                    return false;
                }
            }
        }

        /// <inheritdoc/>
        public void Wake()
        {
            Interlocked.Increment(ref wakes);
            if (!semaphore.PostBelow(Wire.SemaphoreValueMax))
            {
                Interlocked.Decrement(ref wakes); // with so many tokens nobody sleeps
            }
        }
    }
}
