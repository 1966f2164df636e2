using System;
using System.Text;
using System.Threading;
using ZeroDuplex.Native;
using ZeroDuplex.Ring;

namespace ZeroDuplex
{
    /// <summary>Makes the exceptions of the library.</summary>
    internal static class Failures
    {
        internal static ZeroDuplexException Make(ErrorCode code, string operation, string channel, string detail, Exception inner = null)
        {
            var text = new StringBuilder(operation);
            if (channel != null)
            {
                text.Append(" \"").Append(channel).Append('"');
            }

            if (!string.IsNullOrEmpty(detail))
            {
                text.Append(": ").Append(detail);
            }

            if (inner != null)
            {
                text.Append(": ").Append(inner.Message);
            }

            ZeroDuplexException made = ErrorCatalogue.Create(code, text.ToString(), inner);
            made.Operation = operation;
            made.Channel = channel;
            return made;
        }

        /// <summary>Gives an error of the platform layer its kind.</summary>
        internal static ZeroDuplexException System(string operation, string channel, NativeException error, string detail = null)
        {
            return Make(CodeOf(error.Errno), operation, channel, detail, error);
        }

        /// <summary>A wait that a cancellation token ended, in the way that tasks and their callers know.</summary>
        internal static OperationCanceledException Cancelled(string operation, string channel, CancellationToken token)
        {
            ZeroDuplexException inner = Make(ErrorCode.Cancelled, operation, channel, "its cancellation token was cancelled");
            return new OperationCanceledException(inner.Detail, inner, token);
        }

        /// <summary>What a reader found in a v1 buffer, or a writer.</summary>
        internal static ZeroDuplexException Corrupted(string operation, string channel, RingCorruptedException error)
        {
            var sequence = error as RingSequenceException;
            if (sequence == null)
            {
                return Make(ErrorCode.Corrupted, operation, channel, null, error);
            }

            var made = (SequenceException)Make(ErrorCode.Sequence, operation, channel, null, error);
            made.Expected = sequence.Expected;
            made.Got = sequence.Got;
            return made;
        }

        internal static FrameReleasedException Released(string operation)
        {
            return (FrameReleasedException)Make(ErrorCode.FrameReleased, operation, null, null);
        }

        private static ErrorCode CodeOf(int errno)
        {
            switch (errno)
            {
                case Libc.ErrnoNoSpace:
                case Libc.ErrnoNoMemory:
                case Libc.ErrnoQuota:
                case Libc.ErrnoFileTooBig:
                    return ErrorCode.OutOfMemory;
                case Libc.ErrnoAccess:
                case Libc.ErrnoPermission:
                    return ErrorCode.PermissionDenied;
                default:
                    return ErrorCode.System;
            }
        }
    }

    /// <content>What the library knows besides the catalogue.</content>
    public partial class ZeroDuplexException
    {
        /// <summary>The call that failed, such as "send request".</summary>
        public string Operation { get; internal set; }

        /// <summary>Name of the channel, null where none is involved.</summary>
        public string Channel { get; internal set; }
    }

    /// <content>The numbers.</content>
    public partial class SequenceException
    {
        /// <summary>Number of the frame that was to come.</summary>
        public ulong Expected { get; internal set; }

        /// <summary>Number of the frame that came.</summary>
        public ulong Got { get; internal set; }
    }

    /// <content>What the answer said.</content>
    public partial class HandlerFailedException
    {
        /// <summary>Number of the request that failed. Its frame was released after the message had been copied.</summary>
        public ulong Sequence { get; internal set; }

        /// <summary>Above 0 the application's code that the handler gave, below 0 the library's.</summary>
        public int Status { get; internal set; }

        /// <summary>The handler's message, cut to the frame's capacity.</summary>
        public string HandlerMessage { get; internal set; }
    }

    /// <content>What the answer said, when it came from the server.</content>
    public partial class ResponseTooLargeException
    {
        /// <summary>Number of the request that failed, 0 on the server. Its frame was released after the message had been copied.</summary>
        public ulong Sequence { get; internal set; }

        /// <summary>The library's status of the answer, 0 on the server.</summary>
        public int Status { get; internal set; }

        /// <summary>The server's message, cut to the frame's capacity; null on the server.</summary>
        public string HandlerMessage { get; internal set; }
    }
}
