using System;
using System.Threading;
using ZeroDuplex.V1;

namespace ZeroDuplex
{
    /// <content>The worker: taking requests and answering them.</content>
    public sealed partial class ImmutableDuplexServer
    {
        private const string HandleOperation = "handle request";

        /// <summary>Takes requests until the server stops.</summary>
        private void Serve()
        {
            while (true)
            {
                FrameLoan request;
                Reader from;
                if (!TryTake(out request, out from))
                {
                    break;
                }

                if (request == null)
                {
                    UnlinkIfGone();
                    continue;
                }

                Answer(request);
                from.TakeBack(request, request.Generation);
                lock (sync)
                {
                    handling = false;
                    Monitor.PulseAll(sync);
                }
            }

            lock (sync)
            {
                running = false;
                Monitor.PulseAll(sync);
            }
        }

        /// <summary>Waits a slice for a request, null when none comes. False: the server stops.</summary>
        private bool TryTake(out FrameLoan request, out Reader from)
        {
            request = null;
            int interrupts;
            lock (sync)
            {
                from = requests;
                interrupts = from.Interrupts;
                if (life.Stage != ServerStage.Serving)
                {
                    return false;
                }
            }

            try
            {
                var pause = new Pause(Timeout.InfiniteTimeSpan, CancellationToken.None);
                request = from.Next(ref pause, Ticks.In(Wire.DefaultV2WaitSlice), false, interrupts);
            }
            catch (CorruptedException e)
            {
                return Renew(e);
            }
            catch (ClosedException)
            {
                return false; // stopped meanwhile
            }

            lock (sync)
            {
                handling = request != null && life.Stage == ServerStage.Serving;
                if (request != null && !handling)
                {
                    from.TakeBack(request, request.Generation);
                    return false;
                }
            }

            return true;
        }

        /// <summary>
        /// Gives up a request buffer that holds what no correct client stores, and makes another. Its client finds its reader gone. False: there
        /// is none, the server ends.
        /// </summary>
        private bool Renew(ZeroDuplexException error)
        {
            life.Tell(error);
            Unlink();
            try
            {
                lock (sync)
                {
                    if (life.Stage == ServerStage.Serving)
                    {
                        requests.Close();
                        requests = CreateRequests();
                    }

                    return life.Stage == ServerStage.Serving;
                }
            }
            catch (ZeroDuplexException e)
            {
                life.Tell(e);
                OwnThread.Start("stop", Dispose);
                return false;
            }
        }

        /// <summary>Gives a request its response.</summary>
        private void Answer(FrameLoan request)
        {
            Writer to = Responses();
            if (to == null)
            {
                return; // nobody would read it
            }

            slot.Begin(to);
            Exception error = null;
            string text = null;
            try
            {
                Run(request);
                if (work.Message == null)
                {
                    slot.Commit(Size());
                    return;
                }

                text = work.Message;
            }
            catch (Exception e)
            {
                error = e;
                text = FailureMessage.Of(e);
            }

            if (slot.Lost == null)
            {
                // v1 cannot mark it as a failure.
                ErrorCode code = error is ResponseTooLargeException ? ErrorCode.ResponseTooLarge : ErrorCode.HandlerFailed;
                life.Tell(Fail(code, HandleOperation, "request " + request.Sequence + (error == null ? ": " + text : string.Empty), error));
                CommitText(text);
            }

            if (slot.Lost != null)
            {
                slot.Abort();
                if (slot.Lost.Code == ErrorCode.Corrupted)
                {
                    life.Tell(slot.Lost);
                }

                Lose(to);
            }
        }

        /// <summary>Runs the handler.</summary>
        private void Run(FrameLoan request)
        {
            work.Message = null;
            try
            {
                if (handler != null)
                {
                    handler(work.Begin(request));
                }
                else
                {
                    immutable(new ImmutableRequest(new ReceivedFrame(request)), new ImmutableResponse(slot));
                }
            }
            finally
            {
                work.End();
                slot.End();
            }
        }

        /// <summary>Bytes of the response that the handler made.</summary>
        private int Size()
        {
            int size = handler != null ? work.Size : slot.Size;
            if (size == 0)
            {
                throw Fail(ErrorCode.HandlerFailed, HandleOperation, handler != null ? "the response is empty" : "no response");
            }

            return size;
        }

        /// <summary>Answers a failure in words. The client counts on one response for each request.</summary>
        private void CommitText(string text)
        {
            try
            {
                slot.Abort();
                slot.CommitText(text);
            }
            catch (Exception e)
            {
                slot.Abort();
                if (slot.Lost == null)
                {
                    life.Tell(e);
                }
            }
        }
    }
}
