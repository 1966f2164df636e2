using System;
using System.Threading;

namespace ZeroDuplex.Ring
{
    internal enum ReserveResult
    {
        Reserved,
        NoRoom, // until something is reclaimed
        TooLarge, // for ever
    }

    /// <summary>
    /// The client's end: it alone moves head and tail. What is in flight, where and how large, it knows from its private list and never from
    /// shared memory. Called with the channel's lock held.
    /// </summary>
    internal sealed unsafe class ClientRing
    {
        private readonly RingMemory memory;
        private readonly bool eager;
        private readonly ILender lender;
        private readonly FrameQueue frames = new FrameQueue(); // published and not reclaimed, in ring order, their sequence numbers consecutive

        private ClientFrame spare; // the first of a list
        private ulong head; // cumulative end of what was published
        private ulong position; // head modulo the payload's size, kept beside it: divisions take longer than all else here
        private ulong claimed; // bytes between tail and head, waste included, plus the open claim
        private ulong last; // sequence number of the last published frame
        private ulong consumed; // response read_count
        private int abandoned; // frames in the list that are abandoned and not released
        private bool open; // between Reserve and Publish or Abort
        private Claim next;

        /// <summary>Starts at the state that a reset leaves behind: everything zero, everything free.</summary>
        internal ClientRing(RingMemory memory, bool eager, ILender lender)
        {
            this.memory = memory;
            this.eager = eager;
            this.lender = lender;
        }

        /// <summary>Number of frames not reclaimed.</summary>
        internal int InFlight
        {
            get { return frames.Count; }
        }

        /// <summary>Bytes that nothing claims.</summary>
        internal ulong Free
        {
            get { return memory.Size - claimed; }
        }

        internal ulong PayloadSize
        {
            get { return memory.Size; }
        }

        /// <summary>The i-th frame of the list in ring order, from 0 up to <see cref="InFlight"/>.</summary>
        internal ClientFrame this[int index]
        {
            get { return frames[index]; }
        }

        /// <summary>
        /// Claims room for a frame of the given capacity, already checked against the limits and rounded up here. Only one claim is open at a time.
        /// </summary>
        internal ReserveResult Reserve(ulong size, ulong capacity, out byte* data)
        {
            data = null;
            capacity = RingMemory.RoundUp(Math.Max(size, capacity));
            ulong total = Wire.FrameHeaderV2Size + capacity;
            if (total > memory.Size)
            {
                return ReserveResult.TooLarge;
            }

            if (!Place(total))
            {
                return ReserveResult.NoRoom;
            }

            next.Total = total;
            next.Capacity = capacity;
            open = true;
            claimed += total + next.Waste;
            data = (byte*)(memory.HeaderAt(next.Position) + 1);
            return ReserveResult.Reserved;
        }

        /// <summary>Gives the open claim back.</summary>
        internal void Abort()
        {
            claimed -= next.Total + next.Waste;
            open = false;
        }

        /// <summary>Makes the open claim a frame with the next sequence number.</summary>
        internal ClientFrame Publish(ulong size, uint opcode, bool oneWay)
        {
            // Whatever needs memory comes first: nothing may fail once the frame is published.
            ClientFrame f = TakeSpare();
            frames.Add(f);
            open = false;
            if (next.Marker)
            {
                WriteHeader(memory.HeaderAt(position), 0, 0, 0, 0, 0, FrameState.Wrap);
            }

            Publish(f, next.Start, next.Position, next.Capacity, size, memory.Size - claimed, opcode, oneWay);
            f.Waste = next.Waste;
            return f;
        }

        /// <summary>
        /// What Reserve, copying the data in and Publish do, in one step, for a capacity that is rounded already and while nothing is in flight.
        /// Null: something is, or the frame can never fit.
        /// </summary>
        internal ClientFrame PublishAlone(ReadOnlySpan<byte> data, ulong capacity, uint opcode)
        {
            ulong total = Wire.FrameHeaderV2Size + capacity;
            ulong payload = memory.Size;
            if (frames.Count != 0 || open || total > payload)
            {
                return null;
            }

            ClientFrame f = TakeSpare();
            frames.Add(f);
            ulong start;
            ulong at = PlaceAlone(total, out start);
            data.CopyTo(new Span<byte>(memory.HeaderAt(at) + 1, data.Length));
            claimed = total;
            Publish(f, start, at, capacity, (ulong)data.Length, payload - total, opcode, false);
            f.Waste = 0;
            return f;
        }

        /// <summary>Finds a frame by sequence number, null when it was reclaimed or never sent.</summary>
        internal ClientFrame Lookup(ulong sequence)
        {
            ulong oldest = last + 1 - (ulong)frames.Count;
            return sequence < oldest || sequence > last ? null : frames[(int)(sequence - oldest)];
        }

