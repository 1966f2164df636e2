using System;
using System.Threading;
using System.Threading.Tasks;

namespace ZeroDuplex
{
    /// <content>Waiting on a thread of its own.</content>
    public sealed partial class InPlaceDuplexChannel
    {
        /// <inheritdoc/>
        public Task<Response> CallAsync(
            ReadOnlyMemory<byte> data,
            uint opcode = 0,
            int capacity = 0,
            TimeSpan? timeout = null,
            CancellationToken cancellationToken = default(CancellationToken))
        {
            return OnThread(() => Call(new Request(data.Span) { Opcode = opcode, Capacity = capacity }, timeout, cancellationToken), cancellationToken);
        }

        /// <inheritdoc/>
        public Task<Response> ReceiveResponseAsync(TimeSpan? timeout = null, CancellationToken cancellationToken = default(CancellationToken))
        {
            return OnThread(() => ReceiveResponse(timeout, cancellationToken), cancellationToken);
        }

        /// <inheritdoc/>
        public Task<Response> ReceiveResponseAsync(
            ulong sequence, TimeSpan? timeout = null, CancellationToken cancellationToken = default(CancellationToken))
        {
            return OnThread(() => ReceiveResponse(sequence, timeout, cancellationToken), cancellationToken);
        }

        /// <summary>Not the thread pool's: a pool whose threads all wait here could not run what they wait for.</summary>
        private static Task<Response> OnThread(Func<Response> wait, CancellationToken token)
        {
            const TaskCreationOptions Own = TaskCreationOptions.LongRunning | TaskCreationOptions.DenyChildAttach;
            return Task.Factory.StartNew(wait, token, Own, TaskScheduler.Default);
        }
    }
}
