using System;
using System.Threading;
using ZeroDuplex.Ring;

namespace ZeroDuplex
{
    /// <content>Calling.</content>
    public sealed unsafe partial class InPlaceDuplexChannel
    {
        private const string CallOperation = "call";

        /// <inheritdoc/>
        public Response Call(ReadOnlySpan<byte> data, TimeSpan? timeout = null, CancellationToken cancellationToken = default(CancellationToken))
        {
            return Call(new Request(data), timeout, cancellationToken);
        }

        /// <inheritdoc/>
        public Response Call(Request request, TimeSpan? timeout = null, CancellationToken cancellationToken = default(CancellationToken))
        {
            if (request.OneWay)
            {
                throw Fail(ErrorCode.InvalidArgument, CallOperation, "a one-way request has no response; send it");
            }

            ClientFrame f = null;
            lock (sync)
            {
                if (!cancellationToken.IsCancellationRequested && (!timeout.HasValue || timeout.Value >= TimeSpan.Zero))
                {
                    f = PublishAlone(ref request);
                }
            }

            if (f == null)
            {
                return CallPatiently(ref request, timeout, cancellationToken);
            }

            // The answer to a quick handler is there before a lock could be taken. The claim on the frame is ours, so no lock is needed.
            if (!(spins && SpinFor(f)))
            {
                var pause = Pause.For(CallOperation, name, timeout, options.CallTimeout, cancellationToken);
                AwaitClaimed(ref pause, f, true);
            }

            int size = f.Size;
            return size < 0 ? Deliver(f) : new Response(f, (byte*)(f.Header + 1), size, f.Opcode, f.Sequence); // which keeps the call's hold
        }

        /// <summary>A call that is no ordinary one, or whose sender has to wait.</summary>
        private Response CallPatiently(ref Request request, TimeSpan? timeout, CancellationToken cancellationToken)
        {
            var pause = Pause.For(CallOperation, name, timeout, options.SendTimeout, cancellationToken);
            ClientFrame f;
            lock (sync)
            {
                f = Publish(ref pause, ref request, true);
            }

            if (!timeout.HasValue)
            {
                pause.Restart(options.CallTimeout);
            }

            if (!(spins && SpinFor(f)))
            {
                AwaitClaimed(ref pause, f, true);
            }

            return Deliver(f);
        }

        /// <summary>What the server has not taken it never will; what it has taken nobody will read.</summary>
        private void GiveUp(ClientFrame f)
        {
            if (f.Cancelled || ring.Cancel(f))
            {
                StopWaiting(f);
            }
            else if (ring.Abandon(f))
            {
                ReclaimReleased(); // the answer came after the last look
            }
        }
    }
}