        /// <summary>
        /// Reads an answered frame that the caller has a claim on; no lock is needed. The size that the server stored is checked against what was claimed.
        /// </summary>
        internal Answer Read(ClientFrame f)
        {
            var state = (FrameState)Volatile.Read(ref f.Header->State);
            ulong size = f.Header->PayloadSize;
            int status = f.Header->Status;
            if (state != FrameState.Response && state != FrameState.Failed)
            {
                throw new RingCorruptedException("frame " + f.Sequence + " is " + state + ", not answered");
            }

            if (size > f.Capacity)
            {
                throw new RingCorruptedException("response " + f.Sequence + " has " + size + " bytes, its capacity is " + f.Capacity);
            }

            return new Answer { Data = (byte*)(f.Header + 1), Size = (int)size, Failed = state == FrameState.Failed, Status = status };
        }

        /// <summary>Gives an answered frame back. Room appears with the next <see cref="Reclaim"/>.</summary>
        internal void Release(ClientFrame f)
        {
            f.Released = true;
            f.NextGeneration();
            if (f.Abandoned)
            {
                abandoned--;
            }

            // Pairs with nothing on the server, which never looks at an answered frame again; inspectors read it.
            Volatile.Write(ref f.Header->State, (int)FrameState.Consumed);

            // Pairs with the draining server's acquire load.
            consumed++;
            Volatile.Write(ref memory.Response->PayloadReadCount, consumed);
        }

        /// <summary>What Release and Reclaim do, in one step, for the only frame in flight. False: there are others, and nothing was done.</summary>
        internal bool ReleaseAlone(ClientFrame f)
        {
            if (frames.Count != 1 || open || f.Abandoned)
            {
                return false;
            }

            Release(f);
            claimed = 0;
            frames.RemoveFirst();
            PutSpare(f);
            StoreFree(memory.Size);
            return true;
        }

        /// <summary>Takes a request back that the server has not taken. False: the server was faster.</summary>
        internal bool Cancel(ClientFrame f)
        {
            // Pairs with the server's compare-and-swap in ServerRing.Take: exactly one of them wins.
            if (Interlocked.CompareExchange(ref f.Header->State, (int)FrameState.Cancelled, (int)FrameState.Request) != (int)FrameState.Request)
            {
                return false;
            }

            f.Cancelled = true;
            return true;
        }

        /// <summary>
        /// Says that nobody will read the answer. It is released at once when it is there already (true), else by a later <see cref="Reclaim"/>.
        /// </summary>
        internal bool Abandon(ClientFrame f)
        {
            f.Abandoned = true;
            abandoned++;

            // The swap is a full fence before the look at the state below; pairs with the server, which stores the state, fences and then
            // looks at the flag: at least one of the two sees the other.
            int* flags = (int*)&f.Header->Flags;
            int seen;
            do
            {
                seen = Volatile.Read(ref *flags);
            }
            while (Interlocked.CompareExchange(ref *flags, seen | (int)FrameFlags.Abandoned, seen) != seen);

            if (!f.Answered)
            {
                return false;
            }

            Release(f);
            return true;
        }

        /// <summary>Takes back, in ring order, what is done with. Returns whether late answers to abandoned requests were released.</summary>
        internal bool Reclaim()
        {
            bool late = abandoned > 0 && ReleaseAbandoned();
            ulong before = claimed;
            while (frames.Count > 0)
            {
                ClientFrame f = frames[0];

                // Waste belongs to the frame behind it and is free once the server's cursor has passed that frame. Pairs with ServerRing.Pass.
                if (f.Waste > 0 && Volatile.Read(ref memory.Request->PayloadReadCount) >= f.Sequence)
                {
                    claimed -= f.Waste;
                    f.Waste = 0;
                }

                if (!IsOver(f))
                {
                    break;
                }

                claimed -= f.Total + f.Waste;
                frames.RemoveFirst();
                PutSpare(f);
            }

            if (claimed != before)
            {
                StoreFree(FreeBesidesClaim());
            }

            return late;
        }

        private void StoreFree(ulong free)
        {
            Volatile.Write(ref memory.Request->PayloadFreeBytes, free);
            Volatile.Write(ref memory.Response->PayloadFreeBytes, free);
        }

        /// <summary>Stores all 64 bytes, the state last. Pairs with the server's acquire load of the state in ServerRing.Read.</summary>
        private static void WriteHeader(FrameHeaderV2* to, ulong size, ulong sequence, ulong capacity, uint opcode, uint flags, FrameState state)
        {
            to->PayloadSize = size;
            to->SequenceNumber = sequence;
            to->Capacity = capacity;
            to->Status = (int)FrameStatus.Ok;
            to->RequestSize = size;
            to->Opcode = opcode;
            to->Flags = flags;
            var reserved = (ulong*)to->Reserved;
            reserved[0] = 0;
            reserved[1] = 0;
            Volatile.Write(ref to->State, (int)state);
        }

