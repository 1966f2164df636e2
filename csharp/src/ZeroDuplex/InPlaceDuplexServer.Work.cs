using System;
using System.Collections.Generic;
using System.Text;
using System.Threading;
using ZeroDuplex.Ring;

namespace ZeroDuplex
{
    /// <content>Taking and answering requests.</content>
    public sealed unsafe partial class InPlaceDuplexServer
    {
        /// <summary>One worker: it takes requests of its tenure until the server stops or gives the tenure up.</summary>
        private void Serve(Tenure t)
        {
            var work = new FrameWork();
            var wake = new Signal();
            lock (sync)
            {
                while (Next(t, wake, ref work.Frame))
                {
                    Perform(t, work);
                }
            }
        }

        /// <summary>
        /// Runs the handler without the lock, answers and settles; the lock is held on entry and return. The only worker goes on with further
        /// requests while they come: every taking of the lock would be a good part of a round trip.
        /// </summary>
        private void Perform(Tenure t, FrameWork work)
        {
            bool alone = options.Workers == 1;
            int kicked = kicks;
            RingCorruptedException corruption = null;
            Monitor.Exit(sync);
            try
            {
                Handle(work, ref work.Frame);
                if (alone)
                {
                    corruption = GoOnAlone(t, work, kicked);
                }
            }
            finally
            {
                Monitor.Enter(sync);
            }

            if (!alone)
            {
                Settle(t, ref work.Frame, work);
            }

            if (corruption != null)
            {
                MarkCorrupted(t, corruption);
            }

            Finish(t);
        }

        /// <summary>
        /// Settles what the only worker answered, and takes and answers further requests, without the lock: while a handler counts as running
        /// nobody else touches the cursor or the response counters. Returns the corruption that it found.
        /// </summary>
        private RingCorruptedException GoOnAlone(Tenure t, FrameWork work, int kicked)
        {
            try
            {
                Settle(t, ref work.Frame, work);
                while (NextAlone(t, ref work.Frame, kicked))
                {
                    Handle(work, ref work.Frame);
                    Settle(t, ref work.Frame, work);
                }

                return null;
            }
            catch (RingCorruptedException e)
            {
                return e;
            }
        }

        /// <summary>Waits for the only worker's next request as long as it spins. It gives up when somebody kicks.</summary>
        private bool NextAlone(Tenure t, ref ServedFrame f, int kicked)
        {
            bool spins = options.Wait != WaitStrategy.Block;
            do
            {
                if (spins && !SpinForRequest(t, t.Ring.Passed, kicked))
                {
                    t.Spun = true;
                    return false;
                }

                // Pairs with the client's store when it leaves.
                if (Volatile.Read(ref kicks) != kicked || Volatile.Read(ref t.Segment.Request->WriterPid) == Wire.ResetWanted)
                {
                    return false;
                }

                if (TakeNext(t, ref f, false))
                {
                    return true;
                }
            }
            while (spins);
            return false;
        }

        /// <summary>
        /// Waits for a request; the lock is held on entry and return.
        /// <para>One worker polls, the others wait for its signal. Looking and taking that role is one critical section, so no request falls
        /// between a look and a sleep; a worker that takes a request wakes another for the role.</para>
        /// </summary>
        private bool Next(Tenure t, Signal wake, ref ServedFrame f)
        {
            while (life.Stage == ServerStage.Serving && current == t)
            {
                if (Look(t, ref f))
                {
                    busy = true;
                    t.Running++;
                    t.Reference();
                    WakeOneIdle();
                    return true;
                }

                if (reports.Count > 0)
                {
                    DeliverReports(); // lets go of the lock, so everything must be looked at again
                    continue;
                }

                if (current != t)
                {
                    break; // given up in Look
                }

                if (polling)
                {
                    WaitIdle(wake);
                    continue;
                }

                polling = true;
                t.Reference(); // stopping does not wait for ever
                Poll(t);
                polling = false;
                t.Unreference();
            }

            WakeOneIdle(); // we may have been woken for a role that we do not take
            Monitor.PulseAll(sync);
            DeliverReports();
            return false;
        }

        private void WaitIdle(Signal wake)
        {
            idle.AddLast(wake);
            Monitor.Exit(sync);
            wake.Wait(Ticks.Never);
            Monitor.Enter(sync);
        }

