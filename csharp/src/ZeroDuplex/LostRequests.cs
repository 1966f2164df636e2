using System;

namespace ZeroDuplex
{
    /// <summary>The requests that a dead server will never answer, as text.</summary>
    internal sealed class LostRequests
    {
        private ulong first = ulong.MaxValue;
        private ulong last;
        private int count;

        internal void Add(ulong sequence)
        {
            first = Math.Min(first, sequence);
            last = Math.Max(last, sequence);
            count++;
        }

        public override string ToString()
        {
            switch (count)
            {
                case 0: return "no request is lost";
                case 1: return "request " + first + " is lost";
                default: return count + " requests from " + first + " to " + last + " are lost";
            }
        }
    }
}
