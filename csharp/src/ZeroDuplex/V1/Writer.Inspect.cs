namespace ZeroDuplex
{
    /// <content>What the tests look at, to know that a thread waits without guessing when it will.</content>
    public sealed unsafe partial class Writer
    {
        /// <summary>Calls that wait for their turn.</summary>
        internal int Queued
        {
            get
            {
                lock (sync)
                {
                    return turn.Queued;
                }
            }
        }

        /// <summary>Calls that wait for their turn or for room.</summary>
        internal int Waiting
        {
            get
            {
                lock (sync)
                {
                    return life.Waits;
                }
            }
        }
    }
}
