using System;
using System.Threading;
using ZeroDuplex.Native;
using ZeroDuplex.Ring;
using ZeroDuplex.V1;

namespace ZeroDuplex
{
    /// <summary>
    /// Writes frames into the ZeroBuffer v1 buffer of a <see cref="Reader"/>, here or in another process, of this library or of a published
    /// ZeroBuffer. Thread-safe; threads that write at the same time take turns. Close or dispose of it, also to let the next writer in.
    /// <para>A frame cannot be split. One of at most half the payload less 8 bytes (its header of 16 bytes included) can be written at any time;
    /// a larger one may have no place at the ring's present position however empty the buffer is: <see cref="FrameUnplaceableException"/>.</para>
    /// </summary>
    public sealed unsafe partial class Writer : IDisposable
    {
        internal const string BufferOperation = "use frame buffer";

        private const string AttachOperation = "attach writer to";
        private const string UseOperation = "use writer";

        private readonly string name;
        private readonly WriterOptions options;
        private readonly MappedBuffer buffer;
        private readonly Func<bool> whileFull;

        // Everything below belongs to this lock, except where it is said to be read without.
        private readonly object sync = new object();
        private readonly Lifetime life; // holds the mapping and the writer's place: running calls, and a buffer that is out
        private readonly WriterRing ring;
        private readonly TurnQueue turn = new TurnQueue();
        private Failure failure; // why nothing works any more, null while all is well
        private long readerChecked; // when the kernel was last asked
        private bool metadataWritten;

        /// <summary>
        /// Attaches to a living reader's buffer. It retries within the connect timeout what time may heal. Errors:
        /// <see cref="BufferNotFoundException"/>, <see cref="ReaderDeadException"/>, <see cref="WriterAlreadyConnectedException"/>,
        /// <see cref="VersionMismatchException"/>, <see cref="CorruptedException"/>, <see cref="PermissionDeniedException"/>, <see cref="ZeroDuplexOutOfMemoryException"/>,
        /// <see cref="InvalidNameException"/>, <see cref="InvalidArgumentException"/>, <see cref="UnsupportedPlatformException"/>.
        /// </summary>
        /// <param name="name">Name of the buffer.</param>
        /// <param name="options">The knobs; null for the defaults.</param>
        /// <param name="cancellationToken">Ends the retries with <see cref="OperationCanceledException"/>.</param>
        public Writer(string name, WriterOptions options = null, CancellationToken cancellationToken = default(CancellationToken))
            : this(name, (options ?? new WriterOptions()).Checked(AttachOperation, name), Attach(name, options, cancellationToken), null)
        {
        }

        /// <summary>
        /// Takes over a buffer that this process is attached to. WhileFull is called again and again while there is no room, without the lock;
        /// true asks for the next call soon.
        /// </summary>
        internal Writer(string name, WriterOptions options, MappedBuffer buffer, Func<bool> whileFull)
        {
            this.name = name;
            this.options = options;
            this.buffer = buffer;
            this.whileFull = whileFull;
            life = new Lifetime(sync, Detach);
            try
            {
                ring = new WriterRing(buffer.Memory);
                metadataWritten = buffer.Metadata.IsWritten;
            }
            catch (RingCorruptedException e)
            {
                Detach();
                throw Failures.Corrupted(AttachOperation, name, e);
            }
        }

        /// <summary>Name of the buffer.</summary>
        public string Name
        {
            get { return name; }
        }

        /// <summary>What became of the options Prefault and HugePages, also after the close.</summary>
        public MemoryReport MemoryReport
        {
            get { return buffer.Report; }
        }

        /// <summary>Whether the reader lives, now.</summary>
        public bool IsReaderConnected
        {
            get
            {
                lock (sync)
                {
                    return failure == null && Platform.ProcessExists(ReaderPid);
                }
            }
        }

        /// <summary>What the buffer says of itself, now, also after its reader is gone. Error: <see cref="ClosedException"/>.</summary>
        public BufferCounters Counters
        {
            get
            {
                lock (sync)
                {
                    if (life.Closing)
                    {
                        throw Fail(ErrorCode.Closed, "read counters", null);
                    }

                    return new BufferCounters(buffer.Memory);
                }
            }
        }

        /// <summary>The largest frame that the buffer can hold.</summary>
        internal int Capacity
        {
            get { return buffer.Memory.Capacity; }
        }

