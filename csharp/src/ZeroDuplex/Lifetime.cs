using System;
using System.Threading;

namespace ZeroDuplex
{
    /// <summary>
    /// Keeps something whole that may be closed at any time while calls run in it, threads wait in it and loans of it are out. Called with
    /// its owner's lock held.
    /// </summary>
    internal sealed class Lifetime
    {
        private readonly object sync;
        private readonly Action end;
        private int holds; // running calls and loans that are out

        /// <summary>Makes one. End is called once, with the lock held, when it is closing and nothing holds it.</summary>
        internal Lifetime(object sync, Action end)
        {
            this.sync = sync;
            this.end = end;
        }

        /// <summary>No call begins any more.</summary>
        internal bool Closing { get; private set; }

        /// <summary>What it kept may be gone.</summary>
        internal bool Ended { get; private set; }

        /// <summary>Threads that wait for something.</summary>
        internal int Waits { get; private set; }

        /// <summary>Begins a call or a loan. Each is followed by one <see cref="Release"/>.</summary>
        internal void Hold()
        {
            holds++;
        }

        internal void Release()
        {
            holds--;
            if (Closing)
            {
                EndIfIdle();
            }
        }

        /// <summary>Lets the lock go for a wait, which <see cref="EndWait"/> follows.</summary>
        internal void BeginWait()
        {
            Waits++;
            Monitor.Exit(sync);
        }

        internal void EndWait()
        {
            Monitor.Enter(sync);
            Waits--;
            if (Closing)
            {
                Monitor.PulseAll(sync);
            }
        }

        /// <summary>Begins to close; the caller wakes whoever waits.</summary>
        internal void Close()
        {
            Closing = true;
        }

        /// <summary>Returns when nobody waits any more, and ends if nothing holds it.</summary>
        internal void AwaitWaiters()
        {
            while (Waits > 0)
            {
                Monitor.Wait(sync);
            }

            EndIfIdle();
        }

        internal void EndIfIdle()
        {
            if (!Ended && holds == 0)
            {
                Ended = true;
                end();
            }
        }
    }
}
