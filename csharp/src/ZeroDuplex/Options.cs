using System;
using System.Threading;
using ZeroDuplex.Native;

namespace ZeroDuplex
{
    /// <summary>
    /// The knobs of both sides. Read when a server or client is made; later changes have no effect on it. Where a duration is wanted,
    /// <see cref="Timeout.InfiniteTimeSpan"/> means for ever unless noted.
    /// </summary>
    public abstract class ChannelOptions
    {
        /// <summary>Only this library's options are options.</summary>
        private protected ChannelOptions()
        {
        }

        /// <summary>How this side waits.</summary>
        public WaitStrategy Wait { get; set; } = WaitStrategy.Hybrid;

        /// <summary>How long a hybrid wait spins before it sleeps (50 µs). Not negative.</summary>
        public TimeSpan SpinWindow { get; set; } = Wire.DefaultV2SpinWindow;

        /// <summary>
        /// Makes every page of this process's mapping present and writable before the first call, so that the first frames cost as much as later
        /// ones (false). Creating and connecting take the longer, and fail with <see cref="ZeroDuplexOutOfMemoryException"/> when a page cannot be had.
        /// </summary>
        public bool Prefault { get; set; }

        /// <summary>
        /// Asks the kernel for huge pages (false): a wish and never an error, see <see cref="MemoryReport"/>. Who creates the memory has to ask, and
        /// prefaults by that; /dev/shm must be mounted with huge=advise, within_size or always.
        /// </summary>
        public bool HugePages { get; set; }

        internal PageWish Pages
        {
            get { return new PageWish { Prefault = Prefault, HugePages = HugePages }; }
        }

        /// <summary>Whether a duration is one that can be waited for.</summary>
        private protected static bool IsDuration(TimeSpan duration)
        {
            return duration >= TimeSpan.Zero || duration == Timeout.InfiniteTimeSpan;
        }

        /// <summary>What is wrong with the permission bits of an object, null when nothing is.</summary>
        private protected static string ModeProblem(int mode)
        {
            const int OwnerBits = 0x180; // 0600
            const int AllBits = 0x1FF; // 0777
            bool usable = (mode & ~AllBits) == 0 && (mode & OwnerBits) == OwnerBits;
            return usable ? null : "mode 0" + Convert.ToString(mode, 8) + " is not permission bits with at least 0600";
        }

        /// <summary>A copy that later changes have no effect on. Fails when there is a problem.</summary>
        private protected T Settled<T>(string operation, string channel, string problem)
            where T : ChannelOptions
        {
            if (problem != null)
            {
                throw Failures.Make(ErrorCode.InvalidArgument, operation, channel, problem);
            }

            return (T)MemberwiseClone();
        }

        /// <summary>What is wrong with the options, null when nothing is.</summary>
        private protected string CommonProblem()
        {
            if (Wait < WaitStrategy.Hybrid || Wait > WaitStrategy.Block)
            {
                return "unknown wait strategy " + (int)Wait;
            }

            return SpinWindow < TimeSpan.Zero ? "spin window " + SpinWindow + " is negative" : null;
        }
    }

    /// <summary>The knobs of a server.</summary>
    public sealed class ServerOptions : ChannelOptions
    {
        /// <summary>How many handlers run at the same time (1). With more than one, answers may come out of order. A v1 server has one.</summary>
        public int Workers { get; set; } = (int)Wire.DefaultV2Workers;

        /// <summary>
        /// How long handlers of a client that is gone may run on before the server gives the object up and makes a new one (2 s). It should
        /// be below the clients' connect timeout. In v1, how long the server waits for the response buffer of a client that has sent a
        /// request before it drops what that client sent.
        /// </summary>
        public TimeSpan ResetTimeout { get; set; } = Wire.DefaultV2ResetTimeout;

        /// <summary>How long Dispose and the end of Start's token wait for handlers and for responses to be consumed (5 s).</summary>
        public TimeSpan StopTimeout { get; set; } = Wire.DefaultV2StopTimeout;

        /// <summary>
        /// Permission bits of the object and its semaphores (0600 octal, 384). To let another user connect, both sides need it: the server a
        /// mode of 0660 or 0666 octal (432, 438), the client <see cref="ClientOptions.AllowOtherUsers"/>.
        /// </summary>
        public int Mode { get; set; } = (int)Wire.DefaultV2ObjectMode;

        /// <summary>
        /// Is told of errors that no call throws: failing one-way handlers, in v1 every handler that fails, a corrupted segment, a failed
        /// reset, a failed Dispose. Called from the server's threads; it must not block, and what it throws is ignored.
        /// </summary>
        public Action<Exception> OnError { get; set; }

        internal ServerOptions Checked(string operation, string channel)
        {
            string problem = CommonProblem();
            if (problem == null && Workers < 1)
            {
                problem = Workers + " workers; at least 1 is needed";
            }

            if (problem == null && !(IsDuration(ResetTimeout) && IsDuration(StopTimeout)))
            {
                problem = "a timeout is negative";
            }

            return Settled<ServerOptions>(operation, channel, problem ?? ModeProblem(Mode));
        }
    }

    /// <summary>The knobs of a client.</summary>
    public sealed class ClientOptions : ChannelOptions
    {
        /// <summary>How long connecting may take (5 s); zero tries once.</summary>
        public TimeSpan ConnectTimeout { get; set; } = Wire.DefaultV2ConnectTimeout;

        /// <summary>How long calls and receives wait when no timeout is given to them (5 s).</summary>
        public TimeSpan CallTimeout { get; set; } = Wire.DefaultV2CallTimeout;

        /// <summary>How long sends and acquisitions wait for their turn and for room when no timeout is given to them (5 s).</summary>
        public TimeSpan SendTimeout { get; set; } = Wire.DefaultV2SendTimeout;

        /// <summary>When an empty ring starts over. In place only.</summary>
        public LapMode Lap { get; set; } = LapMode.Eager;

        /// <summary>Connects to objects that belong to another user. Without it they are refused with <see cref="PermissionDeniedException"/>.</summary>
        public bool AllowOtherUsers { get; set; }

        /// <summary>
        /// Connects to a channel that lives in existing memory; null for a shared-memory object of the channel's name. In v1 it holds the
        /// requests.
        /// </summary>
        public SharedMemoryView Memory { get; set; }

        /// <summary>
        /// How large the buffer of the responses is that the client of a v1 channel creates; null for <see cref="BufferConfig.DefaultV1"/>. An
        /// in-place channel has none.
        /// </summary>
        public BufferConfig ResponseConfig { get; set; }

        internal ClientOptions Checked(string operation, string channel)
        {
            string problem = CommonProblem();
            if (problem == null && !(IsDuration(ConnectTimeout) && IsDuration(CallTimeout) && IsDuration(SendTimeout)))
            {
                problem = "a timeout is negative";
            }

            if (problem == null && Lap != LapMode.Eager && Lap != LapMode.Needed)
            {
                problem = "unknown lap mode " + (int)Lap;
            }

            if (problem == null && ResponseConfig != null && ResponseConfig.LayoutV1(operation, channel).Payload.Size == 0)
            {
                problem = "the response buffer has no payload";
            }

            return Settled<ClientOptions>(operation, channel, problem);
        }
    }
}
