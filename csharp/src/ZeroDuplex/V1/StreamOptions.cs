using System;

namespace ZeroDuplex
{
    /// <summary>The knobs of a <see cref="Reader"/>.</summary>
    public sealed class ReaderOptions : ChannelOptions
    {
        /// <summary>How long a read waits for a frame when no timeout is given to it (5 s).</summary>
        public TimeSpan ReadTimeout { get; set; } = Wire.DefaultV1ReadTimeout;

        /// <summary>
        /// Permission bits of the object and its semaphores (0600 octal, 384). To let another user's writer attach, both sides need it: the
        /// reader a mode of 0660 or 0666 octal (432, 438), the writer <see cref="WriterOptions.AllowOtherUsers"/>.
        /// </summary>
        public int Mode { get; set; } = (int)Wire.DefaultV2ObjectMode;

        internal ReaderOptions Checked(string operation, string channel)
        {
            string problem = CommonProblem() ?? ModeProblem(Mode);
            return Settled<ReaderOptions>(operation, channel, problem ?? (IsDuration(ReadTimeout) ? null : "the read timeout is negative"));
        }
    }

    /// <summary>The knobs of a <see cref="Writer"/>.</summary>
    public sealed class WriterOptions : ChannelOptions
    {
        /// <summary>How long attaching may take (5 s); zero tries once.</summary>
        public TimeSpan ConnectTimeout { get; set; } = Wire.DefaultV1ConnectTimeout;

        /// <summary>How long a write or an acquisition waits for its turn and for room when no timeout is given to it (5 s).</summary>
        public TimeSpan WriteTimeout { get; set; } = Wire.DefaultV1WriteTimeout;

        /// <summary>Attaches to objects that belong to another user. Without it they are refused with <see cref="PermissionDeniedException"/>.</summary>
        public bool AllowOtherUsers { get; set; }

        /// <summary>Attaches to a buffer that lives in existing memory; null for a shared-memory object of the buffer's name.</summary>
        public SharedMemoryView Memory { get; set; }

        internal WriterOptions Checked(string operation, string channel)
        {
            string problem = CommonProblem();
            bool durations = IsDuration(ConnectTimeout) && IsDuration(WriteTimeout);
            return Settled<WriterOptions>(operation, channel, problem ?? (durations ? null : "a timeout is negative"));
        }
    }
}
