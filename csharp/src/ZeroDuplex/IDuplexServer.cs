using System;
using System.Threading;
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
        /// What became of the options Prefault and HugePages, also after the stop. A server that gave its object up and made another reports on
        /// that one.
        /// </summary>
        MemoryReport MemoryReport { get; }

        /// <summary>
        /// Begins to answer requests and returns at once. A server starts once. Errors: <see cref="InvalidArgumentException"/>,
        /// <see cref="ClosedException"/>.
        /// </summary>
        /// <param name="handler">Makes each request its response.</param>
        /// <param name="cancellationToken">Its end stops the server in good order, as Dispose does.</param>
        void Start(FrameHandler handler, CancellationToken cancellationToken = default(CancellationToken));

        /// <summary>
        /// Writes the server's metadata, once. Errors: <see cref="MetadataAlreadyWrittenException"/>, <see cref="MetadataTooLargeException"/>,
        /// <see cref="ClosedException"/>.
        /// </summary>
        /// <param name="content">The metadata.</param>
        void SetMetadata(ReadOnlySpan<byte> content);

        /// <summary>
        /// A copy of the attached client's metadata, null when it has written none. Errors: <see cref="ClosedException"/>,
        /// <see cref="CorruptedException"/>.
        /// </summary>
        byte[] ClientMetadata();

        /// <summary>
        /// Takes nothing new, lets handlers finish, sees to it that their responses can be read, and removes the channel.
        /// <see cref="ZeroDuplexTimeoutException"/> when that took longer; the channel is removed all the same. Stopping again waits for
        /// the first. Dispose stops with the stop timeout of the options and throws nothing.
        /// </summary>
        /// <param name="timeout">How long handlers and the client may take; <see cref="Timeout.InfiniteTimeSpan"/> for ever.</param>
        void Stop(TimeSpan timeout);
    }
}
