using System;

namespace ZeroDuplex
{
    /// <summary>
    /// An answer in shared memory, over an in-place channel at the place of its request. It is a value: copies mean the same response.
    /// Release (or dispose of) it once, from any thread; afterwards <see cref="Data"/> fails with <see cref="FrameReleasedException"/>, and
    /// spans that it gave must not be used.
    /// </summary>
    public readonly unsafe struct Response : IDisposable
    {
        private readonly Loan loan;
        private readonly byte* data;
        private readonly int size;
        private readonly uint opcode;
        private readonly ulong sequence;
        private readonly long generation;

        internal Response(Loan loan, byte* data, int size, uint opcode, ulong sequence)
        {
            this.loan = loan;
            this.data = data;
            this.size = size;
            this.opcode = opcode;
            this.sequence = sequence;
            generation = loan.Generation;
        }

        /// <summary>The response's bytes in shared memory, this client's to read and write until the release.</summary>
        public Span<byte> Data
        {
            get
            {
                if (loan == null || loan.Generation != generation)
                {
                    throw Failures.Released("use response");
                }

                return new Span<byte>(data, size);
            }
        }

        /// <summary>Length of the response in bytes.</summary>
        public int Size
        {
            get { return size; }
        }

        /// <summary>The request's sequence number.</summary>
        public ulong Sequence
        {
            get { return sequence; }
        }

        /// <summary>Always 0: failed answers are exceptions.</summary>
        public int Status
        {
            get { return (int)FrameStatus.Ok; }
        }

        /// <summary>The request's opcode.</summary>
        public uint Opcode
        {
            get { return opcode; }
        }

        /// <summary>Gives the bytes back to the ring. Releasing again does nothing.</summary>
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
