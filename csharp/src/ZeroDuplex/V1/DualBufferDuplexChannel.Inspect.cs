namespace ZeroDuplex
{
    /// <content>What the tests look at, to know that a thread waits without guessing when it will.</content>
    public sealed partial class DualBufferDuplexChannel
    {
        /// <summary>Requests whose responses were not delivered.</summary>
        internal int Pending
        {
            get
            {
                lock (sync)
                {
                    return pending.Count;
                }
            }
        }

        /// <summary>Calls that wait for a response.</summary>
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
