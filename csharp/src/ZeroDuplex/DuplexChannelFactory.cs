using System.Threading;
using ZeroDuplex.Native;
using ZeroDuplex.V1;

namespace ZeroDuplex
{
    /// <summary>Makes both sides of channels. Thread-safe.</summary>
    public sealed class DuplexChannelFactory
    {
        /// <summary>A factory for everybody.</summary>
        public static DuplexChannelFactory Default { get; } = new DuplexChannelFactory();

        /// <summary>
        /// Makes a channel whose server changes requests in place. A client can connect when it returns; its requests, and a
        /// second client after it, wait for Start.
        /// Errors: <see cref="InvalidNameException"/>, <see cref="InvalidArgumentException"/>, <see cref="NameInUseException"/>,
        /// <see cref="ZeroDuplexOutOfMemoryException"/>, <see cref="PermissionDeniedException"/>, <see cref="UnsupportedPlatformException"/>.
        /// </summary>
        /// <param name="name">1 to 200 of A-Z a-z 0-9 . _ -, not starting with '.' or 'sem.'.</param>
        /// <param name="config">Sizes and memory; null for the default.</param>
        /// <param name="options">The knobs; null for the defaults.</param>
        public InPlaceDuplexServer CreateInPlaceDuplexServer(string name, BufferConfig config = null, ServerOptions options = null)
        {
            ChannelName.Require(SegmentBuilder.Operation, name);
            ServerOptions settled = (options ?? new ServerOptions()).Checked(SegmentBuilder.Operation, name);
            BufferConfig size = config ?? BufferConfig.Default;
            size.Layout(SegmentBuilder.Operation, name); // a bad argument is told before anything is touched
            OwnerLock owner = ChannelName.Own(SegmentBuilder.Operation, name, () => ErrorCode.NameInUse);
            try
            {
                return new InPlaceDuplexServer(
                    name, size, settled, owner, SegmentBuilder.Create(name, size, size.Memory, settled.Mode, null, settled.Pages));
            }
            catch
            {
                owner.Dispose();
                throw;
            }
        }

        /// <summary>
        /// Makes a ZeroBuffer v1 duplex channel, for clients of a published ZeroBuffer and of this library. A client can connect when it returns;
        /// its requests wait for Start. Errors: as of CreateInPlaceDuplexServer.
        /// </summary>
        /// <param name="name">1 to 191 of A-Z a-z 0-9 . _ -, not starting with '.' or 'sem.'.</param>
        /// <param name="config">Sizes and memory of the request buffer; null for <see cref="BufferConfig.DefaultV1"/>.</param>
        /// <param name="options">The knobs; null for the defaults. There is one worker.</param>
        public ImmutableDuplexServer CreateImmutableServer(string name, BufferConfig config = null, ServerOptions options = null)
        {
            const string Operation = ImmutableDuplexServer.CreateOperation;
            ChannelName.Require(Operation, name);
            if (!DualBufferNames.Fit(name))
            {
                throw Failures.Make(ErrorCode.InvalidName, Operation, name, "with what the names of its buffers add, " + name.Length + " characters are too many");
            }

            ServerOptions settled = (options ?? new ServerOptions()).Checked(Operation, name);
            if (settled.Workers != 1)
            {
                throw Failures.Make(ErrorCode.InvalidArgument, Operation, name, settled.Workers + " workers; v1 answers in order, with one");
            }

            return new ImmutableDuplexServer(name, config ?? BufferConfig.DefaultV1, settled);
        }

        /// <summary>
        /// Connects to a living server, whichever protocol it speaks: the result is an <see cref="InPlaceDuplexChannel"/> or, for a ZeroBuffer
        /// v1 server, a <see cref="DualBufferDuplexChannel"/>. It retries within the connect timeout what time may heal: no server yet, another
        /// client still attached, a reset under way. Errors: <see cref="ServerNotFoundException"/>, <see cref="WriterAlreadyConnectedException"/>,
        /// <see cref="ServerBusyException"/>, <see cref="VersionMismatchException"/>, <see cref="PermissionDeniedException"/>,
        /// <see cref="CorruptedException"/>, <see cref="ZeroDuplexOutOfMemoryException"/>, <see cref="InvalidNameException"/>, <see cref="InvalidArgumentException"/>,
        /// <see cref="UnsupportedPlatformException"/>.
        /// </summary>
        /// <param name="name">Name of the channel.</param>
        /// <param name="options">The knobs; null for the defaults.</param>
        /// <param name="cancellationToken">Ends the retries with <see cref="System.OperationCanceledException"/>.</param>
        public IDuplexClient CreateClient(
            string name, ClientOptions options = null, CancellationToken cancellationToken = default(CancellationToken))
        {
            ChannelName.Require(Connector.Operation, name);
            ClientOptions settled = (options ?? new ClientOptions()).Checked(Connector.Operation, name);
            return Connector.Connect(name, settled, cancellationToken);
        }
    }
}
