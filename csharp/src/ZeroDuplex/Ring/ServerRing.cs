using System;
using System.Runtime.CompilerServices;
using System.Threading;

namespace ZeroDuplex.Ring
{
    /// <summary>A frame under the server's cursor, its header read once and checked.</summary>
    internal unsafe struct ServedFrame
    {
        internal ulong Sequence;
        internal ulong Size;
        internal ulong Capacity;
        internal uint Opcode;
        internal bool OneWay;
        internal bool Cancelled; // the client took it back; it is to be skipped
        internal byte* Data;
        internal FrameHeaderV2* Header;

        /// <summary>
        /// Whether nobody will read the answer. The frame may have been reused by then: the worst that a wrong yes does is one post too many.
        /// </summary>
        internal bool Abandoned
        {
            // Behind the fence that follows Answer; pairs with ClientRing.Abandon.
            get { return (Volatile.Read(ref Header->Flags) & (uint)FrameFlags.Abandoned) != 0; }
        }

        /// <summary>
        /// Publishes the response of a taken frame. The client may read, release and reuse it from the store of the state on, so the
        /// counters follow it: they are no part of the critical path.
        /// </summary>
        internal void Answer(ulong size, int status, bool failed)
        {
            Header->PayloadSize = size;
            Header->Status = status;

            // Pairs with the client's acquire load in ClientFrame.Answered.
            Volatile.Write(ref Header->State, (int)(failed ? FrameState.Failed : FrameState.Response));
        }

        /// <summary>Ends a one-way or cancelled frame; nothing of it is touched afterwards.</summary>
        internal void Finish()
        {
            // Pairs with the client's acquire load in ClientRing.IsOver.
            Volatile.Write(ref Header->State, (int)FrameState.Consumed);
        }
    }

    /// <summary>The server's end: a cursor over what the client published. Nothing it reads is trusted. Called with the server's lock held, except as noted.</summary>
    internal sealed unsafe class ServerRing
    {
        private readonly RingMemory memory;
        private ulong cursor; // cumulative
        private ulong position; // cursor modulo the payload's size
        private ulong passed; // frames passed; the next one has sequence passed + 1
        private ulong seen; // highest written_count seen
        private ulong responses; // response written_count
        private ulong responseBytes; // response written_bytes

        /// <summary>Starts where a reset leaves the ring.</summary>
        internal ServerRing(RingMemory memory)
        {
            this.memory = memory;
        }

        /// <summary>Number of frames that the cursor has passed.</summary>
        internal ulong Passed
        {
            get { return passed; }
        }

        /// <summary>Whether the client has consumed every response.</summary>
        internal bool Drained
        {
            // Pairs with the client's store in ClientRing.Release.
            get { return Volatile.Read(ref memory.Response->PayloadReadCount) == responses; }
        }

        /// <summary>Whether a frame waits, by one load. It may be called without the lock.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        internal bool Published(ulong alreadyPassed)
        {
            // Pairs with the client's store at the end of ClientRing.Publish.
            return Volatile.Read(ref memory.Request->PayloadWrittenCount) != alreadyPassed;
        }

        /// <summary>Looks at the frame under the cursor without moving it. False: nothing is published.</summary>
        internal bool TryNext(out ServedFrame frame)
        {
            // The count first, the bytes behind it: they cover at least the frames counted. Pairs with ClientRing.Publish.
            ulong count = Volatile.Read(ref memory.Request->PayloadWrittenCount);
            if (count == passed && count >= seen)
            {
                frame = default(ServedFrame);
                return false;
            }

            ulong written = Volatile.Read(ref memory.Request->PayloadWrittenBytes);
            if (count < seen)
            {
                throw new RingCorruptedException("request written_count went back from " + seen + " to " + count);
            }

            seen = count;
            ulong distance = unchecked(written - cursor);
            if (distance % Wire.BlockAlignment != 0 || distance >= Wire.CursorLapLimit * memory.Size)
            {
                throw new RingCorruptedException("request written_bytes " + written + " does not follow the cursor at " + cursor);
            }

            while (written - cursor > memory.Size)
            {
                ToNextLap();
            }

            Read(written, out frame);
            return true;
        }

        /// <summary>Makes the frame the server's and moves the cursor past it. False: the client cancelled it meanwhile; look again.</summary>
        internal bool Take(ref ServedFrame f)
        {
            // Pairs with the client's compare-and-swap in ClientRing.Cancel: exactly one of them wins.
            const int Request = (int)FrameState.Request;
            if (Interlocked.CompareExchange(ref f.Header->State, (int)FrameState.Processing, Request) != Request)
            {
                return false;
            }

            Pass(ref f);
            return true;
        }

