using System;

namespace ZeroDuplex
{
    /// <summary>Something to sleep on between processes, from which a thread of this process can be woken.</summary>
    internal interface IWakeable
    {
        /// <summary>Sleeps until it took a token (true) or the time is over, or it was woken (false). Zero or less only tries.</summary>
        bool Wait(TimeSpan timeout);

        /// <summary>Makes one sleeper look again.</summary>
        void Wake();
    }
}
