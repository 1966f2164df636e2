using System;
using System.Collections.Generic;
using ZeroDuplex.Ring;

namespace ZeroDuplex.Tests.Hostile
{
    /// <summary>
    /// Both ends of a ring, and a program that decides what they do and what somebody else writes into their memory, between and during their
    /// operations. An operation throws <see cref="RingCorruptedException"/> or hands out what lies in the payload; until somebody interferes
    /// it gives the right answer.
    /// </summary>
    internal sealed unsafe class HostileRing : HostileProgram
    {
        internal const int LongestPayload = 2048;
        internal const int Head = 192; // both blocks, up to where a payload may begin

        private readonly bool flips;
        private readonly bool eager;
        private readonly RingMemory memory;
        private readonly ServerRing server;
        private readonly List<ServedFrame> taken = new List<ServedFrame>();
        private readonly Dictionary<ulong, Expected> frames = new Dictionary<ulong, Expected>();
        private ClientRing client;

        internal HostileRing(Arena arena, Flipper flipper, Tally tally, byte[] input, bool flips)
            : base(arena, flipper, tally, input)
        {
            this.flips = flips;
            ulong payload = (2 + Decisions.Below((LongestPayload / Wire.BlockAlignment) - 1)) * Wire.BlockAlignment;
            eager = Decisions.Byte() % 2 == 0;
            byte* start = arena.Give(Head + (int)payload);
            memory = new RingMemory((OiebV2*)start, (OiebV2*)(start + Wire.OiebV2Size), start + Head, payload);
            server = new ServerRing(memory);
            Reset();
        }

        /// <inheritdoc/>
        protected override void Check()
        {
            Require(client.Free <= memory.Size, "more bytes are free than there are");
            Require((ulong)client.InFlight <= memory.Size / Wire.FrameHeaderV2Size, "more frames are in flight than fit");
        }

        /// <inheritdoc/>
        protected override void Reset()
        {
            Flipper.Stop();
            server.Reset();
            client = new ClientRing(memory, eager, null);
            taken.Clear();
            frames.Clear();
            Touched = false;
        }

        /// <inheritdoc/>
        protected override void Step()
        {
            switch (Decisions.Byte() % 16)
            {
                case 0:
                case 1:
                    Send();
                    break;
                case 2:
                case 3:
                    Take();
                    break;
                case 4:
                case 5:
                    Answer();
                    break;
                case 6:
                case 7:
                    Receive();
                    break;
                case 8:
                    ClientFrame cancelled = Pick();
                    if (cancelled != null && client.Cancel(cancelled))
                    {
                        Tally.Add("cancelled");
                    }

                    break;
                case 9:
                    ClientFrame abandoned = Pick();
                    if (abandoned != null)
                    {
                        client.Abandon(abandoned);
                        Tally.Add("abandoned");
                    }

                    break;
                case 10:
                    client.Reclaim();
                    break;
                case 11:
                    Interfere(Word.Of(Decisions, Block()));
                    break;
                case 12:
                    Interfere(Word.Of(Decisions, Header()));
                    break;
                case 13:
                    Interfere(new Word(memory.Payload + (Decisions.Below(memory.Size / 8) * 8), false));
                    break;
                case 14:
                    Flip();
                    break;
                default:
                    Reset();
                    break;
            }
        }

        private void RequireInside(byte* data, ulong size, ulong capacity)
        {
            Require(data >= memory.Payload && data <= memory.Payload + memory.Size, "data begins outside of the payload");
            Require(size <= capacity && capacity <= (ulong)(memory.Payload + memory.Size - data), "data ends outside of the payload");
        }

        private void Send()
        {
            bool oneWay = Decisions.Byte() % 4 == 0;
            ulong size = Decisions.Below(memory.Size + 1);
            ulong capacity = Math.Max(size, Decisions.Below(memory.Size + 1));
            client.Reclaim();
            byte* data;
            if (client.Reserve(size, capacity, out data) != ReserveResult.Reserved)
            {
                return;
            }

            RequireInside(data, size, capacity);
            if (Decisions.Byte() % 8 == 7)
            {
                client.Abort();
                return;
            }

            ClientFrame f = client.Publish(size, (uint)size, oneWay);
            Fill(data, size, f.Sequence); // one thread: nobody looks before it is filled
            frames[f.Sequence] = new Expected { Size = size, Capacity = f.Capacity, OneWay = oneWay };
            Tally.Add("sent");
        }

