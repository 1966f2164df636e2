using System;
using System.Collections.Generic;

namespace ZeroDuplex.Conformance
{
    /// <summary>At most one writer to a v1 buffer and its acquired frames, under the names that the runner gave.</summary>
    internal sealed class BufferWriter
    {
        private readonly object sync = new object();
        private Dictionary<string, FrameBuffer> buffers = new Dictionary<string, FrameBuffer>();
        private Writer writer;

        /// <summary>Null when there is none.</summary>
        internal Writer Current
        {
            get
            {
                lock (sync)
                {
                    return writer;
                }
            }
        }

        internal void AddOperations(Dictionary<string, Operation> operations)
        {
            operations.Add("write_frame", Agent.Of(WriteFrameArgs.Decode, Write));
            operations.Add("acquire_frame", Agent.Of(AcquireFrameArgs.Decode, Acquire));
            operations.Add("commit_frame", Agent.Of(CommitFrameArgs.Decode, a => new SentReport { Sequence = Find(a.Buffer).Commit() }));
            operations.Add("stream", Agent.Of(StreamArgs.Decode, Stream));
            operations.Add("reader_connected", Agent.Of(ReaderConnectedArgs.Decode, a => new ConnectionReport { Connected = Writer().IsReaderConnected }));
        }

        internal void Connect(ConnectWriterArgs a)
        {
            var options = new WriterOptions { AllowOtherUsers = a.AllowOtherUsers ?? false };
            options.ConnectTimeout = Agent.Milliseconds(a.ConnectTimeoutMs) ?? options.ConnectTimeout;
            options.WriteTimeout = Agent.Milliseconds(a.WriteTimeoutMs) ?? options.WriteTimeout;
            options.Wait = a.Wait == null ? options.Wait : Agent.Wait(a.Wait);
            var made = new Writer(a.Name, options);
            lock (sync)
            {
                writer = made;
            }
        }

        internal void Reset()
        {
            Dictionary<string, FrameBuffer> oldBuffers;
            Writer old;
            lock (sync)
            {
                oldBuffers = buffers;
                old = writer;
                buffers = new Dictionary<string, FrameBuffer>();
                writer = null;
            }

            foreach (FrameBuffer buffer in oldBuffers.Values)
            {
                buffer.Abort();
            }

            if (old != null)
            {
                old.Close();
            }
        }

        internal FrameBuffer Find(string name)
        {
            lock (sync)
            {
                return Agent.Find(buffers, name);
            }
        }

        private Writer Writer()
        {
            Writer current = Current;
            if (current == null)
            {
                throw new InvalidOperationException("there is no writer");
            }

            return current;
        }

        private SentReport Write(WriteFrameArgs a)
        {
            return new SentReport { Sequence = Writer().WriteFrame(Data.Pattern(a.Size, a.Seed), Agent.Milliseconds(a.TimeoutMs)) };
        }

        private BufferReport Acquire(AcquireFrameArgs a)
        {
            FrameBuffer buffer = Writer().AcquireFrameBuffer(Agent.Size(a.Size), Agent.Milliseconds(a.TimeoutMs));
            lock (sync)
            {
                buffers[a.Buffer] = buffer;
            }

            return new BufferReport { Size = (ulong)buffer.Data.Length };
        }

        private ExchangeReport Stream(StreamArgs a)
        {
            Writer to = Writer();
            var done = new ExchangeReport();
            uint digest = 0;
            while (done.Count < a.Count)
            {
                ulong size = a.Least + ((a.FirstSize + (done.Count * a.SizeStep)) % a.SizeModulo);
                byte[] frame = Data.Pattern(size, a.Seed + done.Count);
                done.LastSequence = Publish(to, frame, a.Acquire ?? false);
                done.FirstSequence = done.Count == 0 ? done.LastSequence : done.FirstSequence;
                digest = ZeroDuplex.Conformance.Crc32.Of(frame, digest);
                done.Count++;
                done.Bytes += size;
            }

            done.Crc32 = digest;
            return done;
        }

        private static ulong Publish(Writer to, byte[] frame, bool acquire)
        {
            if (!acquire)
            {
                return to.WriteFrame(frame);
            }

            using (FrameBuffer buffer = to.AcquireFrameBuffer(frame.Length))
            {
                frame.CopyTo(buffer.Data);
                return buffer.Commit();
            }
        }
    }
}