        /// <summary>Whether the reader has not read all that was written to the buffer, by whomever.</summary>
        internal bool HasUnread
        {
            // Pairs with the reader's store in ReaderRing.Read.
            get { return Volatile.Read(ref buffer.Oieb->PayloadReadCount) != Volatile.Read(ref buffer.Oieb->PayloadWrittenCount); }
        }

        private ulong ReaderPid
        {
            // Pairs with the reader's store when it closes.
            get { return Volatile.Read(ref buffer.Oieb->ReaderPid); }
        }

        /// <summary>
        /// Writes the metadata, once in the life of a buffer, whoever its writer is. The reader may read it from then on. Errors:
        /// <see cref="MetadataAlreadyWrittenException"/>, <see cref="MetadataTooLargeException"/>, <see cref="ClosedException"/>.
        /// </summary>
        /// <param name="content">The metadata.</param>
        public void SetMetadata(ReadOnlySpan<byte> content)
        {
            const string Operation = "set metadata";
            lock (sync)
            {
                ThrowIfFailed();
                if (metadataWritten)
                {
                    throw Fail(ErrorCode.MetadataAlreadyWritten, Operation, null);
                }

                buffer.Metadata.Write(name, content);
                metadataWritten = true;
            }
        }

        /// <summary>
        /// Wakes all waiting calls with <see cref="ClosedException"/> and lets go of the buffer. While an acquired frame buffer is out, that
        /// follows its commit or abort, which fails or succeeds. Closing again does nothing. Dispose does the same.
        /// </summary>
        public void Close()
        {
            lock (sync)
            {
                failure = new Failure(ErrorCode.Closed, null); // what went wrong before no longer matters to whoever calls after Close
                life.Close();
                WakeAll();
                life.AwaitWaiters();
            }
        }

        /// <summary>Is <see cref="Close"/>.</summary>
        public void Dispose()
        {
            Close();
        }

        /// <summary>Whether the reader is gone, as far as that was due to be noticed.</summary>
        internal bool LookAtReader()
        {
            lock (sync)
            {
                NoticeReader();
                return failure != null && failure.Code == ErrorCode.ReaderDead;
            }
        }

        /// <summary>Makes waiting and later calls fail.</summary>
        internal void Interrupt(Failure reason)
        {
            lock (sync)
            {
                failure = failure ?? reason;
                WakeAll();
            }
        }

        private static MappedBuffer Attach(string name, WriterOptions options, CancellationToken token)
        {
            ChannelName.Require(AttachOperation, name);
            WriterOptions settled = options ?? new WriterOptions();
            var attacher = new BufferAttacher(AttachOperation, name);
            return new Retry(AttachOperation, name, settled.ConnectTimeout, token).Until(
                () => attacher.Try(settled.Memory, settled.AllowOtherUsers, settled.Pages), BufferAttacher.Heals);
        }

        private ZeroDuplexException Fail(ErrorCode code, string operation, string detail)
        {
            return Failures.Make(code, operation, name, detail);
        }

        private void ThrowIfFailed()
        {
            if (failure != null)
            {
                throw failure.ToException(UseOperation, name);
            }
        }

        /// <summary>Makes every waiter look again.</summary>
        private void WakeAll()
        {
            if (life.Waits > 0)
            {
                buffer.Semaphores.DataRead.PostIfZero();
            }

            turn.Close();
        }

        /// <summary>Gives the writer's place and the mapping back.</summary>
        private void Detach()
        {
            BufferAttacher.Leave(buffer);
            buffer.Dispose();
        }

        private void CheckReader()
        {
            NoticeReader();
            ThrowIfFailed();
        }

        /// <summary>
        /// Fails when the reader is gone, for good. One that closed is noticed at once, one that died when the kernel has not been asked for a
        /// slice.
        /// </summary>
        private void NoticeReader()
        {
            ulong pid = ReaderPid;
            bool gone = pid == Wire.PidNone;
            if (!gone && Ticks.Now - readerChecked >= Ticks.Slice)
            {
                readerChecked = Ticks.Now;
                gone = !Platform.ProcessExists(pid);
            }

            if (gone && failure == null)
            {
                failure = new Failure(ErrorCode.ReaderDead, pid == Wire.PidNone ? "it closed the buffer" : "process " + pid + " is dead");
                WakeAll();
            }
        }
    }
}
