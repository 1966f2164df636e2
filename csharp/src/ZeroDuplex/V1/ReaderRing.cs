using System;
using System.Collections.Generic;
using System.Threading;
using ZeroDuplex.Ring;

namespace ZeroDuplex.V1
{
    /// <summary>
    /// The reader's end of a v1 buffer. Nothing it reads is trusted: a frame is checked before anything of its reading shows in shared memory.
    /// Called with the reader's lock held.
    /// </summary>
    internal sealed class ReaderRing
    {
        private readonly BufferMemory memory;
        private readonly ILender lender;
        private readonly LinkedList<FrameLoan> held = new LinkedList<FrameLoan>(); // read and not credited, oldest first
        private readonly Stack<LinkedListNode<FrameLoan>> spare = new Stack<LinkedListNode<FrameLoan>>();
        private ulong position;
        private ulong count; // frames and markers read
        private ulong expected = Wire.FirstSequence;

        /// <summary>Starts at the front of a new buffer. The lender takes back the frames.</summary>
        internal ReaderRing(BufferMemory memory, ILender lender)
        {
            this.memory = memory;
            this.lender = lender;
        }

        /// <summary>What is done before a writer's first frame is read, while nothing of its reading shows; null for nothing.</summary>
        internal Action BeforeFirst { get; set; }

        /// <summary>Reads the frame that a token announced, null when nothing is published: the token was nobody's.</summary>
        internal FrameLoan TryRead()
        {
            return HasMore ? Read(Find()) : null;
        }

        /// <summary>
        /// Reads the frame that a writer published just before it died, without its token. Null when there is none; what else stands there may
        /// be anything.
        /// </summary>
        internal FrameLoan TryRecover()
        {
            try
            {
                Found found = HasMore ? Find() : default(Found);
                return found.Size > 0 && found.Sequence == expected ? Read(found) : null;
            }
            catch (RingCorruptedException)
            {
                return null;
            }
        }

        /// <summary>
        /// Takes a frame back. Space is given to the writer in the order in which frames were read, so that nothing is written over what is
        /// still held. Returns how many frames that freed.
        /// </summary>
        internal unsafe int Release(FrameLoan frame)
        {
            frame.Released = true;
            frame.NextGeneration();
            ulong bytes = 0;
            int frames = 0;
            while (held.Count > 0 && held.First.Value.Released)
            {
                LinkedListNode<FrameLoan> first = held.First;
                held.RemoveFirst();
                spare.Push(first);
                bytes += first.Value.Claimed;
                frames++;
            }

            Credit(bytes);
            return frames;
        }

        private unsafe bool HasMore
        {
            // Pairs with the writer's store at the end of WriterRing.Publish.
            get { return Volatile.Read(ref memory.Oieb->PayloadWrittenCount) != count; }
        }

        /// <summary>Finds the next frame and checks it, without changing anything.</summary>
        private Found Find()
        {
            if (memory.Size <= BufferMemory.HeaderSize)
            {
                throw new RingCorruptedException("a frame is announced in a payload of " + memory.Size + " bytes");
            }

            var found = new Found { Start = position };
            ulong room = memory.Size - position;
            if (room < BufferMemory.HeaderSize)
            {
                // Too short for a marker: writers skip it, some count that and some do not; we never do.
                found.Waste = room;
                found.Start = 0;
            }

            FrameHeaderV1 header = memory.ReadHeader(found.Start);
            if (IsMarker(header) && found.Start != 0)
            {
                found.Marker = true;
                found.Waste = room;
                found.Start = 0;
                header = memory.ReadHeader(0);
            }

            if (IsMarker(header))
            {
                throw new RingCorruptedException(
                    found.Marker ? "two wrap markers in a row, at " + position + " and 0" : "wrap marker at 0 where none can be");
            }

            ulong most = memory.Size - found.Start - BufferMemory.HeaderSize;
            if (header.PayloadSize == 0 || header.PayloadSize > most || header.PayloadSize > Wire.MaxFrameData)
            {
                throw new RingCorruptedException(
                    "the header at " + found.Start + " says " + header.PayloadSize + " bytes and sequence number " + header.SequenceNumber + ", room for " + most);
            }

            found.Size = header.PayloadSize;
            found.Sequence = header.SequenceNumber;
            return found;
        }

        private unsafe FrameLoan Read(Found found)
        {
            // A writer starts at 1. Whether there is a new one cannot be told by its process id: one process may close a writer and make the
            // next one between two looks. So the number alone says it, and a frame that goes on from no known number is refused.
            if (found.Sequence != expected && found.Sequence != Wire.FirstSequence)
            {
                throw new RingSequenceException(expected, found.Sequence);
            }

            if (found.Sequence == Wire.FirstSequence && BeforeFirst != null)
            {
                BeforeFirst();
            }

            expected = found.Sequence + 1;
            Skip(found.Waste);
            LinkedListNode<FrameLoan> node = spare.Count > 0 ? spare.Pop() : new LinkedListNode<FrameLoan>(new FrameLoan(lender));
            FrameLoan frame = node.Value;
            frame.Sequence = found.Sequence;
            frame.Data = memory.Payload + found.Start + BufferMemory.HeaderSize;
            frame.Size = (int)found.Size;
            frame.Claimed = BufferMemory.HeaderSize + found.Size;
            frame.Released = false;
            held.AddLast(node);

            position = (found.Start + frame.Claimed) % memory.Size;
            count += found.Marker ? 2UL : 1UL;
            Volatile.Write(ref memory.Oieb->PayloadReadPos, position);

            // Pairs with the attaching duplex client, which waits until everything was read.
            Volatile.Write(ref memory.Oieb->PayloadReadCount, count);
            return frame;
        }

        /// <summary>
        /// Gives the tail that a wrap skipped back, with the frame before it when that is still held: earlier the writer would take the bytes
        /// for room next to its position, and write over the held frame.
        /// </summary>
        private void Skip(ulong waste)
        {
            if (held.Count > 0)
            {
                held.Last.Value.Claimed += waste;
            }
            else
            {
                Credit(waste);
            }
        }

        private unsafe void Credit(ulong bytes)
        {
            if (bytes == 0)
            {
                return;
            }

            // Pairs with the writer's load in WriterRing.Place: from here on the bytes are the writer's.
            var free = (ulong)Interlocked.Add(ref *memory.FreeBytes, (long)bytes);
            if (free > memory.Size)
            {
                throw new RingCorruptedException("payload_free_bytes " + free + " in a payload of " + memory.Size + " after a release of " + bytes);
            }
        }

        private static bool IsMarker(FrameHeaderV1 header)
        {
            return header.PayloadSize == 0 && header.SequenceNumber == 0;
        }

        /// <summary>Where the next frame is.</summary>
        private struct Found
        {
            internal ulong Start; // position of its header
            internal ulong Size; // of its data, 0 for no frame
            internal ulong Sequence;
            internal ulong Waste; // bytes skipped before it
            internal bool Marker; // a marker said so
        }
    }
}
