using System;
using System.Threading.Tasks;

namespace ZeroDuplex
{
    /// <summary>The server's side of a channel, whatever its protocol. All members are thread-safe.</summary>
    public interface IDuplexServer : IDisposable
    {
        /// <summary>Name of the channel.</summary>
        string Name { get; }

        /// <summary>Ends when the server has stopped, whoever stopped it. It never fails.</summary>
        Task Stopped { get; }

        /// <summary>
        /// Takes nothing new, lets handlers finish and waits until the client consumed their responses or is gone, then removes the channel.
        /// <see cref="ZeroDuplexTimeoutException"/> when that took longer; the channel is removed all the same. Stopping again waits for
        /// the first. Dispose stops with the stop timeout of the options and throws nothing.
        /// </summary>
        /// <param name="timeout">How long handlers and the client may take.</param>
        void Stop(TimeSpan timeout);
    }
}
