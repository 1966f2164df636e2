using System;
using System.Collections.Generic;

namespace ZeroDuplex.Conformance
{
    /// <summary>At most one reader of a v1 buffer and its held frames, under the names that the runner gave.</summary>
    internal sealed class BufferReader
    {
        private readonly object sync = new object();
        private Dictionary<string, ReceivedFrame> held = new Dictionary<string, ReceivedFrame>();
        private Reader reader;

        /// <summary>Null when there is none.</summary>
        internal Reader Current
        {
            get
            {
                lock (sync)
                {
                    return reader;
                }
            }
        }

        internal void AddOperations(Dictionary<string, Operation> operations)
        {
            operations.Add("read_frame", Agent.Of(ReadFrameArgs.Decode, Read));
            operations.Add("reread_frame", Agent.Of(RereadFrameArgs.Decode, a => Seen(Find(a.Hold))));
            operations.Add("release_frame", Agent.Of(ReleaseFrameArgs.Decode, a => Agent.Done(() => Find(a.Hold).Release())));
            operations.Add("drain", Agent.Of(DrainArgs.Decode, Drain));
            operations.Add("writer_connected", Agent.Of(WriterConnectedArgs.Decode, a => new ConnectionReport { Connected = Reader().IsWriterConnected }));
        }

        internal void Create(CreateReaderArgs a)
        {
            BufferConfig config = Agent.Config(a.MetadataSize, a.PayloadSize, BufferConfig.DefaultV1);
            var options = new ReaderOptions();
            options.Wait = a.Wait == null ? options.Wait : Agent.Wait(a.Wait);
            options.Mode = (int)(a.Mode ?? (ulong)options.Mode);
            var made = new Reader(a.Name, config, options);
            lock (sync)
            {
                reader = made;
            }
        }

        internal void Reset()
        {
            Dictionary<string, ReceivedFrame> oldHeld;
            Reader old;
            lock (sync)
            {
                oldHeld = held;
                old = reader;
                held = new Dictionary<string, ReceivedFrame>();
                reader = null;
            }

            foreach (ReceivedFrame frame in oldHeld.Values)
            {
                frame.Release();
            }

            if (old != null)
            {
                old.Close();
            }
        }

        private static FrameReport Seen(ReceivedFrame frame)
        {
            return Data.Report(frame.Data, frame.Sequence, 0);
        }

        private Reader Reader()
        {
            Reader current = Current;
            if (current == null)
            {
                throw new InvalidOperationException("there is no reader");
            }

            return current;
        }

        private ReceivedFrame Find(string name)
        {
            lock (sync)
            {
                return Agent.Find(held, name);
            }
        }

        private FrameReport Read(ReadFrameArgs a)
        {
            ReceivedFrame frame = Reader().ReadFrame(Agent.Milliseconds(a.TimeoutMs));
            if (a.Hold == null)
            {
                using (frame)
                {
                    return Seen(frame);
                }
            }

            lock (sync)
            {
                held[a.Hold] = frame;
            }

            return Seen(frame);
        }

        private ExchangeReport Drain(DrainArgs a)
        {
            Reader from = Reader();
            var seen = new ExchangeReport();
            var open = new Stack<ReceivedFrame>();
            uint digest = 0;
            try
            {
                while (seen.Count < a.Count)
                {
                    ReceivedFrame frame = from.ReadFrame(Agent.Milliseconds(a.TimeoutMs));
                    open.Push(frame);
                    digest = ZeroDuplex.Conformance.Crc32.Of(frame.Data, digest);
                    seen.FirstSequence = seen.Count == 0 ? frame.Sequence : seen.FirstSequence;
                    seen.LastSequence = frame.Sequence;
                    seen.Count++;
                    seen.Bytes += (ulong)frame.Size;
                    if ((ulong)open.Count >= (a.Hold ?? 1))
                    {
                        ReleaseAll(open);
                    }
                }
            }
            finally
            {
                ReleaseAll(open);
            }

            seen.Crc32 = digest;
            return seen;
        }

        /// <summary>The newest first.</summary>
        private static void ReleaseAll(Stack<ReceivedFrame> open)
        {
            while (open.Count > 0)
            {
                open.Pop().Release();
            }
        }
    }
}