        /// <summary>Writes the header and makes the frame count.</summary>
        private void Publish(ClientFrame f, ulong start, ulong at, ulong capacity, ulong size, ulong free, uint opcode, bool oneWay)
        {
            ulong total = Wire.FrameHeaderV2Size + capacity;
            FrameHeaderV2* header = memory.HeaderAt(at);
            last++;
            WriteHeader(header, size, last, capacity, opcode, oneWay ? (uint)FrameFlags.OneWay : 0, FrameState.Request);
            head = start + total;
            position = at + total;
            if (position == memory.Size)
            {
                position = 0;
            }

            // The server loads written_count (acquire) before written_bytes, so the count goes last: whoever sees it sees the rest.
            Volatile.Write(ref memory.Request->PayloadWrittenBytes, head);
            Volatile.Write(ref memory.Request->PayloadFreeBytes, free);
            Volatile.Write(ref memory.Request->PayloadWrittenCount, last);

            // The response block's copy is for inspectors. Its cache line is the server's, so it follows what the server waits for.
            Volatile.Write(ref memory.Response->PayloadFreeBytes, free);

            // What only we know about the frame is noted while the server works on it.
            f.Sequence = last;
            f.Capacity = capacity;
            f.Opcode = opcode;
            f.OneWay = oneWay;
            f.Taken = f.Cancelled = f.Abandoned = f.Released = false;
            f.Position = at;
            f.Total = total;
            f.Header = header;
        }

        private ClientFrame TakeSpare()
        {
            ClientFrame f = spare;
            if (f == null)
            {
                return new ClientFrame(lender);
            }

            spare = f.NextSpare;
            return f;
        }

        private void PutSpare(ClientFrame f)
        {
            f.NextSpare = spare;
            spare = f;
        }

        /// <summary>Fills in where the next frame would go, and returns whether it may.</summary>
        private bool Place(ulong total)
        {
            next.Start = head;
            next.Position = position;
            next.Waste = 0;
            next.Marker = false;
            ulong payload = memory.Size;
            ulong room = payload - position;
            if (frames.Count == 0)
            {
                next.Position = PlaceAlone(total, out next.Start);
                return true;
            }

            ulong free = payload - claimed;
            if (total <= room)
            {
                return total <= free;
            }

            next.Start = head + room;
            next.Position = 0;
            next.Waste = room;
            next.Marker = true;
            return total + room <= free;
        }

        /// <summary>Where a frame goes while nothing is in flight: its position, and the cumulative offset of its header.</summary>
        private ulong PlaceAlone(ulong total, out ulong start)
        {
            ulong payload = memory.Size;
            ulong room = payload - position;
            start = head;
            if (position == 0 || (!eager && total <= room))
            {
                return position;
            }

            // The unmarked lap: nothing is in flight, so the whole payload is ours. The server tells it from an ordinary advance by the
            // distance, which must therefore exceed the payload.
            start += room + total <= payload ? room + payload : room;
            return 0;
        }

        /// <summary>What both blocks say: what is neither in flight nor waste. The open claim is nobody's business but ours.</summary>
        private ulong FreeBesidesClaim()
        {
            return memory.Size - claimed + (open ? next.Total + next.Waste : 0);
        }

        private bool ReleaseAbandoned()
        {
            bool any = false;
            for (int i = 0; i < frames.Count; i++)
            {
                ClientFrame f = frames[i];
                if (f.Abandoned && !f.Released && f.Answered)
                {
                    Release(f);
                    any = true;
                }
            }

            return any;
        }

        /// <summary>Whether the frame's bytes may be used again. Only one-way and cancelled frames are believed by their state.</summary>
        private static bool IsOver(ClientFrame f)
        {
            if (f.Released)
            {
                return true;
            }

            if (!f.OneWay && !f.Cancelled)
            {
                return false;
            }

            if (f.Taken)
            {
                return false; // a waiter still looks at the header of the cancelled frame, and has yet to find out
            }

            // Pairs with the server's release store: nothing of the frame is touched after it.
            var state = (FrameState)Volatile.Read(ref f.Header->State);
            switch (state)
            {
                case FrameState.Consumed:
                    return true;
                case FrameState.Request:
                case FrameState.Processing:
                case FrameState.Cancelled:
                    return false;
                default:
                    throw new RingCorruptedException("one-way or cancelled frame " + f.Sequence + " is " + state);
            }
        }

        /// <summary>Where the open acquisition will go.</summary>
        private struct Claim
        {
            internal ulong Start; // cumulative offset of the header
            internal ulong Position; // of the header
            internal ulong Total;
            internal ulong Waste; // bytes before it that it brings along, claimed
            internal ulong Capacity;
            internal bool Marker; // a WRAP header goes at the old head
        }
    }
}
