using ZeroDuplex.Ring;

namespace ZeroDuplex
{
    /// <summary>
    /// One segment from its creation until it is stopped or given up; a server that gives one up starts another. The fields belong to the
    /// server's lock.
    /// </summary>
    internal sealed class Tenure
    {
        internal readonly Segment Segment;
        internal readonly ServerRing Ring;
        internal int Running; // handlers
        internal bool Corrupt;
        internal bool Resetting;
        internal long ResetDeadline;
        internal long Retry; // not before this is a failed reset tried again
        internal bool CheckDue; // byte 1 is to be looked at
        internal long Checked; // when it was
        internal bool Spun; // the spin window has just passed in vain
        internal readonly Patience Patience = new Patience();

        private int references = 1; // running handlers, the poller, plus one while it is the server's current tenure

        internal Tenure(Segment segment)
        {
            Segment = segment;
            Ring = new ServerRing(segment.Memory);
            Checked = Ticks.Now;
        }

        internal void Reference()
        {
            references++;
        }

        /// <summary>Unmaps the segment when nobody uses it any more.</summary>
        internal void Unreference()
        {
            references--;
            if (references == 0)
            {
                Segment.Dispose();
            }
        }
    }
}
