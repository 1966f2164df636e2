using System;
using System.Collections.Generic;
using ZeroDuplex.Ring;

namespace ZeroDuplex.Tests.Hostile
{
    /// <summary>What a run of programs did, so that a test can tell that it did something.</summary>
    internal sealed class Tally
    {
        internal readonly SortedDictionary<string, int> Counts = new SortedDictionary<string, int>();

        internal int this[string what]
        {
            get
            {
                int count;
                return Counts.TryGetValue(what, out count) ? count : 0;
            }
        }

        internal void Add(string what)
        {
            Counts[what] = this[what] + 1;
        }

        public override string ToString()
        {
            var parts = new List<string>();
            foreach (KeyValuePair<string, int> count in Counts)
            {
                parts.Add(count.Key + " " + count.Value);
            }

            return string.Join(", ", parts);
        }
    }

    /// <summary>What a program showed must never happen.</summary>
    public sealed class WrongException : Exception
    {
        internal WrongException(string message)
            : base(message)
        {
        }
    }

    /// <summary>
    /// Both ends of a ring, and a program that decides what they do and what somebody else writes into their memory, between and during their
    /// operations. An operation throws <see cref="RingCorruptedException"/> or hands out what lies in the payload; until somebody interferes
    /// it gives the right answer.
    /// </summary>
    internal sealed unsafe class HostileRing
    {
        internal const int LongestPayload = 2048;
        internal const int Head = 192; // both blocks, up to where a payload may begin

        private readonly Decisions decisions;
        private readonly Arena arena;
        private readonly Flipper flipper;
        private readonly Tally tally;
        private readonly bool flips;
        private readonly bool eager;
        private readonly RingMemory memory;
        private readonly ServerRing server;
        private readonly List<ServedFrame> taken = new List<ServedFrame>();
        private readonly Dictionary<ulong, Expected> frames = new Dictionary<ulong, Expected>();
        private ClientRing client;
        private bool touched; // somebody interfered since the last reset: corruption is a right answer now

        internal HostileRing(Arena arena, Flipper flipper, Tally tally, byte[] input, bool flips)
        {
            decisions = new Decisions(input);
            this.arena = arena;
            this.flipper = flipper;
            this.tally = tally;
            this.flips = flips;
            ulong payload = (2 + decisions.Below((LongestPayload / Wire.BlockAlignment) - 1)) * Wire.BlockAlignment;
            eager = decisions.Byte() % 2 == 0;
            byte* start = arena.Give(Head + (int)payload);
            memory = new RingMemory((OiebV2*)start, (OiebV2*)(start + Wire.OiebV2Size), start + Head, payload);
            server = new ServerRing(memory);
            Reset();
        }

        internal void Run()
        {
            tally.Add("programs");
            try
            {
                while (decisions.More)
                {
                    try
                    {
                        Step();
                    }
                    catch (RingCorruptedException)
                    {
                        Require(touched, "corruption was found where nobody interfered");
                        tally.Add("corrupted");
                        Reset(); // what follows: the client detaches, the server resets, a client attaches
                    }

                    Require(client.Free <= memory.Size, "more bytes are free than there are");
                    Require((ulong)client.InFlight <= memory.Size / Wire.FrameHeaderV2Size, "more frames are in flight than fit");
                }
            }
            finally
            {
                flipper.Stop();
            }

            Require(arena.IsIntact(), "something was written before the segment");
        }

        private static void Require(bool holds, string what)
        {
            if (!holds)
            {
                throw new WrongException(what);
            }
        }

        private static void Fill(byte* data, ulong size, ulong with)
        {
            new Span<byte>(data, (int)size).Fill(unchecked((byte)with));
        }

        private static bool IsFilled(byte* data, ulong size, ulong with)
        {
            foreach (byte b in new ReadOnlySpan<byte>(data, (int)size))
            {
                if (b != unchecked((byte)with))
                {
                    return false;
                }
            }

            return true;
        }

        private void Reset()
        {
            flipper.Stop();
            server.Reset();
            client = new ClientRing(memory, eager, null);
            taken.Clear();
            frames.Clear();
            touched = false;
        }

        private void Step()
        {
            switch (decisions.Byte() % 16)
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
                        tally.Add("cancelled");
                    }

                    break;
                case 9:
                    ClientFrame abandoned = Pick();
                    if (abandoned != null)
                    {
                        client.Abandon(abandoned);
                        tally.Add("abandoned");
                    }

