using System.Threading;
using ZeroDuplex.Ring;

namespace ZeroDuplex
{
    /// <content>Waiting for answers.</content>
    public sealed unsafe partial class InPlaceDuplexChannel
    {
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
        /// The rest of a wait for the answer to a frame that the caller has a claim on, which was not there at once. The caller ends when it does
        /// not come, and gives up more than its claim when it <paramref name="called"/>: nobody else asks for that answer.
        /// </summary>
        private void AwaitClaimed(ref Pause pause, ClientFrame f, bool called)
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
                        if (called)
                        {
                            GiveUp(f);
                        }
                        else
                        {
                            StopWaiting(f);
                        }

                        life.Release();
                    }
                }
            }
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
                Pause.LetOthersRun();
                SpinFor(f);
                life.EndWait();
            }
            else
            {
                // Others must be able to send, release and close meanwhile.
                for (int i = 0; i < Looks && failure == null && AnyAnswered() == null; i++)
                {
                    life.BeginWait();
                    if (i == 0)
                    {
                        Pause.LetOthersRun();
                    }

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
    }
}
