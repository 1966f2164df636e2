namespace ZeroDuplex
{
    /// <content>What the tests look at, to know that a thread waits without guessing when it will.</content>
    public sealed unsafe partial class Reader
    {
        /// <summary>Calls that wait for a frame.</summary>
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
