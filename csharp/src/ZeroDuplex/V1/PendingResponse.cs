namespace ZeroDuplex.V1
{
    /// <summary>A request whose response was not delivered yet. The fields belong to the client's lock.</summary>
    internal sealed class PendingResponse : IAwaited
    {
        internal ulong Sequence;
        internal bool OneWay;
        internal bool Abandoned; // nobody waits any more
        internal bool Taken; // somebody waits for it by number
        internal FrameLoan Frame; // null until the response was read

        /// <summary>Whether the response is to be dropped.</summary>
        internal bool Unwanted
        {
            get { return OneWay || Abandoned; }
        }

        /// <inheritdoc/>
        public bool IsOver
        {
            get { return Frame != null; }
        }
    }
}