        /// <summary>Takes the next request, and does what a client that left makes necessary. The lock is held all the time.</summary>
        private bool Look(Tenure t, ref ServedFrame f)
        {
            // A client that left waits for nothing: of what it published only one-way requests still run. Pairs with the stores of the
            // leaving and the attaching client.
            if (!t.Resetting && Volatile.Read(ref t.Segment.Request->WriterPid) == Wire.ResetWanted)
            {
                BeginReset(t);
            }

            if (Take(t, ref f))
            {
                return true;
            }

            if (!t.Resetting && ClientLeft(t))
            {
                BeginReset(t);
                if (Take(t, ref f))
                {
                    return true;
                }
            }

            if (t.Resetting)
            {
                if (polling)
                {
                    Kick(); // a reset replaces the semaphore that the poller sleeps on, so the poller does it
                }
                else
                {
                    AdvanceReset(t);
                }
            }

            return false;
        }

        /// <summary>Walks the cursor to the next request that is to be run.</summary>
        private bool Take(Tenure t, ref ServedFrame f)
        {
            try
            {
                return !t.Corrupt && TakeNext(t, ref f, t.Resetting);
            }
            catch (RingCorruptedException e)
            {
                MarkCorrupted(t, e);
                return false;
            }
        }

        /// <summary>
        /// Walks the cursor, which is the caller's, to the next request that is to be run; when the client has left, only one-way requests are.
        /// </summary>
        private static bool TakeNext(Tenure t, ref ServedFrame f, bool left)
        {
            while (t.Ring.TryNext(out f))
            {
                if (f.Cancelled)
                {
                    t.Ring.Skip(ref f);

                    // Pairs with the client's sender, which takes its token and then looks at the state.
                    Fence.Full();
                    t.Segment.Semaphores.SpaceAvailable.PostIfZero();
                }
                else if (left && !f.OneWay)
                {
                    t.Ring.Pass(ref f);
                }
                else if (t.Ring.Take(ref f))
                {
                    return true;
                }

                // Else it was cancelled since we looked: the next round skips it.
            }

            return false;
        }

        /// <summary>Stops taking and disowns the segment; the client sees it, detaches, and the ordinary reset follows.</summary>
        private void MarkCorrupted(Tenure t, RingCorruptedException error)
        {
            t.Corrupt = true;

            // Pairs with the client's acquire load in CheckPeer.
            Volatile.Write(ref t.Segment.Response->WriterPid, Wire.PidNone);
            Fence.Full();
            t.Segment.Semaphores.ResponseReady.PostIfZero();
            t.Segment.Semaphores.SpaceAvailable.PostIfZero();
            Report(Fail(ErrorCode.Corrupted, "take request", null, error));
        }

        /// <summary>
        /// Keeps an error for the listener. It is not called here: it may ask the server something, and whoever finds an error must go on
        /// without letting go of the lock.
        /// </summary>
        private void Report(Exception error)
        {
            reports.Add(error);
        }

        /// <summary>Lets go of the lock meanwhile.</summary>
        private void DeliverReports()
        {
            while (reports.Count > 0)
            {
                List<Exception> found = reports;
                reports = new List<Exception>();
                Monitor.Exit(sync);
                found.ForEach(life.Tell);
                Monitor.Enter(sync);
            }
        }

        /// <summary>Waits for something to look at; the lock is held on entry and return, the polling role by the caller.</summary>
        private void Poll(Tenure t)
        {
            ulong passed = t.Ring.Passed;
            int kicked = kicks;
            TimeSpan slice = Wire.DefaultV2WaitSlice;
            if (t.Resetting && Ticks.Now < t.ResetDeadline)
            {
                slice = Ticks.SliceUntil(t.ResetDeadline);
            }

            // In a reset, or after corruption, what is published is no reason to stop waiting.
            bool quiet = t.Resetting || t.Corrupt;
            bool spin = !quiet && !t.Spun && (options.Wait == WaitStrategy.Spin || (options.Wait == WaitStrategy.Hybrid && busy));
            bool found = false;
            bool token = false;
            t.Spun = false;
            Monitor.Exit(sync);
            try
            {
                if (spin)
                {
                    found = SpinForRequest(t, passed, kicked);
                }

                if (!found && (quiet || options.Wait != WaitStrategy.Spin))
                {
                    // Its atomic take is a full fence before the next look; pairs with the client's publish.
                    token = t.Segment.Semaphores.RequestReady.Wait(slice);
                }
            }
            finally
            {
                Monitor.Enter(sync);
            }

            if (!found)
            {
                busy = token;
                t.CheckDue = t.CheckDue || Ticks.Now - t.Checked >= (token ? TimeSpan.TicksPerMillisecond : Ticks.Slice);
            }
        }

