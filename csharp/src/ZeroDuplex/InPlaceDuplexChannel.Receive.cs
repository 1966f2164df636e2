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
        private const string CallOperation = "call";

        /// <inheritdoc/>
        public Response Call(ReadOnlySpan<byte> data, TimeSpan? timeout = null, CancellationToken cancellationToken = default(CancellationToken))
        {
            return Call(new Request(data), timeout, cancellationToken);
        }

        /// <inheritdoc/>
        public Response Call(Request request, TimeSpan? timeout = null, CancellationToken cancellationToken = default(CancellationToken))
        {
            if (request.OneWay)
            {
                throw Fail(ErrorCode.InvalidArgument, CallOperation, "a one-way request has no response; send it");
            }

            ClientFrame f = null;
            lock (sync)
            {
                if (!cancellationToken.IsCancellationRequested && (!timeout.HasValue || timeout.Value >= TimeSpan.Zero))
                {
                    f = PublishAlone(ref request);
                }
            }

            if (f == null)
            {
                return CallPatiently(ref request, timeout, cancellationToken);
            }

            // The answer to a quick handler is there before a lock could be taken. The claim on the frame is ours, so no lock is needed.
            if (!(spins && SpinFor(f)))
            {
                var pause = Pause.For(CallOperation, name, timeout, options.CallTimeout, cancellationToken);
                AwaitCalled(ref pause, f);
            }

            int size = f.Size;
            return size < 0 ? Deliver(f) : new Response(f, (byte*)(f.Header + 1), size, f.Opcode, f.Sequence); // which keeps the call's hold
        }

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
                lock (sync)
                {
                    bool answered = false;
                    try
                    {
                        Await(ref pause, f);
                        answered = true;
                    }
                    finally
                    {
                        if (!answered)
                        {
                            StopWaiting(f);
                            life.Release();
                        }
                    }
                }
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

        /// <summary>Looks for the answer a first while, without clock or lock. The caller has a claim on the frame.</summary>
        private bool SpinFor(ClientFrame f)
        {
            patience.Wait();
            bool found = f.Answered;
            patience.Learn(found);
            for (int i = 0; !found && i < Pause.SpinBatch; i++)
            {
                Thread.SpinWait(1);
                found = f.Answered;
            }

            return found;
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

        /// <summary>A call that is no ordinary one, or whose sender has to wait.</summary>
        private Response CallPatiently(ref Request request, TimeSpan? timeout, CancellationToken cancellationToken)
        {
            var pause = Pause.For(CallOperation, name, timeout, options.SendTimeout, cancellationToken);
            ClientFrame f;
            lock (sync)
            {
                f = Publish(ref pause, ref request, true);
            }

            if (!timeout.HasValue)
            {
                pause.Restart(options.CallTimeout);
            }

            if (!(spins && SpinFor(f)))
            {
                AwaitCalled(ref pause, f);
            }

            return Deliver(f);
        }

        /// <summary>The rest of a call whose answer was not there at once.</summary>
        private void AwaitCalled(ref Pause pause, ClientFrame f)
        {
            lock (sync)
            {
                bool answered = false;
                try
                {
                    Await(ref pause, f);
                    answered = true;
                }
                finally
                {
                    if (!answered)
                    {
                        GiveUp(f);
                    }
                }
            }
        }

        /// <summary>What the server has not taken it never will; what it has taken nobody will read. Ends the call.</summary>
        private void GiveUp(ClientFrame f)
        {
            if (f.Cancelled || ring.Cancel(f))
            {
                StopWaiting(f);
            }
            else if (ring.Abandon(f))
            {
                ReclaimReleased(); // the answer came after the last look
            }

            life.Release();
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

        /// <summary>The oldest response that nobody waits for by number, null when there is none.</summary>
        private ClientFrame AnyAnswered()
        {
            int place = FirstAnswered(ring.InFlight);
            if (place > 0)
            {
                // An older one may have been answered between the look at it and this one's. What one worker answers comes in its order.
                int older = FirstAnswered(place);
                place = older < 0 ? place : older;
            }

            return place < 0 ? null : ring[place];
        }

        /// <summary>Which of the oldest <paramref name="count"/> frames is the first that anybody may have, -1 when none is answered.</summary>
        private int FirstAnswered(int count)
        {
            for (int i = 0; i < count; i++)
            {
                ClientFrame f = ring[i];
                if (!f.Taken && !f.OneWay && !f.Cancelled && !f.Abandoned && f.Answered)
                {
                    return i;
                }
            }

            return -1;
        }

        /// <summary>Whether the response waited for is there (null: any).</summary>
        private bool IsReady(ClientFrame f)
        {
            return Found(f) != null;
        }

        /// <summary>The response waited for (null: any), null while it is not there.</summary>
        private ClientFrame Found(ClientFrame f)
        {
            if (f == null)
            {
                return AnyAnswered();
            }

            return f.Answered ? f : null;
        }

        /// <summary>
        /// Waits until a response is there, and returns the one that it saw: a second look might find it gone, since nothing keeps a broken
        /// server from taking it back.
        /// <para>One thread of the process sleeps on response-ready, the others wait for its signal. Looking and taking that role is one
        /// critical section, so no answer falls between a look and a sleep; whoever leaves the role wakes another.</para>
        /// </summary>
        private ClientFrame Await(ref Pause pause, ClientFrame f)
        {
            ClientFrame found = Found(f);
            if (found != null)
            {
                return found;
            }

            pause.Begin(options);
            try
            {
                while ((found = Found(f)) == null)
                {
                    ThrowIfOver(ref pause, f);
                    if (pause.IsSpinning)
                    {
                        SpinForAnswer(f);
                    }
                    else if (sleeping)
                    {
                        WaitForSleeper(ref pause, f);
                    }
                    else
                    {
                        SleepForAnswer(ref pause, f);
                    }
                }

                return found;
            }
            finally
            {
                // We may have been woken to take the role and leave without it.
                if (!sleeping)
                {
                    waiting.WakeOne();
                }
            }
        }

        private void ThrowIfOver(ref Pause pause, ClientFrame f)
        {
            ThrowIfFailed();
            if (f != null && f.Cancelled)
            {
                throw Fail(ErrorCode.Cancelled, ReceiveOperation, "request " + f.Sequence + " was cancelled");
            }

            if (pause.IsCancelled)
            {
                throw Failures.Cancelled(ReceiveOperation, name, pause.Token);
            }

            if (pause.IsExpired)
            {
                throw Fail(ErrorCode.Timeout, ReceiveOperation, ring.InFlight + " requests in flight");
            }
        }

        /// <summary>Spins for a batch.</summary>
        private void SpinForAnswer(ClientFrame f)
        {
            const int Looks = Pause.SpinBatch / 8;
            if (f != null)
            {
                life.BeginWait();
                SpinFor(f);
                life.EndWait();
            }
            else
            {
                // Others must be able to send, release and close meanwhile.
                for (int i = 0; i < Looks && failure == null && AnyAnswered() == null; i++)
                {
                    life.BeginWait();
                    Thread.SpinWait(Pause.SpinBatch / Looks);
                    life.EndWait();
                }
            }

            CheckPeerIfDue();
        }

        /// <summary>Takes the sleeper's role for one sleep.</summary>
        private void SleepForAnswer(ref Pause pause, ClientFrame f)
        {
            bool token = false;
            long limit = NapLimit();
            sleeping = true;
            life.BeginWait();
            try
            {
                token = pause.Sleep(segment.Semaphores.ResponseReady, limit);
            }
            finally
            {
                life.EndWait();
                sleeping = false;
            }

            // The token, if any, was for whoever's answer came. Taking it, and failing to, were full fences before the looks that follow;
            // pairs with the server, which stores the state, fences and then looks at the semaphore's value.
            waiting.WakeAnswered(AnyAnswered() != null);
            if (!IsReady(f))
            {
                CheckPeerAfterSleep(token);
            }
        }

        /// <summary>Waits in this process.</summary>
        private void WaitForSleeper(ref Pause pause, ClientFrame f)
        {
            WaiterList.Waiter me = waiting.Add(f);
            life.BeginWait();
            try
            {
                pause.Wait(me.Wake);
            }
            finally
            {
                life.EndWait();
                waiting.Remove(me);
            }
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
