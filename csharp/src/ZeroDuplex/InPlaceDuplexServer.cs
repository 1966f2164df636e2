using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using ZeroDuplex.Native;

namespace ZeroDuplex
{
    /// <summary>
    /// Owns an in-place duplex channel and answers its requests where they stand. Thread-safe. Stop or dispose of it, to remove the channel.
    /// </summary>
    public sealed unsafe partial class InPlaceDuplexServer : IDuplexServer
    {
        private readonly string name;
        private readonly BufferConfig config;
        private readonly ServerOptions options;
        private readonly OwnerLock owner;
        private readonly TaskCompletionSource<bool> stopped = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly Signal watchEnd = new Signal();

        // Everything below belongs to this lock, except where it is said to be read without.
        private readonly object sync = new object();
        private readonly LinkedList<Signal> idle = new LinkedList<Signal>(); // workers that wait for something to take, or for a role
        private Phase phase;
        private Tenure current;
        private FrameHandler handler;
        private byte[] metadata; // of the server, kept for a new object; null until written
        private bool polling; // a worker looks for requests; the role is taken and left under the lock
        private bool busy; // there was something to do since the last sleep, so that spinning is worth while
        private ZeroDuplexException stopError;
        private List<Exception> reports = new List<Exception>(); // for the listener
        private int kicks; // grows when a spinning worker must look at more than the ring; read without the lock

        internal InPlaceDuplexServer(string name, BufferConfig config, ServerOptions options, OwnerLock owner, Segment segment)
        {
            this.name = name;
            this.config = config;
            this.options = options;
            this.owner = owner;
            current = new Tenure(segment);
        }

        private enum Phase
        {
            Created,
            Serving,
            Draining,
            Stopped,
        }

        /// <inheritdoc/>
        public string Name
        {
            get { return name; }
        }

        /// <inheritdoc/>
        public Task Stopped
        {
            get { return stopped.Task; }
        }

        /// <summary>
        /// Begins to answer requests and returns at once. A server starts once. Errors: <see cref="InvalidArgumentException"/>,
        /// <see cref="ClosedException"/>.
        /// </summary>
        /// <param name="handler">Changes requests where they stand.</param>
        /// <param name="cancellationToken">Its end stops the server in good order, as Dispose does.</param>
        public void Start(FrameHandler handler, CancellationToken cancellationToken = default(CancellationToken))
        {
            const string Operation = "start server";
            lock (sync)
            {
                if (handler == null)
                {
                    throw Fail(ErrorCode.InvalidArgument, Operation, "the handler is null");
                }

                if (phase == Phase.Serving)
                {
                    throw Fail(ErrorCode.InvalidArgument, Operation, "it was started before");
                }

                if (phase != Phase.Created)
                {
                    throw Fail(ErrorCode.Closed, Operation, null);
                }

                phase = Phase.Serving;
                this.handler = handler;
                StartWorkers(current);
                StartThread("watch", () => Watch(cancellationToken));
            }
        }

        /// <summary>
        /// Writes the server's metadata, once. Errors: <see cref="MetadataAlreadyWrittenException"/>, <see cref="MetadataTooLargeException"/>,
        /// <see cref="ClosedException"/>.
        /// </summary>
        /// <param name="content">The metadata.</param>
        public void SetMetadata(ReadOnlySpan<byte> content)
        {
            const string Operation = "set metadata";
            lock (sync)
            {
                if (phase > Phase.Serving)
                {
                    throw Fail(ErrorCode.Closed, Operation, null);
                }

                if (metadata != null)
                {
                    throw Fail(ErrorCode.MetadataAlreadyWritten, Operation, null);
                }

                current.Segment.ResponseMetadata.Write(name, content);
                metadata = content.ToArray();
            }
        }

        /// <summary>
        /// A copy of the attached client's metadata, null when no client is attached or it has written none. Errors:
        /// <see cref="ClosedException"/>, <see cref="CorruptedException"/>.
        /// </summary>
        public byte[] ClientMetadata()
        {
            lock (sync)
            {
                if (phase == Phase.Stopped)
                {
                    throw Fail(ErrorCode.Closed, "read client metadata", null);
                }

                return current.Segment.RequestMetadata.Read(name);
            }
        }

        /// <summary>
        /// <see cref="IDuplexServer.Stop"/>. Called from a handler it runs into its timeout, since that handler is waited for.
        /// </summary>
        /// <param name="timeout">How long handlers and the client may take; <see cref="Timeout.InfiniteTimeSpan"/> for ever.</param>
        public void Stop(TimeSpan timeout)
        {
            if (timeout < TimeSpan.Zero && timeout != Timeout.InfiniteTimeSpan)
            {
                throw Fail(ErrorCode.InvalidArgument, StopOperation, "timeout " + timeout + " is negative");
            }

            bool mine = false;
            ZeroDuplexException error;
            lock (sync)
            {
                if (phase < Phase.Draining)
                {
                    mine = true;
                    phase = Phase.Draining;
                    stopError = StopTenure(Ticks.In(timeout));
                    phase = Phase.Stopped;
                }
            }

            if (mine)
            {
                stopped.SetResult(true);
                watchEnd.Set();
            }
            else
            {
                stopped.Task.Wait();
            }

            lock (sync)
            {
                error = stopError;
            }

            if (error != null)
            {
                // Each caller gets an exception of its own.
                throw Fail(error.Code, StopOperation, "handlers, responses or names were left", error.InnerException);
            }
        }

        /// <summary>Stops with the stop timeout of the options. What fails is told to <see cref="ServerOptions.OnError"/>.</summary>
        public void Dispose()
        {
            try
            {
                Stop(options.StopTimeout);
            }
            catch (ZeroDuplexException e)
            {
                Tell(e);
            }
        }

        private static void StartThread(string role, Action body)
        {
            new Thread(() => body()) { IsBackground = true, Name = "zeroduplex " + role }.Start();
        }

        private void StartWorkers(Tenure tenure)
        {
            for (int i = 0; i < options.Workers; i++)
            {
                StartThread("worker", () => Serve(tenure));
            }
        }

        private ZeroDuplexException Fail(ErrorCode code, string operation, string detail, Exception inner = null)
        {
            return Failures.Make(code, operation, name, detail, inner);
        }

        private void Tell(Exception error)
        {
            try
            {
                if (options.OnError != null)
                {
                    options.OnError(error);
                }
            }
            catch (Exception)
            {
                // As documented: a listener that fails must not take the server down.
            }
        }

        /// <summary>Makes the polling worker look again.</summary>
        private void Kick()
        {
            Volatile.Write(ref kicks, kicks + 1);
            Thread.MemoryBarrier();
            current.Segment.Semaphores.RequestReady.PostIfZero();
        }

        private void WakeOneIdle()
        {
            if (idle.Count > 0)
            {
                Signal first = idle.First.Value;
                idle.RemoveFirst();
                first.Set();
            }
        }

        private void WakeIdle()
        {
            while (idle.Count > 0)
            {
                WakeOneIdle();
            }
        }
    }
}
