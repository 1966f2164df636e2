namespace ZeroDuplex
{
    /// <content>What the tests look at, to know that a thread waits without guessing when it will.</content>
    public sealed partial class ImmutableDuplexServer
    {
        /// <summary>Whether a handler runs, or its response waits for room.</summary>
        internal bool IsHandling
        {
            get
            {
                lock (sync)
                {
                    return handling;
                }
            }
        }

        /// <summary>Whether it has begun to stop.</summary>
        internal bool IsDraining
        {
            get
            {
                lock (sync)
                {
                    return life.Stage == ServerStage.Draining;
                }
            }
        }
    }
}
