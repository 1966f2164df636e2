using System.Collections.Generic;

namespace ZeroDuplex
{
    /// <summary>What a receiver waits for by number.</summary>
    internal interface IAwaited
    {
        /// <summary>Whether waiting for it is over: it is there, or it will never be.</summary>
        bool IsOver { get; }
    }

    /// <summary>The receivers that wait in this process while another one sleeps on the semaphore. Called with the channel's lock held.</summary>
    internal sealed class WaiterList
    {
        private readonly List<Waiter> items = new List<Waiter>();

        internal Waiter Add(IAwaited awaited)
        {
            var waiter = new Waiter(awaited);
            items.Add(waiter);
            return waiter;
        }

        internal void Remove(Waiter waiter)
        {
            items.Remove(waiter);
        }

        /// <summary>Wakes those whose wait is over; any tells whether one is there for those that take any.</summary>
        internal void WakeAnswered(bool any)
        {
            foreach (Waiter waiter in items)
            {
                if (waiter.Awaited == null ? any : waiter.Awaited.IsOver)
                {
                    waiter.Wake.Set();
                }
            }
        }

        /// <summary>Wakes the one that has waited longest, to take a role that was left.</summary>
        internal void WakeOne()
        {
            if (items.Count > 0)
            {
                items[0].Wake.Set();
            }
        }

        internal void WakeAll()
        {
            foreach (Waiter waiter in items)
            {
                waiter.Wake.Set();
            }
        }

        internal sealed class Waiter
        {
            internal Waiter(IAwaited awaited)
            {
                Awaited = awaited;
            }

            /// <summary>Null: any response.</summary>
            internal IAwaited Awaited { get; }

            internal Signal Wake { get; } = new Signal();
        }
    }
}
