using System;
using System.Threading;
using ZeroDuplex.Native;

namespace ZeroDuplex
{
    /// <summary>
    /// The waiting of one call: first spinning, then sleeping, until its deadline. The clock is first read when the call really has to wait.
    /// </summary>
    internal struct Pause
    {
        /// <summary>How many looks a spin takes between two readings of the clock.</summary>
        internal const int SpinBatch = 256;

        private static readonly Action<object> WakeSleeper = s => ((IWakeable)s).Wake();
        private static readonly Action<object> SetSignal = s => ((Signal)s).Set();

        private readonly CancellationToken token;
        private TimeSpan timeout;
        private bool begun;
        private long deadline;
        private long spinUntil; // 0: no spinning

        internal Pause(TimeSpan timeout, CancellationToken token)
            : this()
        {
            this.timeout = timeout;
            this.token = token;
        }

        /// <summary>The waiting of a call, the default's where no timeout is given.</summary>
        internal static Pause For(string operation, string channel, TimeSpan? timeout, TimeSpan otherwise, CancellationToken token)
        {
            if (timeout.HasValue && timeout.Value < TimeSpan.Zero && timeout.Value != Timeout.InfiniteTimeSpan)
            {
                throw Failures.Make(ErrorCode.InvalidArgument, operation, channel, "timeout " + timeout.Value + " is negative");
            }

            return new Pause(timeout ?? otherwise, token);
        }

        internal CancellationToken Token
        {
            get { return token; }
        }

        internal bool IsCancelled
        {
            get { return token.IsCancellationRequested; }
        }

        internal long Deadline
        {
            get { return deadline; }
        }

        internal bool IsExpired
        {
            get { return Ticks.Now >= deadline; }
        }

        /// <summary>Whether to go on spinning.</summary>
        internal bool IsSpinning
        {
            get
            {
                if (spinUntil == 0 || spinUntil == Ticks.Never)
                {
                    return spinUntil != 0;
                }

                if (Ticks.Now < spinUntil)
                {
                    return true;
                }

                spinUntil = 0;
                return false;
            }
        }

        /// <summary>
        /// Lets others run before another batch of looks: the peer may be waiting for this very processor. Not for the holder of a lock.
        /// </summary>
        internal static void LetOthersRun()
        {
            Thread.Yield();
        }

        /// <summary>Settles the deadline, once. A call that waits in two ways has one deadline for both.</summary>
        internal void Begin()
        {
            if (!begun)
            {
                begun = true;
                deadline = Ticks.In(timeout);
            }
        }

        /// <summary>Begins, and opens the spin window of the strategy.</summary>
        internal void Begin(ChannelOptions options)
        {
            Begin();
            switch (options.Wait)
            {
                case WaitStrategy.Spin:
                    spinUntil = Ticks.Never;
                    break;
                case WaitStrategy.Hybrid:
                    spinUntil = Ticks.In(options.SpinWindow);
                    break;
                default:
                    spinUntil = 0;
                    break;
            }
        }

        /// <summary>The same call goes on to its next phase with a timeout of its own.</summary>
        internal void Restart(TimeSpan next)
        {
            timeout = next;
            begun = false;
        }

        /// <summary>
        /// Sleeps on a semaphore until the deadline, but no longer than limit in ticks. True: it took a token. The end of the token wakes it.
        /// </summary>
        internal bool Sleep(IWakeable semaphore, long limit)
        {
            if (!token.CanBeCanceled)
            {
                return semaphore.Wait(Ticks.Until(deadline, limit));
            }

            // Disposing of the registration waits for the callback, so the semaphore is not used after this.
            using (token.Register(WakeSleeper, semaphore))
            {
                return semaphore.Wait(Ticks.Until(deadline, limit));
            }
        }

        /// <summary>Waits in this process for a signal, the deadline or the token. The caller looks at everything again.</summary>
        internal void Wait(Signal signal)
        {
            Begin();
            if (!token.CanBeCanceled)
            {
                signal.Wait(deadline);
                return;
            }

            using (token.Register(SetSignal, signal))
            {
                signal.Wait(deadline);
            }
        }
    }
}
