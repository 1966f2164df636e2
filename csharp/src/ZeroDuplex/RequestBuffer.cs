using System;

namespace ZeroDuplex
{
    /// <summary>
    /// Ring space acquired for one request. Fill <see cref="Data"/>, then <see cref="Commit"/> or <see cref="Abort"/>; until then other
    /// senders wait. It is a value: copies mean the same buffer. It belongs to one thread. Afterwards its members fail with
    /// <see cref="FrameReleasedException"/>, and spans that it gave must not be used.
    /// </summary>
    public readonly unsafe struct RequestBuffer : IDisposable
    {
        private readonly IRequestBufferOwner owner;
        private readonly byte* data;
        private readonly int size;
        private readonly int capacity;
        private readonly long generation;

        internal RequestBuffer(IRequestBufferOwner owner, byte* data, int size, int capacity, long generation)
        {
            this.owner = owner;
            this.data = data;
            this.size = size;
            this.capacity = capacity;
            this.generation = generation;
        }

        /// <summary>The request's bytes in shared memory, with stale contents until they are written.</summary>
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

        /// <summary>How many bytes the response may have.</summary>
        public int Capacity
        {
            get { return capacity; }
        }

        /// <summary>Sets the application's tag for the handler.</summary>
        /// <param name="opcode">The tag.</param>
        public void SetOpcode(uint opcode)
        {
            Live().SetBufferOpcode(generation, opcode);
        }

        /// <summary>Makes it a request without an answer.</summary>
        public void SetOneWay()
        {
            Live().SetBufferOneWay(generation);
        }

        /// <summary>
        /// Publishes the request and returns its sequence number. Errors: <see cref="FrameReleasedException"/>, and
        /// <see cref="ClosedException"/> or <see cref="ServerDeadException"/>, which abort.
        /// </summary>
        public ulong Commit()
        {
            return Live().CommitBuffer(generation, size);
        }

        /// <summary>Gives the space back. It does nothing after Commit or Abort.</summary>
        public void Abort()
        {
            if (owner != null)
            {
                owner.AbortBuffer(generation);
            }
        }

        /// <summary>Is <see cref="Abort"/>: a buffer that was not committed is given back.</summary>
        public void Dispose()
        {
            Abort();
        }

        private IRequestBufferOwner Live()
        {
            if (owner == null)
            {
                throw Failures.Released("use request buffer");
            }

            return owner;
        }
    }
}