                    break;
                case 10:
                    client.Reclaim();
                    break;
                case 11:
                    Interfere(Word.Of(decisions, Block()));
                    break;
                case 12:
                    Interfere(Word.Of(decisions, Header()));
                    break;
                case 13:
                    Interfere(new Word(memory.Payload + (decisions.Below(memory.Size / 8) * 8), false));
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
            bool oneWay = decisions.Byte() % 4 == 0;
            ulong size = decisions.Below(memory.Size + 1);
            ulong capacity = Math.Max(size, decisions.Below(memory.Size + 1));
            client.Reclaim();
            byte* data;
            if (client.Reserve(size, capacity, out data) != ReserveResult.Reserved)
            {
                return;
            }

            RequireInside(data, size, capacity);
            if (decisions.Byte() % 8 == 7)
            {
                client.Abort();
                return;
            }

            ClientFrame f = client.Publish(size, (uint)size, oneWay);
            Fill(data, size, f.Sequence); // one thread: nobody looks before it is filled
            frames[f.Sequence] = new Expected { Size = size, Capacity = f.Capacity, OneWay = oneWay };
            tally.Add("sent");
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
            if (!touched)
            {
                Expected sent = frames[f.Sequence];
                bool right = f.Size == sent.Size && f.Capacity == sent.Capacity && f.OneWay == sent.OneWay && f.Opcode == sent.Size;
                Require(right && IsFilled(f.Data, f.Size, f.Sequence), "the server got another frame than was sent");
            }

            if (f.Cancelled)
            {
                server.Skip(ref f);
            }
            else if (touched && decisions.Byte() % 16 == 15)
            {
                server.Pass(ref f);
            }
            else if (server.Take(ref f))
            {
                taken.Add(f);
                tally.Add("taken");
            }
            else
            {
                Require(touched, "a frame was taken by somebody else");
            }
        }

        private void Answer()
        {
            if (taken.Count == 0)
            {
                return;
            }

            var chosen = (int)decisions.Below((ulong)taken.Count);
            ServedFrame f = taken[chosen];
            taken.RemoveAt(chosen);
            if (f.OneWay)
            {
                Fill(f.Data, f.Capacity, 0);
                f.Finish();
                return;
            }

            ulong size = decisions.Below(f.Capacity + 1);
            bool failed = decisions.Byte() % 4 == 0;
            Fill(f.Data, size, ~f.Sequence);
            Expected sent;
            if (frames.TryGetValue(f.Sequence, out sent))
            {
                sent.Answer = size;
                sent.Failed = failed;
            }

            f.Answer(size, (int)size, failed);
            server.Count(size);
            tally.Add("answered");
        }

        /// <summary>A frame in flight that is the client's to wait for, null when it chose none.</summary>
        private ClientFrame Pick()
        {
            if (client.InFlight == 0)
            {
                return null;
            }

            ClientFrame f = client[(int)decisions.Below((ulong)client.InFlight)];
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
            if (!touched)
            {
                Expected sent = frames[f.Sequence];
                bool right = (ulong)found.Size == sent.Answer && found.Failed == sent.Failed && (ulong)found.Status == sent.Answer;
                Require(right && IsFilled(found.Data, sent.Answer, ~f.Sequence), "the client got another answer than was given");
            }

            Fill(found.Data, (ulong)found.Size, 0);
            client.Release(f);
            tally.Add("received");
            client.Reclaim();
        }

        private OiebV2* Block()
        {
            return decisions.Byte() % 2 == 0 ? memory.Request : memory.Response;
        }

        /// <summary>Where a header is, was, or could be.</summary>
        private FrameHeaderV2* Header()
        {
            ulong position = decisions.Below(memory.Size / Wire.BlockAlignment) * Wire.BlockAlignment;
            if (client.InFlight > 0 && decisions.Byte() % 4 != 0)
            {
                position = client[(int)(position / Wire.BlockAlignment % (ulong)client.InFlight)].Position;
            }

            return memory.HeaderAt(position);
        }

        private void Interfere(Word word)
        {
            touched = true;
            word.Store(decisions.Value(word.Load(), memory.Size));
            tally.Add("writes");
        }

        private void Flip()
        {
            touched = true;
            Word word = decisions.Byte() % 2 == 0 ? Word.Of(decisions, Header()) : Word.Of(decisions, Block());
            ulong now = word.Load();
            ulong then = decisions.Value(now, memory.Size);
            if (flips)
            {
                flipper.Start(word, now, then);
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
