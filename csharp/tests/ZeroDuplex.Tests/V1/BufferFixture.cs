using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using System.Threading;
using ZeroDuplex.V1;

namespace ZeroDuplex.Tests
{
    /// <summary>Both ends of a v1 ring over native memory, without processes, semaphores or threads.</summary>
    internal sealed unsafe class BufferFixture : IDisposable
    {
        internal readonly BufferMemory Memory;
        internal readonly ReaderRing Reader;

        private readonly IntPtr allocated;

        internal BufferFixture(ulong payload)
        {
            int size = (int)payload + Wire.OiebV1Size;
            allocated = Marshal.AllocHGlobal(size + 64);
            var start = (byte*)((allocated.ToInt64() + 63) & ~63L);
            new Span<byte>(start, size).Fill(0xEE); // what is not written must not matter
            new Span<byte>(start, Wire.OiebV1Size).Clear();
            Memory = new BufferMemory((OiebV1*)start, start + Wire.OiebV1Size, payload);
            Memory.Oieb->PayloadFreeBytes = payload;
            Reader = new ReaderRing(Memory, null);
            Writer = new WriterRing(Memory);
        }

        internal WriterRing Writer { get; set; }

        internal OiebV1* Oieb
        {
            get { return Memory.Oieb; }
        }

        /// <summary>The words of the block that move: free bytes, write position, read position, written count, read count.</summary>
        internal ulong[] State
        {
            get
            {
                return new[]
                {
                    Oieb->PayloadFreeBytes, Oieb->PayloadWritePos, Oieb->PayloadReadPos, Oieb->PayloadWrittenCount, Oieb->PayloadReadCount,
                };
            }
        }

        public void Dispose()
        {
            Marshal.FreeHGlobal(allocated);
        }

        /// <summary>Places a frame and fills it with the low byte of its number to be. Nothing is published.</summary>
        internal Placement Place(int size)
        {
            byte* data;
            Placement found = Writer.Place((ulong)size, out data);
            if (found == Placement.Placed)
            {
                new Span<byte>(data, size).Fill((byte)size);
            }

            return found;
        }

        /// <summary>Writes a frame whose bytes follow from its size. Returns its number.</summary>
        internal ulong Write(int size)
        {
            Placement found = Place(size);
            if (found != Placement.Placed)
            {
                throw new InvalidOperationException("a frame of " + size + " bytes is " + found);
            }

            return Writer.Publish();
        }

        /// <summary>Reads the next frame and checks its bytes.</summary>
        internal FrameLoan Read()
        {
            FrameLoan frame = Reader.TryRead();
            if (frame == null)
            {
                throw new InvalidOperationException("nothing is published");
            }

            Check(frame);
            return frame;
        }

        /// <summary>A whole passage.</summary>
        internal void Pass(int size)
        {
            Write(size);
            Reader.Release(Read());
        }

        /// <summary>Moves both ends to a position, with the buffer empty.</summary>
        internal void MoveTo(int position)
        {
            Pass(position - 16);
            if (Oieb->PayloadWritePos != (ulong)position || Oieb->PayloadFreeBytes != Memory.Size)
            {
                throw new InvalidOperationException("the position is " + Oieb->PayloadWritePos);
            }
        }

        /// <summary>Stores a frame as some other writer might: a header at the write position, and the counts.</summary>
        internal void Forge(ulong size, ulong sequence)
        {
            Memory.WriteHeader(Oieb->PayloadWritePos, size, sequence);
            Oieb->PayloadWrittenCount++;
        }

        internal static void Check(FrameLoan frame)
        {
            for (int i = 0; i < frame.Size; i++)
            {
                if (frame.Data[i] != (byte)frame.Size)
                {
                    throw new InvalidOperationException("byte " + i + " of frame " + frame.Sequence + " is " + frame.Data[i]);
                }
            }
        }
    }
}
