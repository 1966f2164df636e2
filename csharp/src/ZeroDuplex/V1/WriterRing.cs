using System;
using System.Threading;
using ZeroDuplex.Ring;

namespace ZeroDuplex.V1
{
    internal enum Placement
    {
        Placed,
        NoRoom, // until the reader releases something
        TooLarge, // for ever
        LeavesTail, // for ever: even at position 0 it would leave a tail too short for a header
        Unplaceable, // at the present position, however empty the buffer is
    }

    /// <summary>
    /// The writer's end of a v1 buffer. Nothing but the bytes of an open placement changes in shared memory before <see cref="Publish"/>.
    /// Called with the writer's lock held.
    /// <para>A tail of 1 to 15 bytes is never left: published readers misread it. So the ring wraps early where one would remain.</para>
    /// </summary>
    internal sealed unsafe class WriterRing
    {
        private readonly BufferMemory memory;
        private ulong position;
        private ulong written; // frames and markers, by all writers of the buffer
        private ulong last; // sequence number of the last frame
        private Claim open;

        /// <summary>Goes on where the writer before has stopped.</summary>
        internal WriterRing(BufferMemory memory)
        {
            this.memory = memory;
            position = Volatile.Read(ref memory.Oieb->PayloadWritePos);
            written = Volatile.Read(ref memory.Oieb->PayloadWrittenCount);
            CheckFree(Volatile.Read(ref *memory.FreeBytes));
            if (position > memory.Size)
            {
                throw new RingCorruptedException("payload_write_pos " + position + " in a payload of " + memory.Size);
            }

            if (position == memory.Size)
            {
                position = 0; // what some writers store after an exact fit
            }
        }

        /// <summary>Where the next frame goes, unless it wraps.</summary>
        internal ulong Position
        {
            get { return position; }
        }

        /// <summary>Looks for room for a frame of so many bytes, 1 up to the limit. It takes the place of an open placement.</summary>
        internal Placement Place(ulong length, out byte* data)
        {
            data = null;
            Claim claim;
            Placement found = Find(length, out claim);
            if (found != Placement.Placed)
            {
                return found;
            }

            // Pairs with the reader's additions in ReaderRing.Credit: what they cover is the reader's no more.
            if (claim.Total + claim.Waste > CheckFree(Volatile.Read(ref *memory.FreeBytes)))
            {
                return Placement.NoRoom;
            }

            open = claim;
            data = memory.Payload + claim.Start + BufferMemory.HeaderSize;
            return Placement.Placed;
        }

        /// <summary>The largest frame of at most so many bytes that can be placed at the present position; 0 when none can.</summary>
        internal ulong LargestPlaceable(ulong length)
        {
            Claim claim;
            ulong room = memory.Size - position;
            ulong best = 0;

            // Just so, up to the end, with room for a marker behind it, and at the start.
            foreach (ulong total in new[] { length + BufferMemory.HeaderSize, room, Less(room), position, Less(memory.Size) })
            {
                ulong size = Less(total);
                if (size > best && size <= length && Find(size, out claim) == Placement.Placed)
                {
                    best = size;
                }
            }

            return best;
        }

        /// <summary>
        /// Makes the open placement the next frame and returns its sequence number. The order is the protocol's: the position, the free bytes,
        /// the count; the caller fences and posts.
        /// </summary>
        internal ulong Publish()
        {
            Claim claim = open;
            OiebV1* oieb = memory.Oieb;
            if (claim.Marker)
            {
                memory.WriteHeader(position, 0, 0);
                written++;
            }

            last++;
            memory.WriteHeader(claim.Start, claim.Total - BufferMemory.HeaderSize, last);
            position = (claim.Start + claim.Total) % memory.Size;
            Volatile.Write(ref oieb->PayloadWritePos, position);

            // Marker, waste and frame at once: a writer that dies in between must not have claimed what it did not announce.
            Interlocked.Add(ref *memory.FreeBytes, -(long)(claim.Total + claim.Waste));
            written++;

            // Pairs with the reader's acquire load in ReaderRing.TryRead: whoever sees the count sees marker, header and data.
            Volatile.Write(ref oieb->PayloadWrittenCount, written);
            return last;
        }

        /// <summary>What is left without a header.</summary>
        private static ulong Less(ulong bytes)
        {
            return bytes - Math.Min(bytes, BufferMemory.HeaderSize);
        }

        private ulong CheckFree(long free)
        {
            if (free < 0 || (ulong)free > memory.Size)
            {
                throw new RingCorruptedException("payload_free_bytes " + (ulong)free + " in a payload of " + memory.Size);
            }

            return (ulong)free;
        }

        private Placement Find(ulong length, out Claim claim)
        {
            ulong total = BufferMemory.HeaderSize + length;
            ulong room = memory.Size - position;
            claim = new Claim { Start = position, Total = total };
            if (total > memory.Size)
            {
                return Placement.TooLarge;
            }

            if (!Fits(total, memory.Size))
            {
                return Placement.LeavesTail;
            }

            if (Fits(total, room))
            {
                return Placement.Placed;
            }

            // At the start, it must end before what it leaves behind begins: even an empty buffer has no more room than that.
            if (total > position)
            {
                return Placement.Unplaceable;
            }

            claim.Start = 0;
            claim.Waste = room;

            // A tail that another writer left too short for a marker is skipped by readers without one.
            claim.Marker = room >= BufferMemory.HeaderSize;
            return Placement.Placed;
        }

        /// <summary>Whether a frame fits into some room and leaves nothing behind it or enough for a header.</summary>
        private static bool Fits(ulong total, ulong room)
        {
            return total == room || (total < room && room - total >= BufferMemory.HeaderSize);
        }

        /// <summary>Where a frame goes.</summary>
        private struct Claim
        {
            internal ulong Start; // position of the header
            internal ulong Total;
            internal ulong Waste; // bytes up to the end that it leaves behind
            internal bool Marker; // and says so there
        }
    }
}
