using System;
using System.Threading;
using System.Threading.Tasks;

namespace ZeroDuplex
{
    /// <summary>What a server of either protocol goes through, in this order; stages may be left out.</summary>
    internal enum ServerStage
    {
        Created,
        Serving,
        Draining,
        Stopped,
    }

    /// <summary>The life of a server: it starts once and stops once, whoever asks. Stage and Start belong to the server's lock.</summary>
    internal sealed class ServerLife
    {
        internal const string StopOperation = "stop server";

        private const string StartOperation = "start server";

        private readonly string name;
        private readonly ServerOptions options;
        private readonly object sync;
        private readonly TaskCompletionSource<bool> stopped = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        private ZeroDuplexException error; // of the stop

        internal ServerLife(string name, ServerOptions options, object sync)
        {
            this.name = name;
            this.options = options;
            this.sync = sync;
        }

        internal ServerStage Stage { get; private set; }

        internal Task Stopped
        {
            get { return stopped.Task; }
        }

        /// <summary>Enters the serving stage.</summary>
        internal void Start(Delegate handler)
        {
            if (handler == null)
            {
                throw Failures.Make(ErrorCode.InvalidArgument, StartOperation, name, "the handler is null");
            }

            if (Stage == ServerStage.Serving)
            {
                throw Failures.Make(ErrorCode.InvalidArgument, StartOperation, name, "it was started before");
            }

            if (Stage != ServerStage.Created)
            {
                throw Failures.Make(ErrorCode.Closed, StartOperation, name, null);
            }

            Stage = ServerStage.Serving;
        }

        /// <summary>
        /// Stops once: whoever comes first calls tearDown with the deadline and the lock held, the others wait for it. TearDown returns what
        /// went wrong, and everybody gets it.
        /// </summary>
        internal void Stop(TimeSpan timeout, Func<long, ZeroDuplexException> tearDown)
        {
            if (timeout < TimeSpan.Zero && timeout != Timeout.InfiniteTimeSpan)
            {
                throw Failures.Make(ErrorCode.InvalidArgument, StopOperation, name, "timeout " + timeout + " is negative");
            }

            bool mine = false;
            lock (sync)
            {
                if (Stage < ServerStage.Draining)
                {
                    mine = true;
                    Stage = ServerStage.Draining;
                    error = tearDown(Ticks.In(timeout));
                    Stage = ServerStage.Stopped;
                }
            }

            if (mine)
            {
                stopped.SetResult(true);
            }
            else
            {
                stopped.Task.Wait();
            }

            if (error != null)
            {
                // Each caller gets an exception of its own.
                throw Failures.Make(error.Code, StopOperation, name, "handlers, responses or names were left", error.InnerException);
            }
        }

        /// <summary>Calls stop, and tells the listener what fails.</summary>
        internal void StopQuietly(Action<TimeSpan> stop)
        {
            try
            {
                stop(options.StopTimeout);
            }
            catch (ZeroDuplexException e)
            {
                Tell(e);
            }
        }

        /// <summary>Tells the listener. Called without the lock.</summary>
        internal void Tell(Exception failure)
        {
            try
            {
                if (options.OnError != null)
                {
                    options.OnError(failure);
                }
            }
            catch (Exception)
            {
                // As documented: a listener that fails must not take the server down.
            }
        }

        /// <summary>What is left until a deadline, at most a slice, for Monitor.Wait, which counts in milliseconds: zero of them would spin.</summary>
        internal static TimeSpan SliceUntil(long deadline)
        {
            TimeSpan slice = Ticks.SliceUntil(deadline);
            return slice.Ticks < TimeSpan.TicksPerMillisecond ? TimeSpan.FromMilliseconds(1) : slice;
        }
    }
}
