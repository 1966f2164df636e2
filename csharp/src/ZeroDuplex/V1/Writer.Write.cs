using System;
using System.Threading;
using ZeroDuplex.Ring;
using ZeroDuplex.V1;

namespace ZeroDuplex
{
    /// <content>Writing.</content>
    public sealed unsafe partial class Writer
    {
        private const string WriteOperation = "write frame";
        private const string AcquireOperation = "acquire frame buffer";

        /// <summary>Up to this size a frame is copied with the lock held, which is cheaper than taking it twice.</summary>
        private const int CopyUnderLock = 4096;

        private long generation; // of the acquired buffer; read without the lock

        /// <summary>
        /// Copies data into the ring and publishes it. Returns the frame's sequence number. Errors: <see cref="InvalidFrameSizeException"/> for
        /// no data, <see cref="FrameTooLargeException"/>, <see cref="FrameUnplaceableException"/>, <see cref="BufferFullException"/>,
        /// <see cref="AcquisitionOpenException"/>, <see cref="ReaderDeadException"/>, <see cref="CorruptedException"/>,
        /// <see cref="ClosedException"/>, <see cref="OperationCanceledException"/>.
        /// </summary>
        /// <param name="data">The frame's bytes, at least one.</param>
        /// <param name="timeout">How long to wait for the turn and for room; the options' write timeout when null.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        public ulong WriteFrame(ReadOnlySpan<byte> data, TimeSpan? timeout = null, CancellationToken cancellationToken = default(CancellationToken))
        {
            Pause pause = Pause.For(WriteOperation, name, timeout, options.WriteTimeout, cancellationToken);
            lock (sync)
            {
                byte* to = Claim(ref pause, WriteOperation, data.Length);
                if (data.Length <= CopyUnderLock)
                {
                    data.CopyTo(new Span<byte>(to, data.Length));
                }
                else
                {
                    Monitor.Exit(sync);
                    try
                    {
                        data.CopyTo(new Span<byte>(to, data.Length));
                    }
                    finally
                    {
                        Monitor.Enter(sync);
                    }
                }

                return Commit();
            }
        }

        /// <summary>Claims ring space to be filled in place. One buffer is out at a time; other writes queue behind it. Errors as of WriteFrame.</summary>
        /// <param name="size">Bytes of the frame, at least one.</param>
        /// <param name="timeout">How long to wait for the turn and for room; the options' write timeout when null.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        public FrameBuffer AcquireFrameBuffer(
            int size, TimeSpan? timeout = null, CancellationToken cancellationToken = default(CancellationToken))
        {
            Pause pause = Pause.For(AcquireOperation, name, timeout, options.WriteTimeout, cancellationToken);
            return Acquire(ref pause, AcquireOperation, size);
        }

        internal FrameBuffer Acquire(ref Pause pause, string operation, int size)
        {
            lock (sync)
            {
                byte* data = Claim(ref pause, operation, size);
                turn.HeldByBuffer = true;
                NextBuffer();
                return new FrameBuffer(this, data, size, generation);
            }
        }

        /// <summary>
        /// Makes an acquired buffer one of another size, with as much of its contents as fits. It may stand somewhere else then, and may have
        /// to wait for room. The old one is over; when this fails, it is still out.
        /// </summary>
        internal FrameBuffer Resize(ref Pause pause, string operation, FrameBuffer old, int size)
        {
            lock (sync)
            {
                CheckBuffer(old.Generation);
                CheckSize(operation, size);
                byte* data = Reserve(ref pause, operation, (ulong)size);
                NextBuffer();
                int kept = Math.Min(size, old.Size);
                new Span<byte>(old.Start, kept).CopyTo(new Span<byte>(data, kept)); // they may overlap
                return new FrameBuffer(this, data, size, generation);
            }
        }

        /// <summary>The largest frame of at most so many bytes that has a place when the buffer is empty; 0 when none has.</summary>
        internal int LargestPlaceable(int size)
        {
            lock (sync)
            {
                return (int)ring.LargestPlaceable((ulong)size);
            }
        }

        internal void CheckBuffer(long ofGeneration)
        {
            if (Volatile.Read(ref generation) != ofGeneration)
            {
                throw Failures.Released(BufferOperation);
            }
        }

        internal ulong CommitBuffer(long ofGeneration)
        {
            lock (sync)
            {
                CheckBuffer(ofGeneration);
                NextBuffer();
                return Commit();
            }
        }

        /// <summary>False: it was committed or aborted before.</summary>
        internal bool AbortBuffer(long ofGeneration)
        {
            lock (sync)
            {
                if (generation != ofGeneration)
                {
                    return false;
                }

                NextBuffer();
                GiveBack();
                return true;
            }
        }

        /// <summary>Makes every handle of an acquired buffer stale.</summary>
        private void NextBuffer()
        {
            Volatile.Write(ref generation, generation + 1);
        }

        /// <summary>Publishes the open claim, unless the writer was closed or failed meanwhile, and ends the call.</summary>
        private ulong Commit()
        {
            // A reader that died meanwhile is told by the next call; this frame is gone all the same.
            if (failure != null && failure.Code != ErrorCode.ReaderDead)
            {
                GiveBack();
                ThrowIfFailed();
            }

            ulong sequence = ring.Publish();

            // Pairs with the reader, which takes the token and then looks at the count. One token per frame, always.
            Fence.Full();
            bool posted = buffer.Semaphores.DataWritten.PostBelow(Wire.SemaphoreValueMax);
            turn.Release();
            life.Release();
            if (!posted)
            {
                throw Fail(ErrorCode.System, WriteOperation, "the semaphore of written frames is full: its value is " + Wire.SemaphoreValueMax);
            }

            return sequence;
        }

        /// <summary>Gives an open claim back, and ends the call that made it.</summary>
        private void GiveBack()
        {
            turn.Release();
            life.Release();
        }
    }
}
