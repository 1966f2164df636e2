using System;
using ZeroDuplex.V1;

namespace ZeroDuplex
{
    /// <summary>
    /// Where the handler of a v1 channel puts its response: in the buffer from which the client reads it. Both ways may have to wait until the
    /// client has released responses. Errors of both: <see cref="InvalidArgumentException"/> for a second response,
    /// <see cref="InvalidFrameSizeException"/> for none, <see cref="ResponseTooLargeException"/>, <see cref="FrameUnplaceableException"/>,
    /// <see cref="ReaderDeadException"/> when the client is gone; a handler that lets one pass answers its message. It is a value; after the
    /// handler its members fail with <see cref="FrameReleasedException"/>, and spans that it gave must not be used.
    /// </summary>
    public readonly struct ImmutableResponse
    {
        private readonly ResponseSlot slot;
        private readonly long generation;

        internal ImmutableResponse(ResponseSlot slot)
        {
            this.slot = slot;
            generation = slot.Generation;
        }

        /// <summary>How many bytes the response may have.</summary>
        public int Capacity
        {
            get { return Live().Capacity; }
        }

        /// <summary>Copies the response.</summary>
        /// <param name="data">The response's bytes, at least one.</param>
        public void Write(ReadOnlySpan<byte> data)
        {
            data.CopyTo(Acquire(data.Length));
        }

        /// <summary>Returns shared memory for the response, to be filled until the handler returns; it has stale contents.</summary>
        /// <param name="size">Bytes of the response, at least one.</param>
        public Span<byte> Acquire(int size)
        {
            ResponseSlot s = Live();
            if (s.IsAcquired)
            {
                throw Failures.Make(ErrorCode.InvalidArgument, ResponseSlot.Operation, null, "the request has a response already");
            }

            s.Resize(size);
            return s.Data;
        }

        private ResponseSlot Live()
        {
            if (slot == null || slot.Generation != generation)
            {
                throw Failures.Released("use response");
            }

            return slot;
        }
    }
}
