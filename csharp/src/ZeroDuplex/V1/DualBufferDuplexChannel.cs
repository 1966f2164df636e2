using System;
using System.Collections.Generic;
using System.Threading;
using ZeroDuplex.V1;

namespace ZeroDuplex
{
    /// <summary>
    /// The client of a ZeroBuffer v1 duplex channel: requests go through a buffer that the server owns, responses come back through one that
    /// this client owns. <see cref="DuplexChannelFactory.CreateClient"/> makes it when the living server speaks v1. Thread-safe. Close or
    /// dispose of it, also to let the next client connect.
    /// <para>v1 has less to say than an in-place channel. Requests cannot be empty (<see cref="InvalidFrameSizeException"/>) and carry no
    /// opcode (<see cref="InvalidArgumentException"/> for any but 0). Each is answered once, in order, also those sent one-way, whose responses
    /// are dropped here; a failure of the handler comes as a response like any other, with the message as its data. Nothing can be taken back.
    /// A capacity means nothing: a response may be as large as the response buffer (<see cref="ClientOptions.ResponseConfig"/>) holds.</para>
    /// <para>Metadata: a request buffer takes a client's once in its life, so a second client of the same server gets
    /// <see cref="MetadataAlreadyWrittenException"/>; the server's can be read after it answered the first request.</para>
    /// </summary>
    public sealed partial class DualBufferDuplexChannel : IDuplexClient, ILender, IRequestBufferOwner
    {
        private const string UseChannel = "use channel";

        private readonly string name;
        private readonly ClientOptions options;
        private readonly Writer requests;
        private readonly Reader responses;

        // Everything below belongs to this lock. It may be taken before those of writer and reader, never after.
        private readonly object sync = new object();
        private readonly Lifetime life; // holds both buffers: running calls, responses and request buffers that are out
        private readonly Dictionary<ulong, PendingResponse> pending = new Dictionary<ulong, PendingResponse>();
        private readonly SortedDictionary<ulong, PendingResponse> ready = new SortedDictionary<ulong, PendingResponse>(); // read, and nobody waits for it by number
        private readonly WaiterList waiting = new WaiterList();
        private Failure failure; // why nothing works any more, null while all is well
        private bool receiving; // somebody waits for the next response; the role is taken and left under the lock
        private ulong received; // responses; the n-th answers the n-th request
        private int unwanted; // responses still to come that are to be dropped

        /// <summary>Takes over the request buffer, whose writer this process is. Retry is the rest of the connect timeout.</summary>
        internal DualBufferDuplexChannel(string name, ClientOptions options, MappedBuffer buffer, Retry retry)
        {
            this.name = name;
            this.options = options;
            life = new Lifetime(sync, Detach);
            var writer = new WriterOptions { Wait = options.Wait, SpinWindow = options.SpinWindow };
            requests = new Writer(DualBufferNames.Request(name), writer, buffer, WhileFull);
            try
            {
                AwaitUnread(retry);
                var reader = new ReaderOptions
                {
                    Wait = options.Wait, SpinWindow = options.SpinWindow, Prefault = options.Prefault, HugePages = options.HugePages,
                };
                var own = buffer.Provider as SharedMemory;
                if (options.AllowOtherUsers && own != null)
                {
                    reader.Mode |= own.Object.Permissions; // whoever may use the one buffer may use the other
                }

                responses = new Reader(Connector.Operation, DualBufferNames.Response(name), options.ResponseConfig, reader, this);
            }
            catch
            {
                requests.Close();
                throw;
            }
        }

        /// <inheritdoc/>
        public string Name
        {
            get { return name; }
        }

        /// <inheritdoc/>
        public bool IsServerConnected
        {
            get
            {
                lock (sync)
                {
                    return failure == null && !life.Ended && requests.IsReaderConnected;
                }
            }
        }

