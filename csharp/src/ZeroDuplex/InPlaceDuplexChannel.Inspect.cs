using ZeroDuplex.Ring;

namespace ZeroDuplex
{
    /// <content>What the tests look at, to know that a thread waits without guessing when it will.</content>
    public sealed unsafe partial class InPlaceDuplexChannel
    {
        /// <summary>Senders that wait for their turn.</summary>
        internal int QueuedSenders
        {
            get
            {
                lock (sync)
                {
                    return turn.Queued;
                }
            }
        }

        /// <summary>Calls that wait for a response or for room.</summary>
        internal int Waiting
        {
            get
            {
                lock (sync)
                {
                    return life.Waits - turn.Queued;
                }
            }
        }

        /// <summary>Whether the response of this number is there.</summary>
        internal bool IsAnswered(ulong sequence)
        {
            lock (sync)
            {
                ClientFrame f = ring.Lookup(sequence);
                return f != null && f.Answered;
            }
        }

        /// <summary>Whether somebody waits for, or has, the response of this number.</summary>
        internal bool IsAwaited(ulong sequence)
        {
            lock (sync)
            {
                ClientFrame f = ring.Lookup(sequence);
                return f != null && f.Taken;
            }
        }
    }
}
