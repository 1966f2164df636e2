using System;

namespace ZeroDuplex
{
    /// <summary>
    /// Answers a request by writing a response. An exception answers its message instead, as does a handler that writes nothing.
    /// </summary>
    /// <param name="request">The request, the handler's to read until it returns.</param>
    /// <param name="response">Takes the response, once, until the handler returns.</param>
    public delegate void ImmutableHandler(ImmutableRequest request, ImmutableResponse response);

    /// <summary>
    /// A request of a v1 channel in a handler's hands, where the client wrote it. It is a value: copies mean the same request. It is the
    /// handler's until it returns; afterwards <see cref="Data"/> fails with <see cref="FrameReleasedException"/>, and spans that it gave must
    /// not be used.
    /// </summary>
    public readonly struct ImmutableRequest
    {
        private readonly ReceivedFrame frame;

        internal ImmutableRequest(ReceivedFrame frame)
        {
            this.frame = frame;
        }

        /// <summary>The request's bytes in shared memory.</summary>
        public ReadOnlySpan<byte> Data
        {
            get { return frame.Data; }
        }

        /// <summary>Length of the request in bytes.</summary>
        public int Size
        {
            get { return frame.Size; }
        }

        /// <summary>The request's number: the n-th of a client has n.</summary>
        public ulong Sequence
        {
            get { return frame.Sequence; }
        }
    }
}
