using System;
using System.Collections.Generic;

namespace ZeroDuplex.Conformance
{
    /// <summary>At most one client or v1 writer, its acquired buffers and its held responses, under the names that the runner gave.</summary>
    internal sealed class ClientRole : IRole
    {
        private readonly object sync = new object();
        private Dictionary<string, RequestBuffer> buffers = new Dictionary<string, RequestBuffer>();
        private Dictionary<string, Response> held = new Dictionary<string, Response>();
        private readonly BufferWriter stream = new BufferWriter();
        private IDuplexClient channel;

        public Dictionary<string, Operation> Operations
        {
            get
            {
                var operations = new Dictionary<string, Operation>
                {
                    { "connect_writer", Agent.Of(ConnectWriterArgs.Decode, a => Agent.Done(() => ConnectWriter(a))) },
                    { "connect", Agent.Of(ConnectArgs.Decode, a => Agent.Done(() => Connect(a))) },
                    { "send", Agent.Of(SendArgs.Decode, Send) },
                    { "call", Agent.Of(CallArgs.Decode, Call) },
                    { "acquire", Agent.Of(AcquireArgs.Decode, Acquire) },
                    { "fill", Agent.Of(FillArgs.Decode, a => Agent.Done(() => Fill(a))) },
                    { "commit", Agent.Of(CommitArgs.Decode, Commit) },
                    { "abort", Agent.Of(AbortArgs.Decode, a => Agent.Done(() => Abort(a.Buffer))) },
                    { "receive", Agent.Of(ReceiveArgs.Decode, Receive) },
                    { "read", Agent.Of(ReadArgs.Decode, a => Seen(Find(held, a.Hold))) },
                    { "release", Agent.Of(ReleaseArgs.Decode, a => Agent.Done(() => Find(held, a.Hold).Release())) },
                    { "cancel", Agent.Of(CancelArgs.Decode, a => new CancelReport { Cancelled = Channel().Cancel(a.Sequence) }) },
                    { "connected", Agent.Of(ConnectedArgs.Decode, a => new ConnectionReport { Connected = Channel().IsServerConnected }) },
                    { "exchange", Agent.Of(ExchangeArgs.Decode, Exchange) },
                    { "set_metadata", Agent.Of(SetMetadataArgs.Decode, a => Agent.Done(() => SetMetadata(Data.Pattern(a.Size, a.Seed)))) },
                    { "get_metadata", Agent.Of(GetMetadataArgs.Decode, a => Data.Content(Channel().ServerMetadata())) },
                    { "close", Agent.Of(CloseArgs.Decode, a => Agent.Done(Close)) },
                };
                stream.AddOperations(operations);
                return operations;
            }
        }

        public void Reset()
        {
            Dictionary<string, RequestBuffer> oldBuffers;
            Dictionary<string, Response> oldHeld;
            IDuplexClient old;
            lock (sync)
            {
                oldBuffers = buffers;
                oldHeld = held;
                old = channel;
                buffers = new Dictionary<string, RequestBuffer>();
                held = new Dictionary<string, Response>();
                channel = null;
            }

            foreach (RequestBuffer buffer in oldBuffers.Values)
            {
                buffer.Abort();
            }

            foreach (Response response in oldHeld.Values)
            {
                response.Release();
            }

            if (old != null)
            {
                old.Close();
            }

            stream.Reset();
        }

        private void ConnectWriter(ConnectWriterArgs a)
        {
            Reset();
            stream.Connect(a);
        }

        private void Fill(FillArgs a)
        {
            Data.Fill(stream.Current != null ? stream.Find(a.Buffer).Data : Find(buffers, a.Buffer).Data, a.Seed);
        }

        private void Abort(string buffer)
        {
            if (stream.Current != null)
            {
                stream.Find(buffer).Abort();
            }
            else
            {
                Find(buffers, buffer).Abort();
            }
        }

        private void SetMetadata(byte[] content)
        {
            Writer writer = stream.Current;
            if (writer != null)
            {
                writer.SetMetadata(content);
            }
            else
            {
                Channel().SetMetadata(content);
            }
        }

        private void Close()
        {
            Writer writer = stream.Current;
            if (writer != null)
            {
                writer.Close();
            }
            else
            {
                Channel().Close();
            }
        }

        private IDuplexClient Channel()
        {
            lock (sync)
            {
                if (channel == null)
                {
                    throw new InvalidOperationException("there is no client");
                }

                return channel;
            }
        }

        private T Find<T>(Dictionary<string, T> things, string name)
        {
            lock (sync)
            {
                return Agent.Find(things, name);
            }
        }

