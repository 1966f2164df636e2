using System;
using ZeroDuplex.Native;

namespace ZeroDuplex
{
    /// <summary>
    /// What became of <see cref="ChannelOptions.Prefault"/> and <see cref="ChannelOptions.HugePages"/> for this process's mapping, as it was when
    /// the memory was created or attached to. Without these options it is empty. Immutable.
    /// </summary>
    public sealed class MemoryReport
    {
        internal static readonly MemoryReport Nothing = new MemoryReport(false, 0, string.Empty);

        internal MemoryReport(bool prefaulted, long hugePageBytes, string reason)
        {
            Prefaulted = prefaulted;
            HugePageBytes = hugePageBytes;
            Reason = reason;
        }

        /// <summary>Whether every page of the mapping was made present and writable. HugePages does so too where it creates memory.</summary>
        public bool Prefaulted { get; }

        /// <summary>How many bytes of the mapping the kernel maps by huge pages, as it says itself; 0 when none, or when it cannot be known.</summary>
        public long HugePageBytes { get; }

        /// <summary>Why an option was not fulfilled and what can be done; empty when all was done that was asked for.</summary>
        public string Reason { get; }

        /// <summary>What became of a wish for memory that is ready.</summary>
        internal static MemoryReport On(IMemoryProvider provider, PageWish wish)
        {
            var own = provider as SharedMemory;
            if (own != null)
            {
                return own.Object.Report;
            }

            return wish.IsNone ? Nothing : new MemoryReport(false, 0, "the memory is the application's own: its pages are left to whoever mapped it");
        }

        /// <summary>The report on two mappings together.</summary>
        internal MemoryReport And(MemoryReport other)
        {
            string both = Reason;
            if (both.Length == 0)
            {
                both = other.Reason;
            }
            else if (other.Reason.Length != 0 && other.Reason != Reason)
            {
                both = Reason + "; " + other.Reason;
            }

            return new MemoryReport(Prefaulted && other.Prefaulted, HugePageBytes + other.HugePageBytes, both);
        }
    }
}
