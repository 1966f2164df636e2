using System;
using System.Threading;
using System.Threading.Tasks;
using ZeroDuplex.Native;

namespace ZeroDuplex
{
    /// <content>Clients that leave, and handlers that do not end. The lock is held except where it waits.</content>
    public sealed unsafe partial class InPlaceDuplexServer
    {
        /// <summary>
        /// Notices clients that die while all workers are busy, and handlers that never end; looks once a slice. It also stops the server at
        /// the end of the token.
        /// </summary>
        private void Watch(CancellationToken token)
        {
            using (token.Register(watchEnd.Set))
            {
                while (!life.Stopped.IsCompleted)
                {
                    if (token.IsCancellationRequested)
                    {
                        Dispose();
                        return;
                    }

                    watchEnd.Wait(Ticks.Now + Ticks.Slice);
                    lock (sync)
                    {
                        // A polling worker does all of this itself.
                        Tenure t = current;
                        if (life.Stage == ServerStage.Serving && !polling && t.Running > 0)
                        {
                            WatchBusy(t);
                        }

                        DeliverReports();
                    }
                }
            }
        }

        private void WatchBusy(Tenure t)
        {
            t.CheckDue = true;
            if (!t.Resetting && ClientLeft(t))
            {
                BeginReset(t);
                Kick(); // the only worker goes on without looking
            }

            if (t.Resetting)
            {
                AdvanceReset(t);
            }
        }

        /// <summary>Whether a client was attached that is gone or wants a reset.</summary>
        private static bool ClientLeft(Tenure t)
        {
            // Pairs with the stores of the attaching and the leaving client.
            ulong pid = Volatile.Read(ref t.Segment.Request->WriterPid);
            if (pid == Wire.PidNone)
            {
                return t.Corrupt && !t.Segment.Life.ClientAlive;
            }

            if (pid == Wire.ResetWanted)
            {
                return true;
            }

            if (!t.CheckDue)
            {
                return false;
            }

            t.CheckDue = false;
            t.Checked = Ticks.Now;
            return !t.Segment.Life.ClientAlive;
        }

        private void BeginReset(Tenure t)
        {
            t.Resetting = true;
            t.ResetDeadline = Ticks.In(options.ResetTimeout);
        }

        /// <summary>Ends a reset when its handlers have ended, or gives the object up when they do not; nobody polls.</summary>
        private void AdvanceReset(Tenure t)
        {
            long now = Ticks.Now;
            if (now < t.Retry || (t.Running > 0 && now < t.ResetDeadline))
            {
                return;
            }

            t.Retry = now + Ticks.Slice;
            try
            {
                if (t.Running == 0)
                {
                    Reset(t);
                }
                else
                {
                    GiveUp(t);
                }
            }
            catch (NativeException e)
            {
                // Retried after a slice; until then connecting says that the server is busy.
                Report(Failures.System("reset segment", name, e, "new clients must wait"));
            }
            catch (ZeroDuplexException e)
            {
                Report(e);
            }
        }

        /// <summary>Makes the segment what an attaching client expects. No handler runs and nobody sleeps on the semaphores.</summary>
        private void Reset(Tenure t)
        {
            Segment segment = t.Segment;
            SegmentSemaphores old = segment.Semaphores;
            segment.Semaphores = SegmentSemaphores.Replace(name, (uint)options.Mode);
            segment.RequestMetadata.Reset();
            t.Ring.Reset();
            Volatile.Write(ref segment.Response->ReaderPid, Wire.PidNone);
            Volatile.Write(ref segment.Response->WriterPid, Platform.ProcessId);
            t.Resetting = t.Corrupt = t.CheckDue = false;
            t.Checked = Ticks.Now;
            t.Retry = 0;

            // Last: pairs with the acquire load of the attaching client, which waits for it.
            Volatile.Write(ref segment.Request->WriterPid, Wire.PidNone);
            old.Dispose();
        }

        /// <summary>
        /// Leaves the segment to handlers that do not end and starts anew under the same name. Their late answers go to the old mapping,
        /// where nobody sees them; their workers end with them.
        /// </summary>
        private void GiveUp(Tenure old)
        {
            old.ResetDeadline = Ticks.In(options.ResetTimeout); // for the next try, should this one fail
            var own = old.Segment.Provider as SharedMemory;
            if (own == null)
            {
                // Existing memory cannot be replaced: the next client waits until the handlers end.
                return;
            }

            own.Object.RemoveIfNamed(name);

            // Clients that wait on this object see byte 0 free and open the name again.
            old.Segment.Life.ReleaseServer();
            Segment segment;
            try
            {
                segment = SegmentBuilder.Create(name, config, null, options.Mode, metadata, options.Pages);
            }
            catch (ZeroDuplexException)
            {
                // The server has no object any more and cannot get one. Not under the lock that we hold; the error goes to the listener.
                Task.Factory.StartNew(Dispose, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
                throw;
            }

            current = new Tenure(segment);

            // The old tenure's workers see that it is no longer current and end; new ones start.
            StartWorkers(current);
            WakeIdle();
            old.Unreference();
        }
    }
}