        /// <inheritdoc/>
        public MemoryReport MemoryReport
        {
            get { return requests.MemoryReport.And(responses.MemoryReport); }
        }

        /// <summary>Always false: v1 cannot take a request back. Error: <see cref="UnknownSequenceException"/>.</summary>
        /// <param name="sequence">The request's sequence number.</param>
        public bool Cancel(ulong sequence)
        {
            lock (sync)
            {
                ThrowIfFailed();
                PendingResponse p;
                if (!pending.TryGetValue(sequence, out p) || p.Abandoned)
                {
                    throw Unknown("cancel", sequence);
                }

                return false;
            }
        }

        /// <inheritdoc/>
        public void SetMetadata(ReadOnlySpan<byte> content)
        {
            lock (sync)
            {
                ThrowIfFailed();
                requests.SetMetadata(content);
            }
        }

        /// <inheritdoc/>
        public byte[] ServerMetadata()
        {
            lock (sync)
            {
                ThrowIfFailed();
                return responses.Metadata();
            }
        }

        /// <inheritdoc/>
        public void Close()
        {
            lock (sync)
            {
                failure = null; // what went wrong before no longer matters to whoever calls after Close
                Shut(new Failure(ErrorCode.Closed, null));
                life.AwaitWaiters();
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

        private ZeroDuplexException Unknown(string operation, ulong sequence)
        {
            return Fail(ErrorCode.UnknownSequence, operation, "sequence " + sequence);
        }

        private void ThrowIfFailed()
        {
            if (failure != null)
            {
                throw failure.ToException(UseChannel, name);
            }
        }

        /// <summary>
        /// Waits until the server has read what a client that is gone left: whatever it answers to that must not come into our response buffer.
        /// </summary>
        private void AwaitUnread(Retry retry)
        {
            while (requests.HasUnread)
            {
                if (requests.LookAtReader())
                {
                    throw Failures.Make(ErrorCode.ServerNotFound, Connector.Operation, name, "its server is gone");
                }

                if (!retry.Wait())
                {
                    throw Failures.Make(
                        ErrorCode.ServerBusy, Connector.Operation, name, "the server has not read what a client that is gone left: a handler still runs, or the server has not started");
                }
            }
        }

        /// <summary>Makes every call fail from now on and wakes the waiting ones.</summary>
        private void Shut(Failure reason)
        {
            if (failure == null)
            {
                failure = reason;
            }

            life.Close();
            WakeAll();
        }

        private void WakeAll()
        {
            if (!life.Ended)
            {
                responses.Interrupt();
                requests.Interrupt(failure);
            }

            waiting.WakeAll();
        }

        /// <summary>
        /// Gives both buffers back; no call runs and nothing of them is out. The response buffer first: whoever takes the place in the request
        /// buffer makes one of the same name.
        /// </summary>
        private void Detach()
        {
            foreach (PendingResponse p in pending.Values)
            {
                if (p.Frame != null)
                {
                    responses.TakeBack(p.Frame, p.Frame.Generation); // nobody received it
                }
            }

            try
            {
                responses.Close();
            }
            finally
            {
                requests.Close();
            }
        }

        /// <summary>
        /// Looks whether the server lives, when that is due. When it does not, answers that are there are still delivered, everything else fails.
        /// </summary>
        private void CheckPeer()
        {
            if (failure != null || !requests.LookAtReader())
            {
                return;
            }

            FrameLoan frame;
            while ((frame = responses.TryLast()) != null)
            {
                Dispatch(frame);
            }

            failure = failure ?? new Failure(ErrorCode.ServerDead, Lost());
            WakeAll();
        }

        /// <summary>Names the requests that will never be answered.</summary>
        private string Lost()
        {
            var lost = new LostRequests();
            foreach (PendingResponse p in pending.Values)
            {
                if (!p.Unwanted && p.Frame == null)
                {
                    lost.Add(p.Sequence);
                }
            }

            return lost.ToString();
        }
    }
}
