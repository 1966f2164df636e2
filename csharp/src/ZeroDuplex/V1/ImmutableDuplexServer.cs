using System;
using System.Threading;
using System.Threading.Tasks;
using ZeroDuplex.V1;

namespace ZeroDuplex
{
    /// <summary>
    /// Owns a ZeroBuffer v1 duplex channel, to which clients of a published ZeroBuffer can connect as well as this library's: requests come
    /// through a buffer of its own, responses go through one that the client owns. Thread-safe. Stop or dispose of it, to remove the channel.
    /// <para><see cref="Start"/> takes the very handler of an in-place server: it gets a copy of the request in the response's place.
    /// <see cref="StartImmutable"/> takes one that reads the request where it stands and writes the response once. One handler runs at a time.</para>
    /// <para>Each request gets one response, in order. v1 has no failures: a handler that fails, a response that is too large and an empty one
    /// are told to <see cref="ServerOptions.OnError"/>, and the client gets the message as an ordinary response, at least one byte of it and cut
    /// to what fits. A client that does not release responses makes the server wait; one that is gone gets no answers, and what it left is
    /// dropped.</para>
    /// </summary>
    public sealed partial class ImmutableDuplexServer : IDuplexServer
    {
        internal const string CreateOperation = "create immutable duplex server";

        private readonly string name;
        private readonly BufferConfig config;
        private readonly ServerOptions options;
        private readonly CancellationTokenSource giveUp = new CancellationTokenSource(); // ends the worker's waits when the time to stop is over
        private readonly ResponseSlot slot; // the worker's
        private readonly SlotWork work; // the worker's

        // Everything below belongs to this lock, except where it is said to be read without.
        private readonly object sync = new object();
        private readonly ServerLife life;
        private Reader requests; // another one after the buffer was found corrupted
        private Writer responses; // to the client that sent the last request; null when there is none, or no way to it
        private ulong client; // the process that wrote requests when it was looked for; the worker's
        private FrameHandler handler;
        private ImmutableHandler immutable;
        private byte[] metadata; // of the server, written into every response buffer; null until set
        private bool running; // the worker has not ended
        private bool handling; // it works for a request

        internal ImmutableDuplexServer(string name, BufferConfig config, ServerOptions options)
        {
            this.name = name;
            this.config = config;
            this.options = options;
            life = new ServerLife(name, options, sync);
            slot = new ResponseSlot(giveUp.Token);
            work = new SlotWork(slot);
            requests = CreateRequests();
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

        /// <summary>
        /// Begins to answer requests and returns at once. A server starts once. The frame's data is a copy of the request in the response's
        /// place; its capacity is what the client's response buffer holds. Errors: <see cref="InvalidArgumentException"/>,
        /// <see cref="ClosedException"/>.
        /// </summary>
        /// <param name="handler">Changes each request into its response.</param>
        /// <param name="cancellationToken">Its end stops the server in good order, as Dispose does.</param>
        public void Start(FrameHandler handler, CancellationToken cancellationToken = default(CancellationToken))
        {
            lock (sync)
            {
                life.Start(handler);
                this.handler = handler;
                StartWorker(cancellationToken);
            }
        }

        /// <summary>
        /// Begins to answer requests with a handler that does not change them, and returns at once. A server starts once, in either way. Errors:
        /// <see cref="InvalidArgumentException"/>, <see cref="ClosedException"/>.
        /// </summary>
        /// <param name="handler">Writes the response to each request.</param>
        /// <param name="cancellationToken">Its end stops the server in good order, as Dispose does.</param>
        public void StartImmutable(ImmutableHandler handler, CancellationToken cancellationToken = default(CancellationToken))
        {
            lock (sync)
            {
                life.Start(handler);
                immutable = handler;
                StartWorker(cancellationToken);
            }
        }

        /// <summary>
        /// Sets the server's metadata, once. Each client finds it in its response buffer when its first request is answered, at once when one is
        /// attached; one whose buffer has not enough room for it goes without, and <see cref="ServerOptions.OnError"/> is told. Errors:
        /// <see cref="MetadataAlreadyWrittenException"/>; <see cref="MetadataTooLargeException"/> for more than the metadata block of the
        /// request buffer holds; <see cref="ClosedException"/>.
        /// </summary>
        /// <param name="content">The metadata.</param>
        public void SetMetadata(ReadOnlySpan<byte> content)
        {
            const string Operation = "set metadata";
            ZeroDuplexException error = null;
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

                MetadataArea.CheckFits(name, content.Length, requests.MetadataSize);
                metadata = content.ToArray();
                if (responses != null)
                {
                    error = WriteMetadata(responses);
                }
            }

            if (error != null)
            {
                life.Tell(error);
            }
        }

