using System;
using System.Threading;
using ZeroDuplex.Native;
using ZeroDuplex.Ring;
using ZeroDuplex.V1;

namespace ZeroDuplex
{
    /// <summary>
    /// Owns a ZeroBuffer v1 buffer and reads the frames that a <see cref="Writer"/> writes into it, here or in another process, of this
    /// library or of a published ZeroBuffer. Thread-safe. Close or dispose of it, to remove the buffer.
    /// <para>Writers come one after the other. Each numbers its frames from 1.</para>
    /// </summary>
    public sealed unsafe partial class Reader : IDisposable, ILender
    {
        private const string CreateOperation = "create reader";
        private const string ReadOperation = "read frame";
        private const string CloseOperation = "close reader";

        private readonly string name;
        private readonly ReaderOptions options;
        private readonly OwnerLock owner;
        private readonly MappedBuffer buffer;
        private readonly FrameTokens tokens;
        private readonly ILender lender; // of the frames: who takes them back

        // Everything below belongs to this lock.
        private readonly object sync = new object();
        private readonly Lifetime life; // holds the mapping: running calls, and frames that are out
        private readonly ReaderRing ring;
        private readonly WriterWatch writer;
        private RingCorruptedException corruption; // why nothing can be read any more, null while all is well

        /// <summary>
        /// Creates the buffer; a writer can attach when it returns. What a dead reader left under the name is replaced. Errors:
        /// <see cref="InvalidNameException"/>, <see cref="InvalidArgumentException"/>, <see cref="ReaderAlreadyConnectedException"/>,
        /// <see cref="NameInUseException"/> for a name that is something else's, <see cref="ZeroDuplexOutOfMemoryException"/>,
        /// <see cref="PermissionDeniedException"/>, <see cref="UnsupportedPlatformException"/>.
        /// </summary>
        /// <param name="name">1 to 200 of A-Z a-z 0-9 . _ -, not starting with '.' or 'sem.'.</param>
        /// <param name="config">Sizes and memory; null for <see cref="BufferConfig.DefaultV1"/>.</param>
        /// <param name="options">The knobs; null for the defaults.</param>
        public Reader(string name, BufferConfig config = null, ReaderOptions options = null)
            : this(CreateOperation, name, config, options, null)
        {
        }

        /// <summary>A lender of its own takes back the frames and calls <see cref="TakeBack"/>; null for the reader itself.</summary>
        internal Reader(string operation, string name, BufferConfig config, ReaderOptions options, ILender lender)
        {
            ChannelName.Require(operation, name);
            this.name = name;
            this.options = (options ?? new ReaderOptions()).Checked(operation, name);
            this.lender = lender ?? this;
            BufferConfig size = config ?? BufferConfig.DefaultV1;
            MetadataSize = size.LayoutV1(operation, name).Metadata.Size; // a bad argument is told before anything is touched
            owner = ChannelName.Own(operation, name, () => PreviousObject.IsInPlace(name) ? ErrorCode.NameInUse : ErrorCode.ReaderAlreadyConnected);
            try
            {
                buffer = BufferBuilder.Create(operation, name, size, this.options.Mode, this.options.Pages);
            }
            catch
            {
                owner.Dispose();
                throw;
            }

            tokens = new FrameTokens(buffer.Semaphores.DataWritten);
            ring = new ReaderRing(buffer.Memory, this.lender);
            writer = new WriterWatch(buffer.Oieb);
            life = new Lifetime(sync, buffer.Dispose);
        }

        /// <summary>Name of the buffer.</summary>
        public string Name
        {
            get { return name; }
        }

        /// <summary>Whether a writer is attached and lives, now.</summary>
        public bool IsWriterConnected
        {
            get
            {
                lock (sync)
                {
                    return !life.Closing && writer.IsAlive;
                }
            }
        }

        /// <summary>What became of the options Prefault and HugePages, also after the close.</summary>
        public MemoryReport MemoryReport
        {
            get { return buffer.Report; }
        }

        /// <summary>What the buffer says of itself, now. Error: <see cref="ClosedException"/>.</summary>
        public BufferCounters Counters
        {
            get
            {
                lock (sync)
                {
                    ThrowIfClosed("read counters");
                    return new BufferCounters(buffer.Memory);
                }
            }
        }

