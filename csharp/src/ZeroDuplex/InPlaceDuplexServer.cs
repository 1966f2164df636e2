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
        private readonly ServerLife life;
        private readonly Signal watchEnd = new Signal();

        // Everything below belongs to this lock, except where it is said to be read without.
        private readonly object sync = new object();
        private readonly LinkedList<Signal> idle = new LinkedList<Signal>(); // workers that wait for something to take, or for a role
        private Tenure current;
        private FrameHandler handler;
        private byte[] metadata; // of the server, kept for a new object; null until written
        private bool polling; // a worker looks for requests; the role is taken and left under the lock
        private bool busy; // there was something to do since the last sleep, so that spinning is worth while
        private List<Exception> reports = new List<Exception>(); // for the listener
        private int kicks; // grows when a spinning worker must look at more than the ring; read without the lock

        internal InPlaceDuplexServer(string name, BufferConfig config, ServerOptions options, OwnerLock owner, Segment segment)
        {
            this.name = name;
            this.config = config;
            this.options = options;
            this.owner = owner;
            life = new ServerLife(name, options, sync);
            current = new Tenure(segment);
        }

        /// <inheritdoc/>
        public string Name
        {
            get { return name; }
        }

        /// <inheritdoc/>
        public Task Stopped
        {
            get { return life.Stopped; }
        }

        /// <inheritdoc/>
        public MemoryReport MemoryReport
        {
            get
            {
                lock (sync)
                {
                    return current.Segment.Report;
                }
            }
        }

        /// <inheritdoc/>
        public void Start(FrameHandler handler, CancellationToken cancellationToken = default(CancellationToken))
        {
            lock (sync)
            {
                life.Start(handler);
                this.handler = handler;
                StartWorkers(current);
                OwnThread.Start("watch", () => Watch(cancellationToken));
            }
        }

        /// <inheritdoc/>
        public void SetMetadata(ReadOnlySpan<byte> content)
        {
            const string Operation = "set metadata";
            lock (sync)
            {
                if (life.Stage > ServerStage.Serving)
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
                if (life.Stage == ServerStage.Stopped)
                {
                    throw Fail(ErrorCode.Closed, "read client metadata", null);
                }

                return current.Segment.RequestMetadata.Read(name, true);
            }
        }

        /// <summary>
        /// <see cref="IDuplexServer.Stop"/>: waits until the client consumed every response or is gone. Called from a handler it runs into its
        /// timeout, since that handler is waited for.
        /// </summary>
        /// <param name="timeout">How long handlers and the client may take; <see cref="Timeout.InfiniteTimeSpan"/> for ever.</param>
        public void Stop(TimeSpan timeout)
        {
            try
            {
                life.Stop(timeout, StopTenure);
            }
            finally
            {
                watchEnd.Set();
            }
        }

        /// <summary>Stops with the stop timeout of the options. What fails is told to <see cref="ServerOptions.OnError"/>.</summary>
        public void Dispose()
        {
            life.StopQuietly(Stop);
        }

        private void StartWorkers(Tenure tenure)
        {
            for (int i = 0; i < options.Workers; i++)
            {
                OwnThread.Start("worker", () => Serve(tenure));
            }
        }

        private ZeroDuplexException Fail(ErrorCode code, string operation, string detail, Exception inner = null)
        {
            return Failures.Make(code, operation, name, detail, inner);
        }

        /// <summary>Makes the polling worker look again.</summary>
        private void Kick()
        {
            Volatile.Write(ref kicks, kicks + 1);
            Fence.Full();
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
