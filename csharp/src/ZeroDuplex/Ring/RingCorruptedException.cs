using System;

namespace ZeroDuplex.Ring
{
    /// <summary>The peer stored what a correct peer never stores. It never leaves the library.</summary>
    internal class RingCorruptedException : Exception
    {
        internal RingCorruptedException(string message)
            : base(message)
        {
        }
    }

    /// <summary>A v1 frame has another sequence number than it can have.</summary>
    internal sealed class RingSequenceException : RingCorruptedException
    {
        internal RingSequenceException(ulong expected, ulong got)
            : base("expected frame " + expected + ", got frame " + got)
        {
            Expected = expected;
            Got = got;
        }

        internal ulong Expected { get; }

        internal ulong Got { get; }
    }
}