        private void Connect(ConnectArgs a)
        {
            Reset();
            var options = new ClientOptions { AllowOtherUsers = a.AllowOtherUsers ?? false };
            options.ConnectTimeout = Agent.Milliseconds(a.ConnectTimeoutMs) ?? options.ConnectTimeout;
            options.CallTimeout = Agent.Milliseconds(a.CallTimeoutMs) ?? options.CallTimeout;
            options.SendTimeout = Agent.Milliseconds(a.SendTimeoutMs) ?? options.SendTimeout;
            options.Wait = a.Wait == null ? options.Wait : Agent.Wait(a.Wait);
            if (a.ResponseMetadataSize.HasValue || a.ResponsePayloadSize.HasValue)
            {
                options.ResponseConfig = Agent.Config(a.ResponseMetadataSize, a.ResponsePayloadSize, BufferConfig.DefaultV1);
            }

            switch (a.Lap ?? "eager")
            {
                case "eager": options.Lap = LapMode.Eager; break;
                case "needed": options.Lap = LapMode.Needed; break;
                default: throw new ArgumentException("unknown lap " + a.Lap);
            }

            IDuplexClient made = DuplexChannelFactory.Default.CreateClient(a.Name, options);
            lock (sync)
            {
                channel = made;
            }
        }

        private SentReport Send(SendArgs a)
        {
            var request = new Request(Data.Pattern(a.Size, a.Seed)) { Opcode = checked((uint)(a.Opcode ?? 0)), Capacity = Agent.Size(a.Capacity), OneWay = a.OneWay ?? false };
            return new SentReport { Sequence = Channel().Send(request, Agent.Milliseconds(a.TimeoutMs)) };
        }

        private FrameReport Call(CallArgs a)
        {
            var request = new Request(Data.Pattern(a.Size, a.Seed)) { Opcode = checked((uint)(a.Opcode ?? 0)), Capacity = Agent.Size(a.Capacity) };
            using (Response response = Channel().Call(request, Agent.Milliseconds(a.TimeoutMs)))
            {
                return Seen(response);
            }
        }

        private static FrameReport Seen(Response response)
        {
            FrameReport seen = Data.Report(response.Data, response.Sequence, response.Opcode);
            seen.Status = response.Status;
            return seen;
        }

        private BufferReport Acquire(AcquireArgs a)
        {
            RequestBuffer buffer = Channel().AcquireRequestBuffer(Agent.Size(a.Size), Agent.Size(a.Capacity), Agent.Milliseconds(a.TimeoutMs));
            lock (sync)
            {
                buffers[a.Buffer] = buffer;
            }

            return new BufferReport { Size = (ulong)buffer.Data.Length };
        }

        private SentReport Commit(CommitArgs a)
        {
            RequestBuffer buffer = Find(buffers, a.Buffer);
            buffer.SetOpcode(checked((uint)(a.Opcode ?? 0)));
            if (a.OneWay ?? false)
            {
                buffer.SetOneWay();
            }

            return new SentReport { Sequence = buffer.Commit() };
        }

        private FrameReport Receive(ReceiveArgs a)
        {
            TimeSpan? timeout = Agent.Milliseconds(a.TimeoutMs);
            Response response = a.Sequence.HasValue ? Channel().ReceiveResponse(a.Sequence.Value, timeout) : Channel().ReceiveResponse(timeout);
            if (a.Hold == null)
            {
                using (response)
                {
                    return Seen(response);
                }
            }

            lock (sync)
            {
                held[a.Hold] = response;
            }

            return Seen(response);
        }

        private ExchangeReport Exchange(ExchangeArgs a)
        {
            IDuplexClient client = Channel();
            var done = new ExchangeReport();
            var inFlight = new Queue<ulong>();
            uint digest = 0;
            for (ulong sent = 0; done.Count < a.Count;)
            {
                if (sent < a.Count && (ulong)inFlight.Count < a.Window)
                {
                    ulong size = (a.FirstSize + (sent * a.SizeStep)) % a.SizeModulo;
                    done.LastSequence = Publish(client, size, a.Seed + sent, a.Acquire ?? false);
                    done.FirstSequence = sent == 0 ? done.LastSequence : done.FirstSequence;
                    inFlight.Enqueue(done.LastSequence);
                    sent++;
                    continue;
                }

                using (Response response = client.ReceiveResponse(inFlight.Dequeue()))
                {
                    digest = ZeroDuplex.Conformance.Crc32.Of(response.Data, digest);
                    if (a.Verify ?? false)
                    {
                        Data.CheckInverted(response.Data, (a.FirstSize + (done.Count * a.SizeStep)) % a.SizeModulo, a.Seed + done.Count);
                    }

                    done.Count++;
                    done.Bytes += (ulong)response.Size;
                }
            }

            done.Crc32 = digest;
            return done;
        }

        private static ulong Publish(IDuplexClient client, ulong size, ulong seed, bool acquire)
        {
            if (!acquire)
            {
                return client.SendRequest(Data.Pattern(size, seed));
            }

            using (RequestBuffer buffer = client.AcquireRequestBuffer(Agent.Size(size)))
            {
                Data.Fill(buffer.Data, seed);
                return buffer.Commit();
            }
        }
    }
}