        /// <summary>Spins for the spin window, or for a slice when it never sleeps. True: there is something to look at.</summary>
        private bool SpinForRequest(Tenure t, ulong passed, int kicked)
        {
            t.Patience.Wait();
            bool there = t.Ring.Published(passed);
            t.Patience.Learn(there);
            if (there)
            {
                return true;
            }

            long end = 0;
            while (true)
            {
                for (int i = 0; i < Pause.SpinBatch; i++)
                {
                    Thread.SpinWait(1);
                    if (t.Ring.Published(passed))
                    {
                        return true;
                    }
                }

                if (Volatile.Read(ref kicks) != kicked || Volatile.Read(ref t.Segment.Request->WriterPid) == Wire.ResetWanted)
                {
                    return true;
                }

                // The clock only when a whole batch was in vain.
                long now = Ticks.Now;
                if (end == 0)
                {
                    end = now + (options.Wait == WaitStrategy.Spin ? Ticks.Slice : options.SpinWindow.Ticks);
                }
                else if (now >= end)
                {
                    return false;
                }

                Pause.LetOthersRun();
            }
        }

        /// <summary>Runs the handler and answers.</summary>
        private void Handle(FrameWork work, ref ServedFrame f)
        {
            Exception error = null;
            Frame view = work.Begin();
            try
            {
                handler(view);
            }
            catch (ResponseTooLargeException e)
            {
                error = e;
                work.SetFailure(FrameStatus.ResponseTooLarge, FailureMessage.Of(e));
            }
            catch (Exception e)
            {
                error = e;
                work.SetFailure(FrameStatus.HandlerFailed, FailureMessage.Of(e));
            }

            work.End();
            if (f.OneWay)
            {
                if (work.Message != null)
                {
                    life.Tell(Fail(ErrorCode.HandlerFailed, "handle one-way request", error == null ? work.Message : null, error));
                }

                f.Finish();
                return;
            }

            if (work.Message != null)
            {
                work.Size = WriteMessage(f.Data, f.Capacity, work.Message);
            }

            f.Answer((ulong)work.Size, work.Status, work.Message != null);
        }

        /// <summary>Puts a failure's message into a frame, cut at a character's boundary. Returns its length.</summary>
        private static int WriteMessage(byte* data, ulong capacity, string message)
        {
            byte[] bytes = Encoding.UTF8.GetBytes(message);
            int n = FailureMessage.Cut(bytes, (int)capacity);
            new ReadOnlySpan<byte>(bytes, 0, n).CopyTo(new Span<byte>(data, n));
            return n;
        }

        /// <summary>
        /// Counts an answer and wakes whom it concerns; the response counters are the caller's. The client may have read the answer already.
        /// </summary>
        private static void Settle(Tenure t, ref ServedFrame f, FrameWork work)
        {
            SegmentSemaphores semaphores = t.Segment.Semaphores;
            if (!f.OneWay)
            {
                t.Ring.Count((ulong)work.Size);
            }

            // Pairs with the client, which takes its token, or marks a frame abandoned, and then looks at the state.
            Fence.Full();
            if (f.OneWay)
            {
                semaphores.SpaceAvailable.PostIfZero();
            }
            else
            {
                semaphores.ResponseReady.PostIfZero();

                // The value first: the frame's line is the client's by now, and costs a cache miss.
                if (semaphores.SpaceAvailable.Value == 0 && f.Abandoned)
                {
                    semaphores.SpaceAvailable.PostIfZero();
                }
            }
        }

        /// <summary>Ends the work that <see cref="Next"/> began.</summary>
        private void Finish(Tenure t)
        {
            t.Running--;
            if (t.Resetting)
            {
                t.ResetDeadline = Ticks.In(options.ResetTimeout); // it gets on
                if (t.Running == 0 && current == t)
                {
                    Kick();
                }
            }

            if (life.Stage != ServerStage.Serving)
            {
                Monitor.PulseAll(sync);
            }

            t.Unreference();
        }
    }
}
