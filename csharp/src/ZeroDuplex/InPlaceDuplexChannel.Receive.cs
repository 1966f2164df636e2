using System;
using System.Text;
using System.Threading;
using ZeroDuplex.Ring;

namespace ZeroDuplex
{
    /// <content>Receiving.</content>
    public sealed unsafe partial class InPlaceDuplexChannel
    {
        private const string ReceiveOperation = "receive response";

        /// <inheritdoc/>
        public Response ReceiveResponse(ulong sequence, TimeSpan? timeout = null, CancellationToken cancellationToken = default(CancellationToken))
        {
            var pause = Pause.For(ReceiveOperation, name, timeout, options.CallTimeout, cancellationToken);
            ClientFrame f;
            lock (sync)
            {
                f = ring.Lookup(sequence);
                if (f == null || f.OneWay || f.Cancelled || f.Abandoned || f.Taken)
                {
                    if (failure != null && failure.Code != ErrorCode.ServerDead)
                    {
                        ThrowIfFailed();
                    }

                    throw Unknown(ReceiveOperation, sequence);
                }

                EnterReceive(f);
                f.Taken = true;
            }

            if (!(spins && SpinFor(f)))
            {
                AwaitClaimed(ref pause, f, false);
            }

            return Deliver(f);
        }

        /// <inheritdoc/>
        public Response ReceiveResponse(TimeSpan? timeout = null, CancellationToken cancellationToken = default(CancellationToken))
        {
            var pause = Pause.For(ReceiveOperation, name, timeout, options.CallTimeout, cancellationToken);
            ClientFrame f;
            lock (sync)
            {
                EnterReceive(null);
                bool answered = false;
                try
                {
                    f = Await(ref pause, null);
                    answered = true;
                }
                finally
                {
                    if (!answered)
                    {
                        life.Release();
                    }
                }

                f.Taken = true;
                waiting.WakeAnswered(AnyAnswered() != null);
            }

            return Deliver(f);
        }

        /// <inheritdoc/>
        void ILender.TakeBack(Loan loan, long generation)
        {
            lock (sync)
            {
                if (loan.Generation == generation)
                {
                    var f = (ClientFrame)loan;
                    if (ring.ReleaseAlone(f))
                    {
                        unanswered = false;
                        AnnounceRelease();
                    }
                    else
                    {
                        Release(f);
                    }

                    life.Release();
                }
            }
        }

        /// <summary>
        /// Enter, but a dead server's answers may still be fetched (null: any). Nothing in shared memory is looked at once the channel is
        /// closing: it may be unmapped.
        /// </summary>
        private void EnterReceive(ClientFrame f)
        {
            if (failure != null && !life.Closing && IsReady(f))
            {
                life.Hold();
                return;
            }

            Enter();
        }

        /// <summary>Gives up a claim on a response that did not come.</summary>
        private void StopWaiting(ClientFrame f)
        {
            f.Taken = false;
            if (f.Cancelled)
            {
                ReclaimReleased(); // its bytes were kept for us
                return;
            }

            // It may have been answered since we looked; now it is anybody's.
            waiting.WakeAnswered(true);
        }

        /// <summary>Turns an answered frame that the caller has a claim on into a response, or into its exception. The call ends here.</summary>
        private Response Deliver(ClientFrame f)
        {
            Answer answer;
            try
            {
                answer = ring.Read(f);
            }
            catch (RingCorruptedException e)
            {
                lock (sync)
                {
                    ZeroDuplexException error = Corrupted(ReceiveOperation, e);
                    life.Release();
                    throw error;
                }
            }

            if (!answer.Failed)
            {
                return new Response(f, answer.Data, answer.Size, f.Opcode, f.Sequence); // which keeps the call's hold
            }

            ZeroDuplexException failed = HandlerFailure(f.Sequence, answer);
            lock (sync)
            {
                Release(f);
                life.Release();
            }

            throw failed;
        }

        private ZeroDuplexException HandlerFailure(ulong sequence, Answer answer)
        {
            string message = Encoding.UTF8.GetString(answer.Data, answer.Size);
            string detail = "request " + sequence + " (status " + answer.Status + "): " + message;
            if (answer.Status == (int)FrameStatus.ResponseTooLarge)
            {
                var tooLarge = (ResponseTooLargeException)Fail(ErrorCode.ResponseTooLarge, ReceiveOperation, detail);
                tooLarge.Sequence = sequence;
                tooLarge.Status = answer.Status;
                tooLarge.HandlerMessage = message;
                return tooLarge;
            }

            var failed = (HandlerFailedException)Fail(ErrorCode.HandlerFailed, ReceiveOperation, detail);
            failed.Sequence = sequence;
            failed.Status = answer.Status;
            failed.HandlerMessage = message;
            return failed;
        }

        /// <summary>Gives an answered frame back and says so.</summary>
        private void Release(ClientFrame f)
        {
            ring.Release(f);
            unanswered = false;
            ReclaimReleased();
        }

        /// <summary>
        /// Takes back the room of released responses and tells whoever waits for either. Corruption found here makes every later call fail.
        /// </summary>
        private void ReclaimReleased()
        {
            try
            {
                ring.Reclaim();
            }
            catch (RingCorruptedException e)
            {
                Shut(new Failure(ErrorCode.Corrupted, e.Message));
            }

            AnnounceRelease();
        }

        /// <summary>Tells whoever waits for released responses or for their room.</summary>
        private void AnnounceRelease()
        {
            // Pairs with the draining server and with our own sender that waits for space, which take their token and then look.
            Fence.Full();
            segment.Semaphores.ResponseConsumed.PostIfZero();
            segment.Semaphores.SpaceAvailable.PostIfZero();
        }
    }
}
