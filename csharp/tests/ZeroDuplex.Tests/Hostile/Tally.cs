using System.Collections.Generic;
using NUnit.Framework;

namespace ZeroDuplex.Tests.Hostile
{
    /// <summary>What a run of programs did, so that a test can tell that it did something. Thread-safe.</summary>
    internal sealed class Tally
    {
        private readonly SortedDictionary<string, long> counts = new SortedDictionary<string, long>();

        internal long this[string what]
        {
            get
            {
                lock (counts)
                {
                    long count;
                    return counts.TryGetValue(what, out count) ? count : 0;
                }
            }
        }

        public override string ToString()
        {
            lock (counts)
            {
                var parts = new List<string>();
                foreach (KeyValuePair<string, long> count in counts)
                {
                    parts.Add(count.Key + " " + count.Value);
                }

                return string.Join(", ", parts);
            }
        }

        internal void Add(string what, long times = 1)
        {
            lock (counts)
            {
                counts[what] = this[what] + times;
            }
        }

        /// <summary>Each of these was done more often than that.</summary>
        internal void RequireMore(int than, params string[] all)
        {
            foreach (string what in all)
            {
                Assert.Greater(this[what], than, what + ": " + this);
            }
        }
    }
}
