using System.Threading;
using ZeroDuplex.V1;

namespace ZeroDuplex
{
    /// <summary>Finds out which protocol the living server of a name speaks, and attaches a client to it.</summary>
    internal sealed class Connector
    {
        internal const string Operation = "connect to";

        private readonly string name;
        private readonly ClientOptions options;
        private readonly Retry retry;

        private Connector(string name, ClientOptions options, CancellationToken token)
        {
            this.name = name;
            this.options = options;
            retry = new Retry(Operation, name, options.ConnectTimeout, token);
        }

        /// <summary>Connects to a living server, retrying until the connect timeout or the token what time may heal.</summary>
        internal static IDuplexClient Connect(string name, ClientOptions options, CancellationToken token)
        {
            var connector = new Connector(name, options, token);
            return connector.retry.Until(connector.Try, Heals);
        }

        /// <summary>Our response buffer's name may still be held by the client before.</summary>
        private static bool Heals(ErrorCode code)
        {
            return Attacher.Heals(code) || code == ErrorCode.ReaderAlreadyConnected;
        }

        /// <summary>Tries once: in place first, and v1 when no server of an in-place channel lives.</summary>
        private IDuplexClient Try()
        {
            try
            {
                return new InPlaceDuplexChannel(name, options, new Attacher(name, options, retry).Try());
            }
            catch (ZeroDuplexException e) when (e.Code == ErrorCode.ServerNotFound || e.Code == ErrorCode.VersionMismatch)
            {
                IDuplexClient other = TryDualBuffer();
                if (other == null)
                {
                    throw;
                }

                return other;
            }
        }

        /// <summary>Null when no v1 server lives either.</summary>
        private IDuplexClient TryDualBuffer()
        {
            if (!DualBufferNames.Fit(name))
            {
                return null;
            }

            MappedBuffer buffer;
            try
            {
                buffer = new BufferAttacher(Operation, DualBufferNames.Request(name)).Try(options.Memory, options.AllowOtherUsers, options.Pages);
            }
            catch (ZeroDuplexException e) when (
                e.Code == ErrorCode.BufferNotFound || e.Code == ErrorCode.ReaderDead || e.Code == ErrorCode.VersionMismatch)
            {
                return null;
            }

            return new DualBufferDuplexChannel(name, options, buffer, retry);
        }
    }
}
