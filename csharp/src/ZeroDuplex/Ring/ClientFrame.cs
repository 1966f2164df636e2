using System.Runtime.CompilerServices;
using System.Threading;

namespace ZeroDuplex.Ring
{
    /// <summary>A published frame as its client knows it. The fields are the ring's; the channel uses them under its lock.</summary>
    internal sealed unsafe class ClientFrame : Loan, IAwaited
    {
        internal ulong Sequence;
        internal ulong Capacity;
        internal uint Opcode;
        internal bool OneWay;

        /// <summary>Somebody has a claim on the response: a waiter by number, or a receiver that has it.</summary>
        internal bool Taken;

        internal bool Cancelled;
        internal bool Abandoned;
        internal bool Released;

        internal ulong Position;
        internal ulong Total;
        internal ulong Waste;
        internal FrameHeaderV2* Header;
        internal ClientFrame NextSpare; // of those that are not in use

        internal ClientFrame(ILender lender)
            : base(lender)
        {
        }

        /// <summary>Whether the response may be read. It may be called without the lock by whoever has a claim on the frame.</summary>
        internal bool Answered
        {
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            get
            {
                // Pairs with the server's release store in ServedFrame.Answer.
                int state = Volatile.Read(ref Header->State);
                return state == (int)FrameState.Response || state == (int)FrameState.Failed;
            }
        }

        /// <summary>The length of a response, read once and checked; -1: it is none, or no good one, and <see cref="ClientRing.Read"/> says which.</summary>
        internal int Size
        {
            get
            {
                // Pairs as in Answered.
                int state = Volatile.Read(ref Header->State);
                ulong size = Volatile.Read(ref Header->PayloadSize);
                return state == (int)FrameState.Response && size <= Capacity ? (int)size : -1;
            }
        }

        /// <inheritdoc/>
        bool IAwaited.IsOver
        {
            get { return Answered || Cancelled; }
        }
    }

    /// <summary>An answered frame, read once and checked.</summary>
    internal unsafe struct Answer
    {
        internal byte* Data;
        internal int Size;
        internal bool Failed;
        internal int Status;
    }
}