        /// <summary>The largest frame that the buffer can hold.</summary>
        internal int Capacity
        {
            get { return buffer.Memory.Capacity; }
        }

        /// <summary>The process that is attached as the writer, 0 for none.</summary>
        internal ulong WriterPid
        {
            // Pairs with the writer's stores when it attaches and when it leaves.
            get { return Volatile.Read(ref buffer.Oieb->WriterPid); }
        }

        /// <summary>Size of the metadata block.</summary>
        internal ulong MetadataSize { get; }

        /// <summary>
        /// Calls an action, without the lock, whenever a writer's first frame is there and not read yet. Set before anything is read, by whoever
        /// alone reads.
        /// </summary>
        internal Action BeforeFirst
        {
            set
            {
                ring.BeforeFirst = () =>
                {
                    life.BeginWait();
                    try
                    {
                        value();
                    }
                    finally
                    {
                        life.EndWait();
                    }

                    ThrowIfClosed(ReadOperation);
                };
            }
        }

        /// <summary>
        /// Waits for the next frame. Release it when done; frames may be held while later ones are read. Errors:
        /// <see cref="ZeroDuplexTimeoutException"/>; <see cref="WriterDeadException"/> when there was a writer, it is gone and everything it
        /// wrote was read; <see cref="SequenceException"/> and <see cref="CorruptedException"/>, which every later read repeats;
        /// <see cref="ClosedException"/>; <see cref="OperationCanceledException"/>.
        /// </summary>
        /// <param name="timeout">How long to wait, zero to look once; the options' read timeout when null.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        public ReceivedFrame ReadFrame(TimeSpan? timeout = null, CancellationToken cancellationToken = default(CancellationToken))
        {
            Pause pause = Pause.For(ReadOperation, name, timeout, options.ReadTimeout, cancellationToken);
            FrameLoan frame = Next(ref pause, Ticks.Never, true, 0);
            if (frame == null)
            {
                throw Fail(ErrorCode.Timeout, ReadOperation, "no frame came");
            }

            return new ReceivedFrame(frame);
        }

        /// <summary>
        /// A copy of the metadata that a writer wrote, null when none has. It is written once in the life of a buffer. Errors:
        /// <see cref="ClosedException"/>, <see cref="CorruptedException"/>.
        /// </summary>
        public byte[] Metadata()
        {
            lock (sync)
            {
                ThrowIfClosed("read metadata");
                return buffer.Metadata.Read(name, false);
            }
        }

        /// <summary>
        /// Wakes waiting reads with <see cref="ClosedException"/> and removes the buffer. Frames that are out can be used until they are
        /// released. Closing again does nothing. Dispose does the same.
        /// </summary>
        public void Close()
        {
            lock (sync)
            {
                NativeException error = null;
                if (!life.Closing)
                {
                    life.Close();
                    error = RemoveNames();
                    WakeAll();
                }

                life.AwaitWaiters();
                if (error != null)
                {
                    throw Failures.System(CloseOperation, name, error);
                }
            }
        }

        /// <summary>Is <see cref="Close"/>.</summary>
        public void Dispose()
        {
            Close();
        }

        private ZeroDuplexException Fail(ErrorCode code, string operation, string detail)
        {
            return Failures.Make(code, operation, name, detail);
        }

        private void ThrowIfClosed(string operation)
        {
            if (life.Closing)
            {
                throw Fail(ErrorCode.Closed, operation, null);
            }
        }

        /// <summary>
        /// Says that there is no reader any more and removes the names that are still ours, the locks last. Does all of it, and returns the
        /// first error.
        /// </summary>
        private NativeException RemoveNames()
        {
            // Pairs with the writer's load, before it writes and once a slice while it waits.
            Volatile.Write(ref buffer.Oieb->ReaderPid, Wire.PidNone);
            NativeException error = null;
            NativeException.Catch(() => buffer.Semaphores.Remove(name), ref error);
            var own = buffer.Provider as SharedMemory;
            if (own != null)
            {
                NativeException.Catch(() => own.Object.RemoveIfNamed(name), ref error);
            }

            owner.Dispose();
            return error;
        }

        private void WakeAll()
        {
            for (int i = 0; i < life.Waits; i++)
            {
                tokens.Wake();
            }
        }
    }
}
