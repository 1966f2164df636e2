using System;
using System.Collections.Generic;
using ZeroDuplex.Ring;
using ZeroDuplex.V1;

namespace ZeroDuplex.Tests.Hostile
{
    /// <summary>
    /// Both ends of a v1 buffer's ring, and a program that decides what they do and what somebody else writes into their memory, between and
    /// during their operations. An operation throws <see cref="RingCorruptedException"/> or hands out what lies in the payload; until somebody
    /// interferes every frame arrives once, in order and whole, through any number of writers.
    /// </summary>
    internal sealed unsafe class HostileStream : HostileProgram
    {
        internal const int LongestPayload = 1024;

        private readonly bool flips;
        private readonly BufferMemory memory;
        private readonly List<Held> held = new List<Held>();
        private readonly Queue<Sent> sent = new Queue<Sent>();
        private ReaderRing reader;
        private WriterRing writer;
        private byte content;
        private ulong readPosition; // of the next header, as far as is known

        internal HostileStream(Arena arena, Flipper flipper, Tally tally, byte[] input, bool flips)
            : base(arena, flipper, tally, input)
        {
            this.flips = flips;
            ulong payload = Decisions.Below((LongestPayload / Wire.BlockAlignment) + 1) * Wire.BlockAlignment;
            byte* start = arena.Give(Wire.OiebV1Size + (int)payload);
            memory = new BufferMemory((OiebV1*)start, start + Wire.OiebV1Size, payload);
            Reset();
        }

        /// <inheritdoc/>
        protected override void Reset()
        {
            Flipper.Stop();
            new Span<byte>(memory.Oieb, Wire.OiebV1Size).Clear();
            memory.Oieb->PayloadSize = memory.Oieb->PayloadFreeBytes = memory.Size;
            reader = new ReaderRing(memory, null);
            writer = new WriterRing(memory);
            held.Clear();
            sent.Clear();
            readPosition = 0;
            Touched = false;
        }

        /// <inheritdoc/>
        protected override void Step()
        {
            switch (Decisions.Byte() % 16)
            {
                case 0:
                case 1:
                case 2:
                    Write();
                    break;
                case 3:
                case 4:
                case 5:
                    FrameLoan read = reader.TryRead();
                    Require(Touched || read != null || sent.Count == 0, "a frame is not announced");
                    Keep(read);
                    break;
                case 6:
                case 7:
                    Release();
                    break;
                case 8:
                    Keep(reader.TryRecover());
                    break;
                case 9:
                    writer = new WriterRing(memory);
                    Tally.Add("writers");
                    break;
                case 10:
                    Flipper.Stop();
                    break;
                case 11:
                case 12:
                    Interfere(Word.Of(Decisions, memory.Oieb));
                    break;
                case 13:
                    InterfereWithHeader();
                    break;
                case 14:
                    Flip();
                    break;
                default:
                    if (Decisions.Byte() % 4 == 0)
                    {
                        Reset();
                    }

                    break;
            }
        }

        /// <inheritdoc/>
        protected override void Check()
        {
            if (!Touched && held.Count == 0 && sent.Count == 0)
            {
                Require(memory.Oieb->PayloadFreeBytes == memory.Size, "an empty ring has fewer free bytes than it has bytes");
            }
        }

        private void RequireInside(byte* data, ulong size)
        {
            byte* first = memory.Payload + BufferMemory.HeaderSize;
            byte* end = memory.Payload + memory.Size;
            Require(size > 0 && data >= first && data <= end && size <= (ulong)(end - data), "data outside of the payload");
        }

        private void Write()
        {
            // What the writer's own check of the size lets pass.
            ulong size = 1 + Decisions.Below(memory.Size + 1);
            byte* data;
            switch (writer.Place(size, out data))
            {
                case Placement.Placed:
                    RequireInside(data, size);
                    Fill(data, size, ++content);
                    sent.Enqueue(new Sent { Size = size, Sequence = writer.Publish(), Content = content });
                    Tally.Add("written");
                    break;
                case Placement.TooLarge:
                case Placement.LeavesTail:
                    Require(size + (2 * BufferMemory.HeaderSize) > memory.Size, "a frame that fits was refused");
                    break;
                case Placement.Unplaceable:
                    ulong largest = writer.LargestPlaceable(size);
                    Require(largest < size, "a frame that fits was refused");
                    Require(largest == 0 || writer.Place(largest, out data) <= Placement.NoRoom, "what was said to fit does not");
                    break;
            }
        }

        private void Keep(FrameLoan frame)
        {
            if (frame == null)
            {
                return;
            }

            var size = (ulong)frame.Size;
            RequireInside(frame.Data, size);
            readPosition = (ulong)(frame.Data - memory.Payload) + size;
            byte found = 0;
            if (!Touched)
            {
                Require(sent.Count > 0, "a frame came that nobody sent");
                Sent next = sent.Dequeue();
                found = next.Content;
                bool right = size == next.Size && frame.Sequence == next.Sequence && IsFilled(frame.Data, size, found);
                Require(right, "the reader got another frame than was sent");
            }

            held.Add(new Held { Frame = frame, Content = found });
            Tally.Add("read");
        }

        private void Release()
        {
            if (held.Count == 0)
            {
                return;
            }

            var chosen = (int)Decisions.Below((ulong)held.Count);
            Held released = held[chosen];
            held.RemoveAt(chosen);
            var size = (ulong)released.Frame.Size;
            bool whole = Touched || IsFilled(released.Frame.Data, size, released.Content);
            Require(whole, "a frame was written over while the reader had it");
            Fill(released.Frame.Data, size, 0);
            Tally.Add("released");
            reader.Release(released.Frame);
        }

        private void Interfere(Word word)
        {
            Touched = true;
            word.Store(Decisions.Value(word.Load(), memory.Size));
            Tally.Add("writes");
        }

        /// <summary>Headers stand at any address; half of the stores hit the next one.</summary>
        private void InterfereWithHeader()
        {
            if (memory.Size < BufferMemory.HeaderSize)
            {
                return;
            }

            ulong at = Decisions.Below(memory.Size);
            if (Decisions.Byte() % 2 == 0)
            {
                at = readPosition + (at % 2 * sizeof(ulong));
            }

            at = Math.Min(at, memory.Size - BufferMemory.HeaderSize);
            FrameHeaderV1 header = memory.ReadHeader(at);
            ulong value = Decisions.Value(Decisions.Byte() % 2 == 0 ? at : header.PayloadSize, memory.Size);
            Touched = true;
            memory.WriteHeader(at, value, header.SequenceNumber);
            Tally.Add("writes");
        }

        private void Flip()
        {
            Word word = Word.Of(Decisions, memory.Oieb);
            if (memory.Size > 0 && Decisions.Byte() % 2 == 0)
            {
                ulong at = Decisions.Byte() % 2 == 0 ? readPosition % memory.Size : Decisions.Below(memory.Size);
                word = new Word(memory.Payload + (at / sizeof(ulong) * sizeof(ulong)), false);
            }

            if (!flips || Decisions.Byte() % 4 != 0)
            {
                Interfere(word); // starting and stopping the flipping peer takes long
                return;
            }

            Touched = true;
            ulong now = word.Load();
            Flipper.Start(word, now, Decisions.Value(now, memory.Size));
        }

        /// <summary>What the reader must find next, as long as nobody interfered.</summary>
        private struct Sent
        {
            internal ulong Size;
            internal ulong Sequence;
            internal byte Content;
        }

        /// <summary>A frame in the reader's hands.</summary>
        private struct Held
        {
            internal FrameLoan Frame;
            internal byte Content;
        }
    }
}
