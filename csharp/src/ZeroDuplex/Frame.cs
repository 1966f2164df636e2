using System;
using System.Threading;
using ZeroDuplex.Ring;

namespace ZeroDuplex
{
    /// <summary>
    /// Changes a request where it stands; what it leaves in the frame is the response. An exception answers a failure instead, as does
    /// <see cref="Frame.Fail"/>. With several workers it is called from several threads.
    /// </summary>
    /// <param name="frame">The request, the handler's until it returns.</param>
    public delegate void FrameHandler(Frame frame);

    /// <summary>
    /// A request in a handler's hands, over an in-place channel where the client wrote it, over a v1 channel a copy of it in the response
    /// buffer. It is a value: copies mean the same request. It is the handler's until it returns; afterwards its
    /// members fail with <see cref="FrameReleasedException"/>, and spans that it gave must not be used.
    /// </summary>
    public readonly unsafe struct Frame
    {
        private readonly FrameWork work;
        private readonly long generation;

        internal Frame(FrameWork work, long generation)
        {
            this.work = work;
            this.generation = generation;
        }

        /// <summary>
        /// The frame's bytes in shared memory: the request, and after the handler the response. Its length follows Resize. Take it anew after a
        /// Resize, which in v1 may move the bytes.
        /// </summary>
        public Span<byte> Data
        {
            get
            {
                FrameWork w = Live();
                return new Span<byte>(w.Frame.Data, w.Size);
            }
        }

        /// <summary>Length of <see cref="Data"/> in bytes.</summary>
        public int Size
        {
            get { return Live().Size; }
        }

        /// <summary>How many bytes the response may have.</summary>
        public int Capacity
        {
            get { return (int)Live().Frame.Capacity; }
        }

        /// <summary>The request's sequence number.</summary>
        public ulong Sequence
        {
            get { return Live().Frame.Sequence; }
        }

        /// <summary>The application's tag, 0 unless the client set one.</summary>
        public uint Opcode
        {
            get { return Live().Frame.Opcode; }
        }

        /// <summary>Whether nobody waits for an answer.</summary>
        public bool OneWay
        {
            get { return Live().Frame.OneWay; }
        }

        /// <summary>What will be answered: 0, or the code given to <see cref="Fail"/>.</summary>
        public int Status
        {
            get { return Live().Status; }
        }

        /// <summary>
        /// Sets the response's length. New bytes have whatever the memory holds. <see cref="ResponseTooLargeException"/> beyond the
        /// capacity; a handler that lets it pass answers just that. In v1 it may have to wait until the client has released responses, and
        /// <see cref="FrameUnplaceableException"/> says that this length has no place now.
        /// </summary>
        /// <param name="size">Bytes of the response.</param>
        public void Resize(int size)
        {
            FrameWork w = Live();
            if (size < 0)
            {
                throw Failures.Make(ErrorCode.InvalidArgument, "resize frame", null, "to " + size + " bytes");
            }

            if ((ulong)size > w.Frame.Capacity)
            {
                throw Failures.Make(ErrorCode.ResponseTooLarge, "resize frame", null, "to " + size + " bytes, its capacity is " + w.Frame.Capacity);
            }

            w.Resize(size);
        }

        /// <summary>
        /// Answers a failure when the handler returns, in place of the data. The client gets a <see cref="HandlerFailedException"/> with the
        /// code as its status. Any exception of the handler answers its message with the library's code.
        /// </summary>
        /// <param name="code">The application's code, 1 or more.</param>
        /// <param name="message">Cut to the frame's capacity.</param>
        public void Fail(int code, string message)
        {
            FrameWork w = Live();
            if (code <= 0)
            {
                throw Failures.Make(ErrorCode.InvalidArgument, "fail frame", null, "code " + code + " is not the application's to give (1 or more)");
            }

            w.Status = code;
            w.Message = message ?? string.Empty;
        }

        private FrameWork Live()
        {
            if (work == null || work.Generation != generation)
            {
                throw Failures.Released("use frame");
            }

            return work;
        }
    }

    /// <summary>What a worker has in its hands. Each worker reuses one.</summary>
    internal class FrameWork
    {
        internal ServedFrame Frame;
        internal int Size; // of the response
        internal int Status;
        internal string Message; // of a failure, null while there is none

        private long generation;

        internal long Generation
        {
            get { return Volatile.Read(ref generation); }
        }

        /// <summary>Returns the handler's view of the frame that was taken.</summary>
        internal Frame Begin()
        {
            Size = (int)Frame.Size;
            Status = (int)FrameStatus.Ok;
            Message = null;
            return new Frame(this, generation);
        }

        /// <summary>Sets the response's length, which the capacity allows.</summary>
        internal virtual void Resize(int size)
        {
            Size = size;
        }

        internal void SetFailure(FrameStatus status, string message)
        {
            Status = (int)status;
            Message = message;
        }

        /// <summary>Makes the handler's views stale.</summary>
        internal void End()
        {
            Volatile.Write(ref generation, generation + 1);
        }
    }
}
