using System;
using System.Threading;
using ZeroDuplex.Ring;

namespace ZeroDuplex
{
    /// <content>Sending.</content>
    public sealed unsafe partial class InPlaceDuplexChannel
    {
        private const string SendOperation = "send request";
        private const string AcquireOperation = "acquire request buffer";
        private const string BufferOperation = "use request buffer";

        /// <summary>Up to this size a request is copied with the lock held, which is cheaper than taking it twice.</summary>
        private const int CopyUnderLock = 4096;

        // The acquired buffer; the generation is read without the lock.
        private long bufferGeneration;
        private uint bufferOpcode;
        private bool bufferOneWay;

        /// <inheritdoc/>
        public ulong SendRequest(ReadOnlySpan<byte> data, TimeSpan? timeout = null, CancellationToken cancellationToken = default(CancellationToken))
        {
            return Send(new Request(data), timeout, cancellationToken);
        }

        /// <inheritdoc/>
        public ulong Send(Request request, TimeSpan? timeout = null, CancellationToken cancellationToken = default(CancellationToken))
        {
            var pause = Pause.For(SendOperation, name, timeout, options.SendTimeout, cancellationToken);
            lock (sync)
            {
                ClientFrame f = Publish(ref pause, ref request, false);
                ulong sequence = f.Sequence;
                life.Release();
                return sequence;
            }
        }

        /// <inheritdoc/>
        public RequestBuffer AcquireRequestBuffer(
            int size, int capacity = 0, TimeSpan? timeout = null, CancellationToken cancellationToken = default(CancellationToken))
        {
            var pause = Pause.For(AcquireOperation, name, timeout, options.SendTimeout, cancellationToken);
            lock (sync)
            {
                byte* data = ClaimSpace(ref pause, AcquireOperation, size, ref capacity);
                turn.HeldByBuffer = true;
                bufferOpcode = 0;
                bufferOneWay = false;
                NextBuffer();
                return new RequestBuffer(this, data, size, capacity, bufferGeneration);
            }
        }

        /// <inheritdoc/>
        void IRequestBufferOwner.CheckBuffer(long generation)
        {
            CheckCurrent(generation);
        }

        /// <inheritdoc/>
        void IRequestBufferOwner.SetBufferOpcode(long generation, uint opcode)
        {
            lock (sync)
            {
                CheckCurrent(generation);
                bufferOpcode = opcode;
            }
        }

        /// <inheritdoc/>
        void IRequestBufferOwner.SetBufferOneWay(long generation)
        {
            lock (sync)
            {
                CheckCurrent(generation);
                bufferOneWay = true;
            }
        }

        /// <inheritdoc/>
        ulong IRequestBufferOwner.CommitBuffer(long generation, int size)
        {
            lock (sync)
            {
                CheckCurrent(generation);
                NextBuffer();
                if (failure != null)
                {
                    GiveBack();
                    ThrowIfFailed();
                }

                ulong sequence = Commit(size, bufferOpcode, bufferOneWay).Sequence;
                life.Release();
                return sequence;
            }
        }

        /// <inheritdoc/>
        void IRequestBufferOwner.AbortBuffer(long generation)
        {
            lock (sync)
            {
                if (bufferGeneration == generation)
                {
                    NextBuffer();
                    GiveBack();
                }
            }
        }

        private void CheckCurrent(long generation)
        {
            if (Volatile.Read(ref bufferGeneration) != generation)
            {
                throw Failures.Released(BufferOperation);
            }
        }

        /// <summary>Makes every handle of an acquired buffer stale.</summary>
        private void NextBuffer()
        {
            Volatile.Write(ref bufferGeneration, bufferGeneration + 1);
        }

        /// <summary>
        /// Copies a request into the ring; the lock may have been let go meanwhile. When it returns a call has been entered. Taken claims
        /// the response for the caller.
        /// </summary>
        private ClientFrame Publish(ref Pause pause, ref Request request, bool taken)
        {
            int size = request.Data.Length;
            int capacity = request.Capacity;
            byte* data = ClaimSpace(ref pause, SendOperation, size, ref capacity);
            if (size <= CopyUnderLock)
            {
                request.Data.CopyTo(new Span<byte>(data, size));
            }
            else
            {
                Monitor.Exit(sync);
                try
                {
                    request.Data.CopyTo(new Span<byte>(data, size));
                }
                finally
                {
                    Monitor.Enter(sync);
                }
            }

            if (failure != null)
            {
                GiveBack();
                ThrowIfFailed();
            }

            ClientFrame f = Commit(size, request.Opcode, request.OneWay);
            f.Taken = taken;
            return f;
        }

        /// <summary>
        /// Publish for the ordinary case: a small request with two ways while nothing is in flight, nobody else sends and the server answered the
        /// last one. The response is claimed for the caller. Null: Publish does it, and says what is wrong where something is.
        /// </summary>
        private ClientFrame PublishAlone(ref Request request)
        {
            int size = request.Data.Length;
            int capacity = request.Capacity == 0 ? size : request.Capacity;
            if (size > CopyUnderLock || capacity < size || (ulong)capacity > Wire.MaxFrameData || failure != null || unanswered || !turn.IsFree)
            {
                return null;
            }

            ClientFrame f = ring.PublishAlone(request.Data, RingMemory.RoundUp((ulong)capacity), request.Opcode);
            if (f != null)
            {
                f.Taken = true;
                life.Hold();
                AnnounceRequest();
                unanswered = true;
            }

            return f;
        }

