using System.Threading;

namespace ZeroDuplex
{
    /// <summary>Finds out which protocol the living server of a name speaks, and attaches a client to it.</summary>
    internal static class Connector
    {
        internal const string Operation = "connect to";

        /// <summary>Connects to a living server, retrying until the connect timeout or the token what time may heal.</summary>
        internal static IDuplexClient Connect(string name, ClientOptions options, CancellationToken token)
        {
            var retry = new Retry(Operation, name, options.ConnectTimeout, token);
            var inPlace = new Attacher(name, options, retry);
            return retry.Until<IDuplexClient>(() => new InPlaceDuplexChannel(name, options, inPlace.Try()), Attacher.Heals);
        }
    }
}
