using System.Runtime.CompilerServices;
using System.Threading;

namespace ZeroDuplex
{
    /// <summary>The fence that the protocol's posting rule names.</summary>
    internal static class Fence
    {
        /// <summary>
        /// Stores before it are visible before loads after it look. An exchange is a full fence, too, and takes a fraction of the time that
        /// <see cref="Thread.MemoryBarrier"/> takes, which round trips would wait for.
        /// </summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        internal static void Full()
        {
            int here = 0;
            Interlocked.Exchange(ref here, 1);
        }
    }
}
