using System;
using System.Threading;
using System.Threading.Tasks;

namespace ZeroDuplex
{
    /// <summary>
    /// The client's side of a channel, whatever its protocol. All members are thread-safe.
    /// <para>Where no timeout is given, those of the client's options apply; <see cref="Timeout.InfiniteTimeSpan"/> waits for ever. A wait
    /// that its token ends fails with <see cref="OperationCanceledException"/>.</para>
    /// <para>Any call may fail with <see cref="ServerDeadException"/>, <see cref="CorruptedException"/>, <see cref="ClosedException"/>,
    /// <see cref="ZeroDuplexTimeoutException"/> (<see cref="BufferFullException"/> for sends), besides what it names itself.</para>
    /// </summary>
    public interface IDuplexClient : IDisposable
    {
        /// <summary>Name of the channel.</summary>
        string Name { get; }

        /// <summary>Whether the server lives, now.</summary>
        bool IsServerConnected { get; }

        /// <summary>What became of the options Prefault and HugePages, also after the close.</summary>
        MemoryReport MemoryReport { get; }

        /// <summary>Copies data into the ring and publishes it. Returns the request's sequence number.</summary>
        /// <param name="data">The request's bytes.</param>
        /// <param name="timeout">How long to wait for the turn and for room.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        ulong SendRequest(ReadOnlySpan<byte> data, TimeSpan? timeout = null, CancellationToken cancellationToken = default(CancellationToken));

        /// <summary>
        /// SendRequest with an opcode, a capacity for a larger response, or one-way. Errors: <see cref="FrameTooLargeException"/>,
        /// <see cref="BufferFullException"/>, <see cref="AcquisitionOpenException"/>, <see cref="InvalidArgumentException"/>.
        /// </summary>
        /// <param name="request">What to send.</param>
        /// <param name="timeout">How long to wait for the turn and for room.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        ulong Send(Request request, TimeSpan? timeout = null, CancellationToken cancellationToken = default(CancellationToken));

        /// <summary>
        /// Claims ring space to be filled in place. One buffer per channel is out at a time; other senders queue behind it. Errors as of Send.
        /// </summary>
        /// <param name="size">Bytes of the request.</param>
        /// <param name="capacity">Bytes that the response may have; 0 for as many as the request.</param>
        /// <param name="timeout">How long to wait for the turn and for room.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        RequestBuffer AcquireRequestBuffer(
            int size, int capacity = 0, TimeSpan? timeout = null, CancellationToken cancellationToken = default(CancellationToken));

        /// <summary>
        /// Waits for a response that nobody waits for by number. Release it when done. A failed answer is a
        /// <see cref="HandlerFailedException"/> or <see cref="ResponseTooLargeException"/>.
        /// </summary>
        /// <param name="timeout">How long to wait.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        Response ReceiveResponse(TimeSpan? timeout = null, CancellationToken cancellationToken = default(CancellationToken));

        /// <summary>
        /// Waits for the response to one request. A receive that times out may be repeated. Error: <see cref="UnknownSequenceException"/>
        /// when no response to the request is outstanding or somebody else waits for it.
        /// </summary>
        /// <param name="sequence">The request's sequence number.</param>
        /// <param name="timeout">How long to wait.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        Response ReceiveResponse(ulong sequence, TimeSpan? timeout = null, CancellationToken cancellationToken = default(CancellationToken));

        /// <summary>
        /// Sends and waits for the response. A call that times out cancels its request if the server has not taken it; a late response is dropped.
        /// </summary>
        /// <param name="data">The request's bytes.</param>
        /// <param name="timeout">How long all of it may take.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        Response Call(ReadOnlySpan<byte> data, TimeSpan? timeout = null, CancellationToken cancellationToken = default(CancellationToken));

        /// <summary>Call with an opcode or a capacity.</summary>
        /// <param name="request">What to send; not one-way.</param>
        /// <param name="timeout">How long all of it may take.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        Response Call(Request request, TimeSpan? timeout = null, CancellationToken cancellationToken = default(CancellationToken));

        /// <summary>Call that waits on a thread of its own.</summary>
        /// <param name="data">The request's bytes; they must not change until the task ends.</param>
        /// <param name="opcode">The application's tag for the handler.</param>
        /// <param name="capacity">Bytes that the response may have; 0 for as many as the request.</param>
        /// <param name="timeout">How long all of it may take.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        Task<Response> CallAsync(
            ReadOnlyMemory<byte> data,
            uint opcode = 0,
            int capacity = 0,
            TimeSpan? timeout = null,
            CancellationToken cancellationToken = default(CancellationToken));

        /// <summary>ReceiveResponse that waits on a thread of its own.</summary>
        /// <param name="timeout">How long to wait.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        Task<Response> ReceiveResponseAsync(TimeSpan? timeout = null, CancellationToken cancellationToken = default(CancellationToken));

        /// <summary>ReceiveResponse by number that waits on a thread of its own.</summary>
        /// <param name="sequence">The request's sequence number.</param>
        /// <param name="timeout">How long to wait.</param>
        /// <param name="cancellationToken">Ends the wait.</param>
        Task<Response> ReceiveResponseAsync(
            ulong sequence, TimeSpan? timeout = null, CancellationToken cancellationToken = default(CancellationToken));

        /// <summary>
        /// Takes back a request that the server has not taken: true. False: too late, the response will come. Error:
        /// <see cref="UnknownSequenceException"/> when no response to the request is outstanding.
        /// </summary>
        /// <param name="sequence">The request's sequence number.</param>
        bool Cancel(ulong sequence);

        /// <summary>
        /// Writes this client's metadata, once per connection. The server may read it from then on. Errors:
        /// <see cref="MetadataAlreadyWrittenException"/>, <see cref="MetadataTooLargeException"/>.
        /// </summary>
        /// <param name="content">The metadata.</param>
        void SetMetadata(ReadOnlySpan<byte> content);

        /// <summary>A copy of the server's metadata, null when it has written none.</summary>
        byte[] ServerMetadata();

        /// <summary>
        /// Wakes all waiting calls with <see cref="ClosedException"/> and disconnects. While responses or a request buffer are out, the
        /// disconnect follows the release of the last one. Closing again does nothing. Dispose does the same.
        /// </summary>
        void Close();
    }
}