        private void Take()
        {
            ServedFrame f;
            if (!server.TryNext(out f))
            {
                return;
            }

            RequireInside(f.Data, f.Size, f.Capacity);
            Require(f.Sequence == server.Passed + 1, "a frame came out of turn");
            if (!Touched)
            {
                Expected sent = frames[f.Sequence];
                bool right = f.Size == sent.Size && f.Capacity == sent.Capacity && f.OneWay == sent.OneWay && f.Opcode == sent.Size;
                Require(right && IsFilled(f.Data, f.Size, f.Sequence), "the server got another frame than was sent");
            }

            if (f.Cancelled)
            {
                server.Skip(ref f);
            }
            else if (Touched && Decisions.Byte() % 16 == 15)
            {
                server.Pass(ref f);
            }
            else if (server.Take(ref f))
            {
                taken.Add(f);
                Tally.Add("taken");
            }
            else
            {
                Require(Touched, "a frame was taken by somebody else");
            }
        }

        private void Answer()
        {
            if (taken.Count == 0)
            {
                return;
            }

            var chosen = (int)Decisions.Below((ulong)taken.Count);
            ServedFrame f = taken[chosen];
            taken.RemoveAt(chosen);
            if (f.OneWay)
            {
                Fill(f.Data, f.Capacity, 0);
                f.Finish();
                return;
            }

            ulong size = Decisions.Below(f.Capacity + 1);
            bool failed = Decisions.Byte() % 4 == 0;
            Fill(f.Data, size, ~f.Sequence);
            Expected sent;
            if (frames.TryGetValue(f.Sequence, out sent))
            {
                sent.Answer = size;
                sent.Failed = failed;
            }

            f.Answer(size, (int)size, failed);
            server.Count(size);
            Tally.Add("answered");
        }

        /// <summary>A frame in flight that is the client's to wait for, null when it chose none.</summary>
        private ClientFrame Pick()
        {
            if (client.InFlight == 0)
            {
                return null;
            }

            ClientFrame f = client[(int)Decisions.Below((ulong)client.InFlight)];
            return f.Released || f.Cancelled || f.Abandoned || f.OneWay ? null : f;
        }

        private void Receive()
        {
            ClientFrame f = Pick();
            if (f == null || !f.Answered)
            {
                return;
            }

            Answer found = client.Read(f);
            RequireInside(found.Data, (ulong)found.Size, f.Capacity);
            if (!Touched)
            {
                Expected sent = frames[f.Sequence];
                bool right = (ulong)found.Size == sent.Answer && found.Failed == sent.Failed && (ulong)found.Status == sent.Answer;
                Require(right && IsFilled(found.Data, sent.Answer, ~f.Sequence), "the client got another answer than was given");
            }

            Fill(found.Data, (ulong)found.Size, 0);
            client.Release(f);
            Tally.Add("received");
            client.Reclaim();
        }

        private OiebV2* Block()
        {
            return Decisions.Byte() % 2 == 0 ? memory.Request : memory.Response;
        }

        /// <summary>Where a header is, was, or could be.</summary>
        private FrameHeaderV2* Header()
        {
            ulong position = Decisions.Below(memory.Size / Wire.BlockAlignment) * Wire.BlockAlignment;
            if (client.InFlight > 0 && Decisions.Byte() % 4 != 0)
            {
                position = client[(int)(position / Wire.BlockAlignment % (ulong)client.InFlight)].Position;
            }

            return memory.HeaderAt(position);
        }

        private void Interfere(Word word)
        {
            Touched = true;
            word.Store(Decisions.Value(word.Load(), memory.Size));
            Tally.Add("writes");
        }

        private void Flip()
        {
            Touched = true;
            Word word = Decisions.Byte() % 2 == 0 ? Word.Of(Decisions, Header()) : Word.Of(Decisions, Block());
            ulong now = word.Load();
            ulong then = Decisions.Value(now, memory.Size);
            if (flips)
            {
                Flipper.Start(word, now, then);
            }
            else
            {
                word.Store(then);
            }
        }

        /// <summary>What a frame must hold as long as nobody interfered.</summary>
        private sealed class Expected
        {
            internal ulong Size;
            internal ulong Capacity;
            internal bool OneWay;
            internal ulong Answer;
            internal bool Failed;
        }
    }
}
