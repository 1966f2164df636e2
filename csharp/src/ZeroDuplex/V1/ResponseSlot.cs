using System;
using System.Text;
using System.Threading;

namespace ZeroDuplex.V1
{
    /// <summary>
    /// The response that a v1 server is making, in its place in the response buffer. It is used again for every request, by the server's
    /// worker; the generation tells the handler's views when they are stale.
    /// </summary>
    internal sealed unsafe class ResponseSlot
    {
        internal const string Operation = "write response";

        private readonly CancellationToken giveUp;
        private Writer writer;
        private FrameBuffer buffer;
        private long generation;

        /// <summary>Makes an unused one. GiveUp ends waits for room.</summary>
        internal ResponseSlot(CancellationToken giveUp)
        {
            this.giveUp = giveUp;
        }

        internal long Generation
        {
            get { return Volatile.Read(ref generation); }
        }

        internal bool IsAcquired { get; private set; }

        /// <summary>Why no response can be given: the client is gone, its buffer is corrupted, the time to stop is over. Null while all is well.</summary>
        internal ZeroDuplexException Lost { get; private set; }

        internal int Capacity
        {
            get { return writer.Capacity; }
        }

        internal Span<byte> Data
        {
            get { return new Span<byte>(buffer.Start, buffer.Size); }
        }

        internal byte* Start
        {
            get { return buffer.Start; }
        }

        /// <summary>Bytes acquired.</summary>
        internal int Size
        {
            get { return IsAcquired ? buffer.Size : 0; }
        }

        /// <summary>Begins a response.</summary>
        internal void Begin(Writer to)
        {
            writer = to;
            Lost = null;
            IsAcquired = false;
        }

        /// <summary>Makes the handler's views stale.</summary>
        internal void End()
        {
            Volatile.Write(ref generation, generation + 1);
        }

        /// <summary>Makes room for so many bytes, keeping those that are there. Where it fails all is as before.</summary>
        internal void Resize(int size)
        {
            // For as long as it takes: the response after this one cannot be given before this one.
            var pause = new Pause(Timeout.InfiniteTimeSpan, giveUp);
            try
            {
                buffer = IsAcquired ? writer.Resize(ref pause, Operation, buffer, size) : writer.Acquire(ref pause, Operation, size);
                IsAcquired = true;
            }
            catch (FrameTooLargeException e) when (e.Code == ErrorCode.FrameTooLarge)
            {
                throw Failures.Make(ErrorCode.ResponseTooLarge, Operation, writer.Name, e.Detail);
            }
            catch (ZeroDuplexException e) when (IsLoss(e.Code))
            {
                Lost = e;
                throw;
            }
            catch (OperationCanceledException e)
            {
                Lost = (ZeroDuplexException)e.InnerException;
                throw;
            }
        }

        /// <summary>Publishes the first bytes of what was acquired.</summary>
        internal void Commit(int size)
        {
            if (size != buffer.Size)
            {
                Resize(size);
            }

            IsAcquired = false;
            try
            {
                buffer.Commit();
            }
            catch (ZeroDuplexException e) when (IsLoss(e.Code))
            {
                Lost = e;
                throw;
            }
        }

        internal void Abort()
        {
            if (IsAcquired)
            {
                IsAcquired = false;
                buffer.Abort();
            }
        }

        /// <summary>Answers a text in place of a response, cut to what has a place now. At least one byte, since v1 knows no empty frame.</summary>
        internal void CommitText(string text)
        {
            byte[] bytes = Encoding.UTF8.GetBytes(text.Length == 0 ? ErrorCatalogue.Name(ErrorCode.HandlerFailed) : text);
            int n = bytes.Length;
            for (int fits = -1; n != fits;)
            {
                fits = writer.LargestPlaceable(n);
                n = FailureMessage.Cut(bytes, fits);
            }

            if (n == 0)
            {
                bytes[0] = (byte)'?'; // not even its first character has a place
                n = 1;
            }

            Resize(n);
            new ReadOnlySpan<byte>(bytes, 0, n).CopyTo(Data);
            Commit(n);
        }

        private static bool IsLoss(ErrorCode code)
        {
            return code == ErrorCode.ReaderDead || code == ErrorCode.Corrupted || code == ErrorCode.Closed;
        }
    }
}
