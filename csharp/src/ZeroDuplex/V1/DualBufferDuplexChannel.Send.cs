using System;
using System.Threading;
using ZeroDuplex.V1;

namespace ZeroDuplex
{
    /// <content>Sending.</content>
    public sealed partial class DualBufferDuplexChannel
    {
        private const string SendOperation = "send request";
        private const string AcquireOperation = "acquire request buffer";

        private bool bufferOneWay; // of the acquired buffer

        /// <inheritdoc/>
        public ulong SendRequest(ReadOnlySpan<byte> data, TimeSpan? timeout = null, CancellationToken cancellationToken = default(CancellationToken))
        {
            return Send(new Request(data), timeout, cancellationToken);
        }

        /// <inheritdoc/>
        public ulong Send(Request request, TimeSpan? timeout = null, CancellationToken cancellationToken = default(CancellationToken))
        {
            Pause pause = Pause.For(SendOperation, name, timeout, options.SendTimeout, cancellationToken);
            PendingResponse sent = Publish(ref pause, ref request, false);
            lock (sync)
            {
                life.Release();
            }

            return sent.Sequence;
        }

        /// <inheritdoc/>
        public RequestBuffer AcquireRequestBuffer(
            int size, int capacity = 0, TimeSpan? timeout = null, CancellationToken cancellationToken = default(CancellationToken))
        {
            Pause pause = Pause.For(AcquireOperation, name, timeout, options.SendTimeout, cancellationToken);
            FrameBuffer buffer = Claim(ref pause, AcquireOperation, size, capacity);
            lock (sync)
            {
                bufferOneWay = false;
            }

            return NewBuffer(buffer);
        }

        /// <inheritdoc/>
        void IRequestBufferOwner.CheckBuffer(long generation)
        {
            requests.CheckBuffer(generation);
        }

        /// <inheritdoc/>
        void IRequestBufferOwner.SetBufferOpcode(long generation, uint opcode)
        {
            requests.CheckBuffer(generation);
            CheckOpcode("use request buffer", opcode);
        }

        /// <inheritdoc/>
        void IRequestBufferOwner.SetBufferOneWay(long generation)
        {
            lock (sync)
            {
                requests.CheckBuffer(generation);
                bufferOneWay = true;
            }
        }

        /// <inheritdoc/>
        ulong IRequestBufferOwner.CommitBuffer(long generation, int size)
        {
            lock (sync)
            {
                requests.CheckBuffer(generation);
                try
                {
                    return Commit(generation, bufferOneWay, false).Sequence;
                }
                finally
                {
                    life.Release();
                }
            }
        }

        /// <inheritdoc/>
        void IRequestBufferOwner.AbortBuffer(long generation)
        {
            lock (sync)
            {
                if (requests.AbortBuffer(generation))
                {
                    life.Release();
                }
            }
        }

        private unsafe RequestBuffer NewBuffer(FrameBuffer buffer)
        {
            return new RequestBuffer(this, buffer.Start, buffer.Size, responses.Capacity, buffer.Generation);
        }

        private void CheckOpcode(string operation, uint opcode)
        {
            if (opcode != 0)
            {
                throw Fail(ErrorCode.InvalidArgument, operation, "opcode " + opcode + ": v1 requests carry none");
            }
        }

        /// <summary>Sends a request. When it returns a call has been entered. Taken claims the response for the caller.</summary>
        private PendingResponse Publish(ref Pause pause, ref Request request, bool taken)
        {
            CheckOpcode(SendOperation, request.Opcode);
            FrameBuffer buffer = Claim(ref pause, SendOperation, request.Data.Length, request.Capacity);
            request.Data.CopyTo(buffer.Data);
            lock (sync)
            {
                bool done = false;
                try
                {
                    PendingResponse sent = Commit(buffer.Generation, request.OneWay, taken);
                    done = true;
                    return sent;
                }
                finally
                {
                    if (!done)
                    {
                        life.Release();
                    }
                }
            }
        }

        /// <summary>Enters a call and claims room for a request.</summary>
        private FrameBuffer Claim(ref Pause pause, string operation, int size, int capacity)
        {
            if (capacity < 0)
            {
                throw Fail(ErrorCode.InvalidArgument, operation, "capacity " + capacity + " is negative");
            }

            lock (sync)
            {
                ThrowIfFailed();
                life.Hold();
                bool done = false;
                try
                {
                    DropUnwanted(); // nobody may ever wait for a response
                    FrameBuffer buffer = Acquire(ref pause, operation, size);
                    done = true;
                    return buffer;
                }
                catch (ReaderDeadException)
                {
                    CheckPeer();
                    ThrowIfFailed();
                    throw;
                }
                finally
                {
                    if (!done)
                    {
                        life.Release();
                    }
                }
            }
        }

        /// <summary>Waits for the turn and for room; the lock is let go meanwhile.</summary>
        private FrameBuffer Acquire(ref Pause pause, string operation, int size)
        {
            life.BeginWait();
            try
            {
                return requests.Acquire(ref pause, operation, size);
            }
            finally
            {
                life.EndWait();
            }
        }

        /// <summary>
        /// Publishes the open claim. With the lock held: a response cannot be looked for before its request is known.
        /// </summary>
        private PendingResponse Commit(long generation, bool oneWay, bool taken)
        {
            if (failure != null)
            {
                requests.AbortBuffer(generation);
                ThrowIfFailed();
            }

            var sent = new PendingResponse { Sequence = requests.CommitBuffer(generation), OneWay = oneWay, Taken = taken };
            pending.Add(sent.Sequence, sent);
            if (oneWay)
            {
                unwanted++;
            }

            return sent;
        }

        /// <summary>
        /// Called while the request buffer is full: the server may wait for room in the response buffer, which responses that nobody wants keep
        /// full. Returns whether such are still to come.
        /// </summary>
        private bool WhileFull()
        {
            lock (sync)
            {
                DropUnwanted();
                return unwanted > 0;
            }
        }
    }
}
