using System;
using System.Threading;
using ZeroDuplex.Native;
using ZeroDuplex.Ring;

namespace ZeroDuplex.Tests.Hostile
{
    /// <summary>A client that is a program, with a server of the library.</summary>
    internal sealed unsafe class HostileClient : HostilePeer
    {
        private static readonly TimeSpan ResetTimeout = TimeSpan.FromMilliseconds(1);
        private static readonly TimeSpan StopTimeout = TimeSpan.FromMilliseconds(2);

        private ClientRing ring;
        private ulong sent; // by it
        private InPlaceDuplexServer server;
        private Exception wrong; // of the server's threads

        internal HostileClient(string name, Arena arena, Flipper flipper, Tally tally, byte[] input)
            : base(name, arena, flipper, tally, input)
        {
        }

        /// <inheritdoc/>
        protected override void Play()
        {
            var options = new ServerOptions
            {
                Workers = 1 + (Decisions.Byte() % 2), Wait = SomeWait(), SpinWindow = Short, ResetTimeout = ResetTimeout, StopTimeout = StopTimeout, OnError = Note,
            };
            server = DuplexChannelFactory.Default.CreateInPlaceDuplexServer(Name, new BufferConfig(MetadataSize, View), options);
            Segment = new Segment(Name, View, Layout);
            using (server)
            using (Segment.Semaphores = SegmentSemaphores.Open(Name))
            using (Semaphores = new RawSemaphores(Name))
            {
                server.Start(Handle);
                Attach();
                while (Decisions.More)
                {
                    Step();
                }

                Flipper.Stop();
                Call(() => server.Stop(StopTimeout));
            }

            if (wrong != null)
            {
                throw new WrongException("in a thread of the server: " + wrong);
            }
        }

        private void Attach()
        {
            Volatile.Write(ref Segment.Request->WriterPid, Platform.ProcessId);
            Renew();
        }

        private void Renew()
        {
            ring = new ClientRing(Segment.Memory, true, null);
            sent = 0;
        }

        private void Handle(Frame frame)
        {
            try
            {
                Span<byte> data = frame.Data;
                RequireInside(data, frame.Capacity);
                bool right = IsFilled(data, frame.Sequence);
                HostileProgram.Require(right || Touched, "the server got another request than was sent");
                data.Fill(unchecked((byte)~frame.Sequence));
                Tally.Add("handled");
            }
            catch (Exception e)
            {
                wrong = e;
            }
        }

        private void Note(Exception error)
        {
            Tally.Add(error.GetType().Name);
            if (!(error is ZeroDuplexException) || (error is CorruptedException && !Touched))
            {
                wrong = error;
            }
        }

        private void Step()
        {
            try
            {
                switch (Decisions.Byte() % 16)
                {
                    case 0:
                    case 1:
                    case 2:
                    case 3:
                    case 4:
                    case 5:
                        Publish();
                        break;
                    case 6:
                    case 7:
                        TakeAnswers();
                        break;
                    case 8:
                        if (ring.InFlight > 0)
                        {
                            ClientFrame frame = ring[(int)Decisions.Below((ulong)ring.InFlight)];
                            if (!frame.Released && !frame.OneWay && !frame.Cancelled && ring.Cancel(frame))
                            {
                                Tally.Add("cancelled");
                            }
                        }

                        break;
                    case 9:
                        Call(ReadMetadata);
                        break;
                    case 10: // leaves, and comes again before the server can be done with it
                        Touched = true;
                        Volatile.Write(ref Segment.Request->WriterPid, Wire.ResetWanted);
                        Segment.Semaphores.RequestReady.PostIfZero();
                        Thread.Yield();
                        Attach();
                        break;
                    case 11:
                        Flipper.Stop();
                        break;
                    case 12:
                        Thread.Yield();
                        break;
                    default:
                        Interfere();
                        break;
                }
            }
            catch (RingCorruptedException)
            {
                HostileProgram.Require(Touched, "the server answered what it must not");
                Renew();
            }
        }

        private void Publish()
        {
            ring.Reclaim();
            ulong size = Decisions.Below(Segment.Memory.Size / 2);
            bool oneWay = Decisions.Byte() % 4 == 0;
            byte* data;
            if (ring.Reserve(size, size, out data) == ReserveResult.Reserved)
            {
                new Span<byte>(data, (int)size).Fill(unchecked((byte)++sent));
                FrameHeaderV2* header = ring.Publish(size, 0, oneWay).Header;
                if (Decisions.Byte() % 4 == 0)
                {
                    Interfere(Word.Of(Decisions, header)); // a server that sleeps sees no other header than this one
                }

                Segment.Semaphores.RequestReady.PostIfZero();
            }
        }

        private void TakeAnswers()
        {
            for (int i = 0; i < ring.InFlight; i++)
            {
                ClientFrame frame = ring[i];
                if (frame.Released || frame.Cancelled || frame.OneWay || !frame.Answered)
                {
                    continue;
                }

                Answer answer = ring.Read(frame);
                bool right = !answer.Failed && IsFilled(new ReadOnlySpan<byte>(answer.Data, answer.Size), ~frame.Sequence);
                HostileProgram.Require(right || Touched, "the client got another answer than was given");
                ring.Release(frame);
                Tally.Add("answered");
            }
        }

        private void ReadMetadata()
        {
            byte[] found = server.ClientMetadata();
            HostileProgram.Require(found == null || found.Length <= (int)Layout.MetadataRequest.Size, "more metadata than there is room for");
            HostileProgram.Require(Touched || found == null, "metadata that nobody wrote");
        }
    }
}
