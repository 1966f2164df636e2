using System.Collections.Generic;

namespace ZeroDuplex
{
    /// <summary>Lets one sender at a time claim ring space, first come first served. Called with the channel's lock held.</summary>
    internal sealed class TurnQueue
    {
        private readonly LinkedList<Ticket> queue = new LinkedList<Ticket>();
        private bool held;
        private bool closed;

        /// <summary>The holder is an acquired buffer in the application's hands.</summary>
        internal bool HeldByBuffer { get; set; }

        internal int Queued
        {
            get { return queue.Count; }
        }

        /// <summary>Nobody has the turn, and nobody waits for it.</summary>
        internal bool IsFree
        {
            get { return !held && queue.Count == 0; }
        }

        /// <summary>Takes the turn when it is free.</summary>
        internal bool TryTake()
        {
            if (!IsFree)
            {
                return false;
            }

            held = true;
            return true;
        }

        /// <summary>Waits for the turn. False without it: the time is over, or the queue is closed.</summary>
        internal bool Await(ref Pause pause, Lifetime life)
        {
            pause.Begin();
            var ticket = new Ticket();
            queue.AddLast(ticket);
            while (true)
            {
                life.BeginWait();
                try
                {
                    pause.Wait(ticket.Wake);
                }
                finally
                {
                    life.EndWait();
                }

                if (ticket.Granted)
                {
                    if (closed)
                    {
                        Release();
                    }

                    return !closed;
                }

                if (closed || pause.IsCancelled || pause.IsExpired)
                {
                    queue.Remove(ticket);
                    return false;
                }
            }
        }

        /// <summary>Hands the turn to the first in the queue.</summary>
        internal void Release()
        {
            HeldByBuffer = false;
            if (queue.Count == 0)
            {
                held = false;
                return;
            }

            Ticket first = queue.First.Value;
            queue.RemoveFirst();
            first.Granted = true;
            first.Wake.Set();
        }

        /// <summary>Makes everybody who waits go without it.</summary>
        internal void Close()
        {
            closed = true;
            foreach (Ticket ticket in queue)
            {
                ticket.Wake.Set();
            }
        }

        /// <summary>A place in the queue.</summary>
        private sealed class Ticket
        {
            internal Signal Wake { get; } = new Signal();

            internal bool Granted { get; set; }
        }
    }
}
