using System;
using System.Threading;
using ZeroDuplex.V1;

namespace ZeroDuplex
{
    /// <content>Receiving.</content>
    public sealed partial class DualBufferDuplexChannel
    {
        private const string ReceiveOperation = "receive response";

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
                throw Fail(ErrorCode.InvalidArgument, "call", "a one-way request has no response; send it");
            }

            Pause pause = Pause.For("call", name, timeout, options.SendTimeout, cancellationToken);
            PendingResponse sent = Publish(ref pause, ref request, true);
            if (!timeout.HasValue)
            {
                pause.Restart(options.CallTimeout);
            }

            return Receive(ref pause, sent, true);
        }

        /// <inheritdoc/>
        public Response ReceiveResponse(ulong sequence, TimeSpan? timeout = null, CancellationToken cancellationToken = default(CancellationToken))
        {
            Pause pause = Pause.For(ReceiveOperation, name, timeout, options.CallTimeout, cancellationToken);
            PendingResponse p;
            lock (sync)
            {
                if (!pending.TryGetValue(sequence, out p) || p.Unwanted || p.Taken)
                {
                    if (failure != null && failure.Code != ErrorCode.ServerDead)
                    {
                        ThrowIfFailed();
                    }

                    throw Unknown(ReceiveOperation, sequence);
                }

                EnterReceive(p);
                p.Taken = true;
                ready.Remove(sequence);
            }

            return Receive(ref pause, p, false);
        }

        /// <inheritdoc/>
        public Response ReceiveResponse(TimeSpan? timeout = null, CancellationToken cancellationToken = default(CancellationToken))
        {
            Pause pause = Pause.For(ReceiveOperation, name, timeout, options.CallTimeout, cancellationToken);
            lock (sync)
            {
                EnterReceive(null);
            }

            return Receive(ref pause, null, false);
        }

        /// <inheritdoc/>
        void ILender.TakeBack(Loan loan, long generation)
        {
            lock (sync)
            {
                if (responses.TakeBack(loan, generation))
                {
                    life.Release();
                }
            }
        }

        /// <summary>Begins a receive. A dead server's answers may still be fetched (null: any).</summary>
        private void EnterReceive(PendingResponse p)
        {
            if (!(failure != null && !life.Closing && IsReady(p)))
            {
                ThrowIfFailed();
            }

            life.Hold();
        }

        /// <summary>Waits for a response (null: any) and delivers it, which keeps the call's hold. Abandons: a call that gives up, for good.</summary>
        private Response Receive(ref Pause pause, PendingResponse p, bool abandons)
        {
            lock (sync)
            {
                bool answered = false;
                try
                {
                    Await(ref pause, p);
                    answered = true;
                }
                finally
                {
                    if (!answered)
                    {
                        StopWaiting(p, abandons);
                        life.Release();
                    }
                }

                return Deliver(p ?? FirstReady());
            }
        }

        private unsafe Response Deliver(PendingResponse p)
        {
            pending.Remove(p.Sequence);
            ready.Remove(p.Sequence);
            waiting.WakeAnswered(ready.Count > 0);
            return new Response(p.Frame, p.Frame.Data, p.Frame.Size, 0, p.Sequence);
        }

        /// <summary>Gives up a claim on a response that did not come.</summary>
        private void StopWaiting(PendingResponse p, bool abandons)
        {
            if (p == null)
            {
                return;
            }

            p.Taken = false;
            if (abandons)
            {
                p.Abandoned = true;
                unwanted++;
            }

            if (p.Frame != null)
            {
                HandOut(p); // it came after the last look
            }
        }

        private bool IsReady(PendingResponse p)
        {
            return p == null ? ready.Count > 0 : p.Frame != null;
        }

        private PendingResponse FirstReady()
        {
            foreach (PendingResponse p in ready.Values)
            {
                return p;
            }

            return null;
        }

        /// <summary>
        /// Waits until a response is there. One thread of the process waits for the next one, the others for its signal; whoever leaves that
        /// role wakes another.
        /// </summary>
        private void Await(ref Pause pause, PendingResponse p)
        {
            try
            {
                while (!IsReady(p))
                {
                    ThrowIfFailed();
                    if (receiving)
                    {
                        pause.Begin();
                        ThrowIfOver(ref pause);
                        WaitForReceiver(ref pause, p);
                    }
                    else if (!TryReceive(ref pause) && !IsReady(p))
                    {
                        ThrowIfOver(ref pause);
                    }
                }
            }
            finally
            {
                if (!receiving)
                {
                    waiting.WakeOne();
                }
            }
        }

        private void ThrowIfOver(ref Pause pause)
        {
            ThrowIfFailed();
            if (pause.IsCancelled)
            {
                throw Failures.Cancelled(ReceiveOperation, name, pause.Token);
            }

            if (pause.IsExpired)
            {
                throw Fail(ErrorCode.Timeout, ReceiveOperation, pending.Count + " requests without a response");
            }
        }

        /// <summary>Waits in this process.</summary>
        private void WaitForReceiver(ref Pause pause, PendingResponse p)
        {
            WaiterList.Waiter me = waiting.Add(p);
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

        /// <summary>Takes the role for at most a slice and hands out what comes. False: nothing came.</summary>
        private bool TryReceive(ref Pause pause)
        {
            FrameLoan frame = null;
            ZeroDuplexException error = null;
            int interrupts = responses.Interrupts;
            receiving = true;
            life.BeginWait();
            try
            {
                frame = responses.Next(ref pause, Ticks.In(Wire.DefaultV2WaitSlice), false, interrupts);
            }
            catch (CorruptedException e)
            {
                error = e;
            }
            finally
            {
                life.EndWait();
                receiving = false;
            }

            if (error != null)
            {
                Corrupt(error);
            }

            if (frame != null)
            {
                Dispatch(frame);
            }
            else
            {
                CheckPeer();
            }

            waiting.WakeAnswered(ready.Count > 0);
            return frame != null;
        }

        /// <summary>Takes the responses that are there, without waiting, for as long as one that nobody wants is among those to come.</summary>
        private void DropUnwanted()
        {
            if (receiving)
            {
                return; // whoever has the role does it
            }

            try
            {
                FrameLoan frame;
                while (unwanted > 0 && failure == null && (frame = responses.TryNow()) != null)
                {
                    Dispatch(frame);
                }
            }
            catch (CorruptedException e)
            {
                Corrupt(e);
            }

            waiting.WakeAnswered(ready.Count > 0);
        }

        /// <summary>Gives the next response to its request.</summary>
        private void Dispatch(FrameLoan frame)
        {
            received++;
            PendingResponse p;
            if (!pending.TryGetValue(received, out p))
            {
                responses.TakeBack(frame, frame.Generation);
                Corrupt(Fail(ErrorCode.Corrupted, ReceiveOperation, "response " + received + " answers no request"));
                return;
            }

            p.Frame = frame;
            HandOut(p);
        }

        /// <summary>Drops an answered request's response, or gives it to whoever receives any, unless somebody waits for it by number.</summary>
        private void HandOut(PendingResponse p)
        {
            if (p.Unwanted)
            {
                unwanted--;
                pending.Remove(p.Sequence);
                responses.TakeBack(p.Frame, p.Frame.Generation);
            }
            else if (!p.Taken)
            {
                ready.Add(p.Sequence, p);
            }
        }

        /// <summary>Ends the use of buffers that hold what no correct server stores.</summary>
        private void Corrupt(ZeroDuplexException error)
        {
            Shut(new Failure(error.Code, error.Detail));
        }
    }
}
