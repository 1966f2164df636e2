using System;
using ZeroDuplex.V1;

namespace ZeroDuplex
{
    /// <summary>
    /// A frame that a <see cref="Reader"/> has read, in shared memory. It is a value: copies mean the same frame. Release (or dispose of) it
    /// once, from any thread and in any order, also after the reader was closed; the writer gets the space of the oldest frames first, so one
    /// that is held keeps that of all after it. Afterwards <see cref="Data"/> fails with <see cref="FrameReleasedException"/>, and spans that
    /// it gave must not be used.
    /// </summary>
    public readonly unsafe struct ReceivedFrame : IDisposable
    {
        private readonly FrameLoan loan;
        private readonly byte* data;
        private readonly int size;
        private readonly ulong sequence;
        private readonly long generation;

        internal ReceivedFrame(FrameLoan loan)
        {
            this.loan = loan;
            data = loan.Data;
            size = loan.Size;
            sequence = loan.Sequence;
            generation = loan.Generation;
        }

        /// <summary>The frame's bytes in shared memory.</summary>
        public ReadOnlySpan<byte> Data
        {
            get
            {
                if (loan == null || loan.Generation != generation)
                {
                    throw Failures.Released("use frame");
                }

                return new ReadOnlySpan<byte>(data, size);
            }
        }

        /// <summary>Length of the frame in bytes.</summary>
        public int Size
        {
            get { return size; }
        }

        /// <summary>The frame's number: the n-th frame of a writer has n.</summary>
        public ulong Sequence
        {
            get { return sequence; }
        }

        /// <summary>Gives the bytes back to the writer. Releasing again does nothing.</summary>
        public void Release()
        {
            if (loan != null)
            {
                loan.Return(generation);
            }
        }

        /// <summary>Is <see cref="Release"/>.</summary>
        public void Dispose()
        {
            Release();
        }
    }
}