        /// <summary>Ends a cancelled frame and moves past it.</summary>
        internal void Skip(ref ServedFrame f)
        {
            f.Finish();
            Pass(ref f);
        }

        /// <summary>Moves the cursor past the frame without touching it.</summary>
        internal void Pass(ref ServedFrame f)
        {
            ulong total = Wire.FrameHeaderV2Size + f.Capacity;
            cursor += total;
            position += total;
            if (position == memory.Size)
            {
                position = 0;
            }

            passed++;

            // Pairs with the client's acquire load in ClientRing.Reclaim, which frees the waste before the frame.
            Volatile.Write(ref memory.Request->PayloadReadCount, passed);
        }

        /// <summary>Adds one response of size bytes to the response block.</summary>
        internal void Count(ulong size)
        {
            responses++;
            responseBytes += size;
            Volatile.Write(ref memory.Response->PayloadWrittenBytes, responseBytes);

            // Pairs with inspectors only; the client goes by the frame's state.
            Volatile.Write(ref memory.Response->PayloadWrittenCount, responses);
        }

        /// <summary>Puts both blocks back to what an attaching client expects and the cursor to the start.</summary>
        internal void Reset()
        {
            ResetBlock(memory.Request);
            ResetBlock(memory.Response);
            cursor = position = passed = seen = responses = responseBytes = 0;
        }

        private void ResetBlock(OiebV2* block)
        {
            Volatile.Write(ref block->PayloadWrittenBytes, 0);
            Volatile.Write(ref block->PayloadWrittenCount, 0);
            Volatile.Write(ref block->PayloadReadCount, 0);
            Volatile.Write(ref block->PayloadFreeBytes, memory.Size);
        }

        private void Read(ulong written, out ServedFrame frame)
        {
            for (bool wrapped = false; ; wrapped = true)
            {
                ulong available = written - cursor;
                if (available < Wire.FrameHeaderV2Size)
                {
                    throw new RingCorruptedException("frame " + (passed + 1) + " counted but only " + available + " bytes written for it");
                }

                FrameHeaderV2* header = memory.HeaderAt(position);

                // Pairs with the client's store of the state in ClientRing.WriteHeader.
                var state = (FrameState)Volatile.Read(ref header->State);
                if (state != FrameState.Wrap)
                {
                    Check(header, state, available, out frame);
                    return;
                }

                if (wrapped || position == 0)
                {
                    throw new RingCorruptedException("wrap marker at " + position + " where none can be");
                }

                if (available <= memory.Size - position)
                {
                    throw new RingCorruptedException("wrap marker at " + position + " with no frame behind it");
                }

                ToNextLap();
            }
        }

        /// <summary>Moves the cursor to the start of the payload, the next time round.</summary>
        private void ToNextLap()
        {
            cursor += memory.Size - position;
            position = 0;
        }

        private void Check(FrameHeaderV2* header, FrameState state, ulong available, out ServedFrame f)
        {
            f.Sequence = header->SequenceNumber;
            f.Size = header->PayloadSize;
            f.Capacity = header->Capacity;
            f.Opcode = header->Opcode;
            f.OneWay = (Volatile.Read(ref header->Flags) & (uint)FrameFlags.OneWay) != 0;
            f.Cancelled = state == FrameState.Cancelled;
            f.Header = header;
            f.Data = (byte*)(header + 1);
            ulong room = Math.Min(memory.Size - position, available) - Wire.FrameHeaderV2Size;
            if (state != FrameState.Request && state != FrameState.Cancelled)
            {
                throw new RingCorruptedException("frame " + (passed + 1) + " is " + state + " when its turn comes");
            }

            if (f.Sequence != passed + 1)
            {
                throw new RingCorruptedException("frame " + (passed + 1) + " has sequence number " + f.Sequence);
            }

            if (f.Capacity % Wire.BlockAlignment != 0 || f.Capacity > room || f.Capacity > Wire.MaxFrameData)
            {
                throw new RingCorruptedException("frame " + f.Sequence + " has capacity " + f.Capacity + ", room for " + room);
            }

            if (f.Size > f.Capacity)
            {
                throw new RingCorruptedException("frame " + f.Sequence + " has " + f.Size + " bytes in a capacity of " + f.Capacity);
            }
        }
    }
}
