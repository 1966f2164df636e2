using System;

namespace ZeroDuplex.Ring
{
    /// <summary>The peer stored what a correct peer never stores. It never leaves the library.</summary>
    internal sealed class RingCorruptedException : Exception
    {
        internal RingCorruptedException(string message)
            : base(message)
        {
        }
    }
}
