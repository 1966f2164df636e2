using System;

namespace ZeroDuplex.Ring
{
    /// <summary>A growing circular list. The frames of a ring come and go in order, thousands of them at once with small frames.</summary>
    internal sealed class FrameQueue
    {
        private ClientFrame[] items = new ClientFrame[16]; // a power of two long
        private int first;

        internal int Count { get; private set; }

        internal ClientFrame this[int index]
        {
            get { return items[(first + index) & (items.Length - 1)]; }
        }

        internal void Add(ClientFrame frame)
        {
            if (Count == items.Length)
            {
                var grown = new ClientFrame[2 * items.Length];
                for (int i = 0; i < Count; i++)
                {
                    grown[i] = this[i];
                }

                items = grown;
                first = 0;
            }

            items[(first + Count) & (items.Length - 1)] = frame;
            Count++;
        }

        internal void RemoveFirst()
        {
            items[first] = null;
            first = (first + 1) & (items.Length - 1);
            Count--;
        }
    }
}