        /// <summary>Publishes the open claim and passes the turn on.</summary>
        private ClientFrame Commit(int size, uint opcode, bool oneWay)
        {
            ClientFrame f = ring.Publish((ulong)size, opcode, oneWay);
            AnnounceRequest();
            turn.Release();

            // Nobody may ever wait here, so a dead server must be noticed here; one that just answered need not be looked at.
            if (unanswered)
            {
                CheckPeerIfDue();
            }

            unanswered = true;
            return f;
        }

        private void AnnounceRequest()
        {
            // Pairs with the server, which takes its token and then looks: it sees the frame, or we see its value 0.
            Fence.Full();
            segment.Semaphores.RequestReady.PostIfZero();
        }

        /// <summary>Gives an open claim back, and ends the call that made it.</summary>
        private void GiveBack()
        {
            ring.Abort();
            turn.Release();
            life.Release();
        }

        /// <summary>Claims room for a request: enters a call, takes the turn and reserves. Capacity becomes what the response may have.</summary>
        private byte* ClaimSpace(ref Pause pause, string operation, int size, ref int capacity)
        {
            if (size < 0 || capacity < 0)
            {
                throw Fail(ErrorCode.InvalidArgument, operation, "size " + size + " or capacity " + capacity + " is negative");
            }

            if (capacity != 0 && capacity < size)
            {
                throw Fail(ErrorCode.InvalidArgument, operation, "capacity " + capacity + " is below the size " + size);
            }

            ulong wanted = (ulong)Math.Max(size, capacity);
            if (wanted > Wire.MaxFrameData)
            {
                throw Fail(ErrorCode.FrameTooLarge, operation, wanted + " bytes; no frame holds more than " + Wire.MaxFrameData);
            }

            if (pause.IsCancelled)
            {
                throw Failures.Cancelled(operation, name, pause.Token);
            }

            capacity = (int)RingMemory.RoundUp(wanted);
            Enter();
            if (ring.InFlight == 0 && turn.TryTake())
            {
                // Nearly always. What goes wrong here the slow way finds out again.
                byte* first;
                if (ring.Reserve((ulong)size, (ulong)capacity, out first) == ReserveResult.Reserved)
                {
                    return first;
                }

                turn.Release();
            }

            return ClaimPatiently(ref pause, operation, (ulong)size, (ulong)capacity);
        }

        /// <summary>The rest of <see cref="ClaimSpace"/> when turn and room were not there at once.</summary>
        private byte* ClaimPatiently(ref Pause pause, string operation, ulong size, ulong capacity)
        {
            bool done = false;
            bool turnTaken = false;
            try
            {
                TakeTurn(ref pause, operation);
                turnTaken = true;
                byte* data = Reserve(ref pause, operation, size, capacity);
                done = true;
                return data;
            }
            finally
            {
                if (!done)
                {
                    if (turnTaken)
                    {
                        turn.Release();
                    }

                    life.Release();
                }
            }
        }

        /// <summary>Waits for the right to claim.</summary>
        private void TakeTurn(ref Pause pause, string operation)
        {
            if (!turn.TryTake() && !turn.Await(ref pause, life))
            {
                ThrowIfFailed();
                throw SendExpired(ref pause, operation);
            }
        }

        /// <summary>Waits for room; the turn is held.</summary>
        private byte* Reserve(ref Pause pause, string operation, ulong size, ulong capacity)
        {
            for (bool first = true; ; first = false)
            {
                ThrowIfFailed();
                Reclaim(operation);
                byte* data;
                switch (ring.Reserve(size, capacity, out data))
                {
                    case ReserveResult.Reserved:
                        return data;
                    case ReserveResult.TooLarge:
                        throw Fail(
                            ErrorCode.FrameTooLarge,
                            operation,
                            "header and capacity take " + (Wire.FrameHeaderV2Size + capacity) + " of " + ring.PayloadSize + " bytes");
                }

                if (first)
                {
                    pause.Begin(options);
                }

                if (pause.IsCancelled || pause.IsExpired)
                {
                    throw SendExpired(ref pause, operation);
                }

                AwaitSpace(ref pause);
            }
        }

        /// <summary>Takes back what is done with, late answers to abandoned requests included.</summary>
        private void Reclaim(string operation)
        {
            try
            {
                if (ring.Reclaim())
                {
                    // Pairs with the draining server, which takes its token and then looks.
                    Fence.Full();
                    segment.Semaphores.ResponseConsumed.PostIfZero();
                }
            }
            catch (RingCorruptedException e)
            {
                throw Corrupted(operation, e);
            }
        }

        /// <summary>
        /// Waits a little for room. Only the holder of the turn is here, so at most one thread of the process sleeps on space-available.
        /// </summary>
        private void AwaitSpace(ref Pause pause)
        {
            bool token = false;
            long limit = NapLimit();
            life.BeginWait();
            try
            {
                if (pause.IsSpinning)
                {
                    Pause.LetOthersRun();
                    Thread.SpinWait(Pause.SpinBatch);
                }
                else
                {
                    // Its atomic take is a full fence before the looks that follow; pairs with the release and the server's finish.
                    token = pause.Sleep(segment.Semaphores.SpaceAvailable, limit);
                }
            }
            finally
            {
                life.EndWait();
            }

            CheckPeerAfterSleep(token);
        }

        /// <summary>Says what a sender ran out of time for.</summary>
        private Exception SendExpired(ref Pause pause, string operation)
        {
            if (pause.IsCancelled)
            {
                return Failures.Cancelled(operation, name, pause.Token);
            }

            return turn.HeldByBuffer
                ? Fail(ErrorCode.AcquisitionOpen, operation, "an acquired request buffer is still out")
                : Fail(ErrorCode.BufferFull, operation, ring.Free + " bytes free, " + ring.InFlight + " frames in flight");
        }
    }
}
