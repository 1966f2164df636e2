using System;
using System.Threading;
using ZeroDuplex.Ring;
using ZeroDuplex.V1;

namespace ZeroDuplex
{
    /// <content>Waiting for frames, and taking them back.</content>
    public sealed unsafe partial class Reader
    {
        private int interrupts; // grows when waits end early

        /// <summary>For <see cref="Next"/>, taken before the caller looks at what an interrupt would tell it.</summary>
        internal int Interrupts
        {
            get { return Volatile.Read(ref interrupts); }
        }

        /// <summary>
        /// Waits for a frame until a moment, the deadline of the pause, or an interrupt since the given number of them: null then. A writer that
        /// is gone ends the wait only when that is minded; otherwise another is waited for.
        /// </summary>
        internal FrameLoan Next(ref Pause pause, long until, bool mindWriter, int interruptsSeen)
        {
            lock (sync)
            {
                ThrowIfClosed(ReadOperation);
                life.Hold();
                FrameLoan frame = null;
                try
                {
                    frame = TryNext();
                    if (frame == null)
                    {
                        pause.Begin(options);
                        frame = Await(ref pause, until, mindWriter, interruptsSeen);
                    }
                }
                catch (RingCorruptedException e)
                {
                    corruption = e;
                    throw Failures.Corrupted(ReadOperation, name, e);
                }
                finally
                {
                    if (frame == null)
                    {
                        life.Release(); // else the frame keeps it
                    }
                }

                return frame;
            }
        }

        /// <summary>Reads a frame that is there, null when none is.</summary>
        internal FrameLoan TryNow()
        {
            return Look(false);
        }

        /// <summary>As <see cref="TryNow"/>, for a writer that is gone: also the frame that it left without a token.</summary>
        internal FrameLoan TryLast()
        {
            return Look(true);
        }

        /// <summary>Ends the waits of all <see cref="Next"/> that began before.</summary>
        internal void Interrupt()
        {
            lock (sync)
            {
                Volatile.Write(ref interrupts, interrupts + 1);
                WakeAll();
            }
        }

        /// <inheritdoc/>
        void ILender.TakeBack(Loan loan, long generation)
        {
            TakeBack(loan, generation);
        }

        /// <summary>Takes a frame back that was read. False: it was taken back before.</summary>
        internal bool TakeBack(Loan loan, long generation)
        {
            lock (sync)
            {
                if (loan.Generation != generation)
                {
                    return false;
                }

                try
                {
                    Post(ring.Release((FrameLoan)loan));
                }
                catch (RingCorruptedException e)
                {
                    corruption = e; // the next read tells
                }

                life.Release();
                return true;
            }
        }

        private FrameLoan Look(bool isLast)
        {
            lock (sync)
            {
                try
                {
                    FrameLoan frame = TryNext();
                    if (frame == null && isLast)
                    {
                        frame = ring.TryRecover();
                    }

                    if (frame != null)
                    {
                        life.Hold();
                    }

                    return frame;
                }
                catch (RingCorruptedException e)
                {
                    corruption = e;
                    throw Failures.Corrupted(ReadOperation, name, e);
                }
            }
        }

        private FrameLoan Await(ref Pause pause, long until, bool mindWriter, int interruptsSeen)
        {
            while (true)
            {
                FrameLoan frame = LookAtWriter(mindWriter) ?? TryNext();
                if (frame != null)
                {
                    return frame;
                }

                ThrowIfClosed(ReadOperation);
                if (pause.IsCancelled)
                {
                    throw Failures.Cancelled(ReadOperation, name, pause.Token);
                }

                if ((!mindWriter && interrupts != interruptsSeen) || pause.IsExpired || Ticks.Now >= until)
                {
                    return null;
                }

                if (AwaitToken(ref pause, until))
                {
                    frame = Take();
                    if (frame != null)
                    {
                        return frame;
                    }
                }
            }
        }

        /// <summary>Reads a frame whose token is there.</summary>
        private FrameLoan TryNext()
        {
            if (corruption != null)
            {
                throw Failures.Corrupted(ReadOperation, name, corruption);
            }

            // A token that announces nothing is nobody's: it was posted for a frame that was recovered, or by mistake. It ends the look: however
            // many of them somebody stores, the caller gets to see the clock.
            return tokens.TryTake() ? Take() : null;
        }

        /// <summary>Reads the frame of a token that was taken.</summary>
        private FrameLoan Take()
        {
            FrameLoan frame = ring.TryRead();
            if (frame != null)
            {
                writer.NoteFrame();
            }

            return frame;
        }

        /// <summary>Waits a little for a token. True: it took one.</summary>
        private bool AwaitToken(ref Pause pause, long until)
        {
            bool spins = pause.IsSpinning;
            life.BeginWait();
            try
            {
                if (!spins)
                {
                    return pause.Sleep(tokens, Math.Min(Ticks.Slice, Math.Max(0, until - Ticks.Now)));
                }

                Pause.LetOthersRun();
                for (int i = 0; i < Pause.SpinBatch; i++)
                {
                    if (tokens.TryTake())
                    {
                        return true;
                    }

                    Thread.SpinWait(1);
                }

                return false;
            }
            finally
            {
                life.EndWait();
            }
        }

        /// <summary>Looks at the writer when there is no token. Returns the frame that one left without a token when it died.</summary>
        private FrameLoan LookAtWriter(bool mindWriter)
        {
            bool gone;
            bool left;
            writer.Look(out gone, out left);
            if (!left)
            {
                return null;
            }

            // Once more: it may have posted after the last look at the tokens, but not after it left.
            FrameLoan frame = TryNext() ?? ring.TryRecover();
            if (frame == null && gone && mindWriter)
            {
                throw Fail(ErrorCode.WriterDead, ReadOperation, "everything it wrote was read");
            }

            return frame;
        }

        private void Post(int frames)
        {
            // Pairs with the writer, which takes its token and then looks at the free bytes.
            Fence.Full();
            for (int i = 0; i < frames; i++)
            {
                buffer.Semaphores.DataRead.PostBelow(Wire.DataReadTokenLimit);
            }
        }
    }
}
