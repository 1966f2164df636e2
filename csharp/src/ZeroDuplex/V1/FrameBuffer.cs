using System;

namespace ZeroDuplex
{
    /// <summary>
    /// Space of a <see cref="Writer"/>'s ring, acquired for one frame. Fill <see cref="Data"/>, then <see cref="Commit"/> or
    /// <see cref="Abort"/>; until then other writes wait. It is a value: copies mean the same buffer. It belongs to one thread. Afterwards its
    /// members fail with <see cref="FrameReleasedException"/>, and spans that it gave must not be used.
    /// </summary>
    public readonly unsafe struct FrameBuffer : IDisposable
    {
        private readonly Writer writer;
        private readonly byte* data;
        private readonly int size;
        private readonly long generation;

        internal FrameBuffer(Writer writer, byte* data, int size, long generation)
        {
            this.writer = writer;
            this.data = data;
            this.size = size;
            this.generation = generation;
        }

        /// <summary>The frame's bytes in shared memory, with stale contents until they are written.</summary>
        public Span<byte> Data
        {
            get
            {
                Live().CheckBuffer(generation);
                return new Span<byte>(data, size);
            }
        }

        /// <summary>Length of <see cref="Data"/> in bytes.</summary>
        public int Size
        {
            get { return size; }
        }

        internal byte* Start
        {
            get { return data; }
        }

        internal long Generation
        {
            get { return generation; }
        }

        /// <summary>
        /// Publishes the frame and returns its sequence number. Errors: <see cref="FrameReleasedException"/>, and
        /// <see cref="ClosedException"/> or <see cref="CorruptedException"/>, which abort.
        /// </summary>
        public ulong Commit()
        {
            return Live().CommitBuffer(generation);
        }

        /// <summary>Gives the space back: nobody has seen anything of it, and the next frame gets the number. It does nothing after Commit or Abort.</summary>
        public void Abort()
        {
            if (writer != null)
            {
                writer.AbortBuffer(generation);
            }
        }

        /// <summary>Is <see cref="Abort"/>: a buffer that was not committed is given back.</summary>
        public void Dispose()
        {
            Abort();
        }

        private Writer Live()
        {
            if (writer == null)
            {
                throw Failures.Released(Writer.BufferOperation);
            }

            return writer;
        }
    }
}
