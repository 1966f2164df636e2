using System;
using System.Threading;
using System.Threading.Tasks;

namespace ZeroDuplex
{
    /// <content>Waiting on a thread of its own.</content>
    public sealed partial class DualBufferDuplexChannel
    {
        /// <inheritdoc/>
        public Task<Response> CallAsync(
            ReadOnlyMemory<byte> data,
            uint opcode = 0,
            int capacity = 0,
            TimeSpan? timeout = null,
            CancellationToken cancellationToken = default(CancellationToken))
        {
            return OwnThread.Run(() => Call(new Request(data.Span) { Opcode = opcode, Capacity = capacity }, timeout, cancellationToken), cancellationToken);
        }

        /// <inheritdoc/>
        public Task<Response> ReceiveResponseAsync(TimeSpan? timeout = null, CancellationToken cancellationToken = default(CancellationToken))
        {
            return OwnThread.Run(() => ReceiveResponse(timeout, cancellationToken), cancellationToken);
        }

        /// <inheritdoc/>
        public Task<Response> ReceiveResponseAsync(
            ulong sequence, TimeSpan? timeout = null, CancellationToken cancellationToken = default(CancellationToken))
        {
            return OwnThread.Run(() => ReceiveResponse(sequence, timeout, cancellationToken), cancellationToken);
        }
    }
}
