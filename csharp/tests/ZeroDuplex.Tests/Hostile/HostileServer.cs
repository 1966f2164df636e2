using System;
using System.Collections.Generic;
using ZeroDuplex.Ring;

namespace ZeroDuplex.Tests.Hostile
{
    /// <summary>A server that is a program, with a client of the library.</summary>
    internal sealed unsafe class HostileServer : HostilePeer
    {
        private readonly List<ServedFrame> taken = new List<ServedFrame>();
        private readonly List<Response> held = new List<Response>();
        private ServerRing ring;
        private IDuplexClient client;

        internal HostileServer(string name, Arena arena, Flipper flipper, Tally tally, byte[] input)
            : base(name, arena, flipper, tally, input)
        {
        }

        /// <inheritdoc/>
        protected override void Play()
        {
            var config = new BufferConfig(MetadataSize, View);
            Segment = SegmentBuilder.Create(Name, config, View, (int)Wire.DefaultV2ObjectMode, null);
            try
            {
                using (Semaphores = new RawSemaphores(Name))
                {
                    ring = new ServerRing(Segment.Memory);
                    if (Decisions.Byte() % 4 == 0)
                    {
                        Interfere();
                    }

                    var options = new ClientOptions
                    {
                        Memory = View, ConnectTimeout = TimeSpan.Zero, CallTimeout = Short, SendTimeout = Short, SpinWindow = Short, Wait = SomeWait(),
                    };
                    Call(() => client = DuplexChannelFactory.Default.CreateClient(Name, options));
                    if (client != null)
                    {
                        Tally.Add("attached");
                        Use();
                    }

                    Flipper.Stop();
                }
            }
            finally
            {
                Segment.Semaphores.Remove(Name);
                Segment.Dispose();
            }
        }

        private void Use()
        {
            while (Decisions.More)
            {
                Step(Decisions.Byte() % 16);
            }

            foreach (Response response in held)
            {
                Call(response.Release);
            }

            Call(client.Close);
        }

        private void Step(int choice)
        {
            byte[] data = choice <= 2 || choice == 6 ? new byte[Decisions.Below(Segment.Memory.Size)] : null;
            switch (choice)
            {
                case 0:
                case 1:
                    bool oneWay = Decisions.Byte() % 8 == 7;
                    int capacity = Decisions.Byte() % 2 == 0 ? 0 : data.Length;
                    Call(() => client.Send(new Request(data) { Capacity = capacity, OneWay = oneWay }));
                    break;
                case 2:
                    Call(() => Acquire(data.Length));
                    break;
                case 3:
                case 4:
                    Call(() => Keep(client.ReceiveResponse()));
                    break;
                case 5:
                    Call(() => Keep(client.ReceiveResponse(Decisions.Byte() % 16UL)));
                    break;
                case 6:
                    Call(() => Keep(client.Call(data)));
                    break;
                case 7:
                    Call(() => client.Cancel(Decisions.Byte() % 16UL));
                    break;
                case 8:
                    Call(ReadMetadata);
                    Call(() => client.SetMetadata(new byte[Decisions.Byte()]));
                    Call(() => HostileProgram.Require(Touched || client.IsServerConnected, "the server is there"));
                    break;
                case 9:
                    if (held.Count > 0)
                    {
                        Response last = held[held.Count - 1];
                        held.RemoveAt(held.Count - 1);
                        Call(last.Release);
                    }

                    break;
                case 10:
                case 11:
                case 12:
                    Serve();
                    break;
                case 13:
                    Flipper.Stop();
                    break;
                default:
                    Interfere();
                    break;
            }
        }

        private void Acquire(int size)
        {
            RequestBuffer buffer = client.AcquireRequestBuffer(size);
            RequireInside(buffer.Data, buffer.Capacity);
            if (Decisions.Byte() % 4 == 0)
            {
                buffer.Abort();
            }
            else
            {
                buffer.Commit();
            }
        }

        private void ReadMetadata()
        {
            byte[] found = client.ServerMetadata();
            HostileProgram.Require(found == null || found.Length <= (int)Layout.MetadataResponse.Size, "more metadata than there is room for");
            HostileProgram.Require(Touched || found == null, "metadata that nobody wrote");
        }

        private void Keep(Response response)
        {
            Span<byte> data = response.Data;
            RequireInside(data, data.Length);
            HostileProgram.Require(Touched || IsFilled(data, ~response.Sequence), "the client got another answer than was given");
            Tally.Add("received");
            if (Decisions.Byte() % 2 == 0)
            {
                held.Add(response);
            }
            else
            {
                response.Release();
            }
        }

        /// <summary>What a right server does.</summary>
        private void Serve()
        {
            try
            {
                ServedFrame frame;
                if (ring.TryNext(out frame))
                {
                    if (frame.Cancelled)
                    {
                        ring.Skip(ref frame);
                    }
                    else if (ring.Take(ref frame))
                    {
                        taken.Add(frame);
                    }
                }
            }
            catch (RingCorruptedException)
            {
                HostileProgram.Require(Touched, "the client published what it must not");
                return;
            }

            if (taken.Count == 0 || Decisions.Byte() % 4 == 0)
            {
                return;
            }

            var chosen = (int)Decisions.Below((ulong)taken.Count);
            ServedFrame answered = taken[chosen];
            taken.RemoveAt(chosen);
            if (answered.OneWay)
            {
                answered.Finish();
                return;
            }

            ulong size = Decisions.Below(answered.Capacity + 1);
            new Span<byte>(answered.Data, (int)size).Fill(unchecked((byte)~answered.Sequence));
            bool failed = Decisions.Byte() % 4 == 0;
            if (Decisions.Byte() % 8 == 0)
            {
                Touched = true;
                size = Decisions.Value(size, Segment.Memory.Size);
            }

            answered.Answer(size, failed ? 1 + Decisions.Byte() : (int)FrameStatus.Ok, failed);
            ring.Count(size);
            Segment.Semaphores.ResponseReady.PostIfZero();
        }
    }
}
