namespace ZeroDuplex
{
    /// <summary>How a side waits for the other. The strategies need not be the same on both sides.</summary>
    public enum WaitStrategy
    {
        /// <summary>Spins for the spin window and then sleeps. The default.</summary>
        Hybrid,

        /// <summary>Never sleeps: lowest latency, one core busy all the time.</summary>
        Spin,

        /// <summary>Sleeps at once: least processor time, a wake-up of 5 to 60 µs per wait.</summary>
        Block,
    }

    /// <summary>When an empty ring starts again at its beginning.</summary>
    public enum LapMode
    {
        /// <summary>Whenever nothing is in flight: the same cache-warm bytes again and again. The default.</summary>
        Eager,

        /// <summary>Only when a frame would not fit otherwise: walks through the whole ring.</summary>
        Needed,
    }
}
