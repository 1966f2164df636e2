namespace ZeroDuplex.V1
{
    /// <summary>A frame that was read. The fields are the ring's, except for the reader's handles, which look at what does not change while it is out.</summary>
    internal sealed unsafe class FrameLoan : Loan
    {
        internal ulong Sequence;
        internal byte* Data;
        internal int Size;
        internal ulong Claimed; // header, data, and what was skipped behind it
        internal bool Released;

        internal FrameLoan(ILender lender)
            : base(lender)
        {
        }
    }
}
