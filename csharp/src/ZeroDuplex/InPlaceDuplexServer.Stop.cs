using System;
using System.Threading;
using ZeroDuplex.Native;

namespace ZeroDuplex
{
    /// <content>Stopping in good order. The lock is held throughout, except where it waits.</content>
    public sealed unsafe partial class InPlaceDuplexServer
    {
        /// <summary>Whether it has begun to stop, for tests: nothing but the client's leave can end a stop that waits for it.</summary>
        internal bool IsDraining
        {
            get
            {
                lock (sync)
                {
                    return life.Stage == ServerStage.Draining;
                }
            }
        }

        /// <summary>The whole of stopping. Returns what went wrong.</summary>
        private ZeroDuplexException StopTenure(long deadline)
        {
            Kick();
            WakeIdle();
            Tenure t = current;
            while ((t.Running > 0 || polling) && Ticks.Now < deadline)
            {
                Monitor.Wait(sync, ServerLife.SliceUntil(deadline));
            }

            bool late = t.Running > 0 || !Drain(t, deadline);
            NativeException error = TearDown(t);
            if (error != null)
            {
                return Failures.System(ServerLife.StopOperation, name, error);
            }

            return late ? Fail(ErrorCode.Timeout, ServerLife.StopOperation, null) : null;
        }

        /// <summary>Waits until the client has consumed every response or is gone.</summary>
        private bool Drain(Tenure t, long deadline)
        {
            while (!t.Ring.Drained && !t.Corrupt && IsClientAttached(t))
            {
                if (Ticks.Now >= deadline)
                {
                    return false;
                }

                Monitor.Exit(sync);
                try
                {
                    // Its atomic take is a full fence before the next look; pairs with the client's release.
                    t.Segment.Semaphores.ResponseConsumed.Wait(Ticks.SliceUntil(deadline));
                }
                finally
                {
                    Monitor.Enter(sync);
                }
            }

            return true;
        }

        private static bool IsClientAttached(Tenure t)
        {
            // Pairs with the client's store when it leaves.
            ulong pid = Volatile.Read(ref t.Segment.Request->WriterPid);
            return pid != Wire.PidNone && pid != Wire.ResetWanted && t.Segment.Life.ClientAlive;
        }

        /// <summary>
        /// Removes the names that are still ours, the object last, and says that the server is gone. Does all of it, and returns the first error.
        /// </summary>
        private NativeException TearDown(Tenure t)
        {
            Segment segment = t.Segment;
            NativeException error = null;
            NativeException.Catch(() => segment.Semaphores.Remove(name), ref error);
            var own = segment.Provider as SharedMemory;
            if (own != null)
            {
                NativeException.Catch(() => own.Object.RemoveIfNamed(name), ref error);
            }

            NativeException.Catch(segment.Life.ReleaseServer, ref error);
            owner.Dispose();

            // A client that wakes finds byte 0 free. Over a view this store is all it can find; pairs with ViewLiveness.ServerAlive.
            Volatile.Write(ref segment.Response->WriterPid, Wire.PidNone);
            Fence.Full();
            segment.Semaphores.ResponseReady.PostIfZero();
            segment.Semaphores.SpaceAvailable.PostIfZero();
            t.Unreference();
            return error;
        }
    }
}
