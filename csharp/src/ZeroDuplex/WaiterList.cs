using System.Collections.Generic;
using ZeroDuplex.Ring;

namespace ZeroDuplex
{
    /// <summary>The receivers that wait in this process while another one sleeps on response-ready. Called with the channel's lock held.</summary>
    internal sealed class WaiterList
    {
        private readonly List<Waiter> items = new List<Waiter>();

        internal Waiter Add(ClientFrame frame)
        {
            var waiter = new Waiter(frame);
            items.Add(waiter);
            return waiter;
        }

        internal void Remove(Waiter waiter)
        {
            items.Remove(waiter);
        }

        /// <summary>Wakes those whose response is there; any tells whether one is there for those that take any.</summary>
        internal void WakeAnswered(bool any)
        {
            foreach (Waiter waiter in items)
            {
                ClientFrame f = waiter.Frame;
                if (f == null ? any : f.Answered || f.Cancelled)
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
            internal Waiter(ClientFrame frame)
            {
                Frame = frame;
            }

            /// <summary>Null: any response.</summary>
            internal ClientFrame Frame { get; }

            internal Signal Wake { get; } = new Signal();
        }
    }
}