        /// <summary>Of the request buffer and, while a client is there, of its response buffer together.</summary>
        public MemoryReport MemoryReport
        {
            get
            {
                lock (sync)
                {
                    return responses == null ? requests.MemoryReport : requests.MemoryReport.And(responses.MemoryReport);
                }
            }
        }

        /// <summary>
        /// A copy of the metadata that the first client with any has written, null when none has: a v1 buffer takes it once. Errors:
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

                return requests.Metadata();
            }
        }

        /// <summary>
        /// Takes nothing new, lets the handler finish and its response be written, and removes the request buffer. The client can still read
        /// what was written: its buffer is its own. <see cref="ZeroDuplexTimeoutException"/> when the handler, or the room for its response,
        /// took longer; the channel is removed all the same. Stopping again waits for the first. Called from a handler it runs into its timeout.
        /// </summary>
        /// <param name="timeout">How long the handler may take; <see cref="Timeout.InfiniteTimeSpan"/> for ever.</param>
        public void Stop(TimeSpan timeout)
        {
            life.Stop(timeout, StopServing);
        }

        /// <summary>Stops with the stop timeout of the options. What fails is told to <see cref="ServerOptions.OnError"/>.</summary>
        public void Dispose()
        {
            life.StopQuietly(Stop);
        }

        private ZeroDuplexException Fail(ErrorCode code, string operation, string detail, Exception inner = null)
        {
            return Failures.Make(code, operation, name, detail, inner);
        }

        private Reader CreateRequests()
        {
            var reader = new ReaderOptions
            {
                Wait = options.Wait, SpinWindow = options.SpinWindow, Mode = options.Mode, Prefault = options.Prefault, HugePages = options.HugePages,
            };
            try
            {
                return new Reader(CreateOperation, DualBufferNames.Request(name), config, reader, null) { BeforeFirst = Welcome };
            }
            catch (ReaderAlreadyConnectedException e)
            {
                throw Fail(ErrorCode.NameInUse, CreateOperation, e.Detail);
            }
        }

        private void StartWorker(CancellationToken token)
        {
            running = true;
            OwnThread.Start("worker", Serve);

            // Whoever cancels must not wait for the stop.
            CancellationTokenRegistration registration = token.Register(() => OwnThread.Start("stop", Dispose));
            life.Stopped.ContinueWith(_ => registration.Dispose(), TaskScheduler.Default);
        }

        /// <summary>The whole of stopping; the lock is held except where it waits. Returns what went wrong.</summary>
        private ZeroDuplexException StopServing(long deadline)
        {
            requests.Interrupt();
            while (running && Ticks.Now < deadline)
            {
                Monitor.Wait(sync, ServerLife.SliceUntil(deadline));
            }

            bool late = handling;
            giveUp.Cancel();
            Unlink();
            try
            {
                requests.Close();
            }
            catch (ZeroDuplexException e)
            {
                return e;
            }

            return late ? Fail(ErrorCode.Timeout, ServerLife.StopOperation, null) : null;
        }
    }
}
