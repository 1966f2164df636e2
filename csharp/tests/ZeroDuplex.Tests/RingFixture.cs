using System;
using System.Runtime.InteropServices;
using System.Threading;
using ZeroDuplex.Ring;

namespace ZeroDuplex.Tests
{
    /// <summary>Both ends of a ring over native memory, without processes, semaphores or threads.</summary>
    internal sealed unsafe class RingFixture : IDisposable
    {
        internal readonly RingMemory Memory;
        internal readonly ClientRing Client;
        internal readonly ServerRing Server;

        private readonly IntPtr allocated;

        internal RingFixture(ulong payload, bool eager)
        {
            int size = (int)payload + 256;
            allocated = Marshal.AllocHGlobal(size + 64);
            var start = (byte*)((allocated.ToInt64() + 63) & ~63L);
            new Span<byte>(start, size).Fill(0xEE); // what is not written must not matter
            new Span<byte>(start, 256).Clear();
            Memory = new RingMemory((OiebV2*)start, (OiebV2*)(start + Wire.OiebV2Size), start + 256, payload);
            Client = new ClientRing(Memory, eager, null);
            Server = new ServerRing(Memory);
            Server.Reset();
        }

        public void Dispose()
        {
            Marshal.FreeHGlobal(allocated);
        }

        /// <summary>All of the memory, as it is now.</summary>
        internal byte[] Image()
        {
            var start = (byte*)Memory.Request;
            return new Span<byte>(start, (int)(Memory.Payload - start) + (int)Memory.Size).ToArray();
        }

        /// <summary>Sends a frame whose bytes follow from its number, null when there is no room.</summary>
        internal ClientFrame TrySend(int size, int capacity = 0, bool oneWay = false)
        {
            byte* data;
            if (Client.Reserve((ulong)size, (ulong)capacity, out data) != ReserveResult.Reserved)
            {
                return null;
            }

            ClientFrame f = Client.Publish((ulong)size, 0, oneWay);
            new Span<byte>(data, size).Fill((byte)f.Sequence);
            return f;
        }

        internal ClientFrame Send(int size, int capacity = 0, bool oneWay = false)
        {
            ClientFrame f = TrySend(size, capacity, oneWay);
            if (f == null)
            {
                throw new InvalidOperationException("no room for " + size + " bytes");
            }

            return f;
        }

        /// <summary>Takes the next frame and checks its bytes.</summary>
        internal ServedFrame Take()
        {
            ServedFrame f;
            while (true)
            {
                if (!Server.TryNext(out f))
                {
                    throw new InvalidOperationException("nothing published");
                }

                if (f.Cancelled)
                {
                    Server.Skip(ref f);
                }
                else if (Server.Take(ref f))
                {
                    break;
                }
            }

            Check(new Span<byte>(f.Data, (int)f.Size), (byte)f.Sequence);
            return f;
        }

        /// <summary>Answers with the complement of the frame's number.</summary>
        internal void Answer(ServedFrame f)
        {
            if (f.OneWay)
            {
                f.Finish();
                return;
            }

            new Span<byte>(f.Data, (int)f.Size).Fill((byte)~f.Sequence);
            f.Answer(f.Size, 0, false);
            Server.Count(f.Size);
        }

        /// <summary>Reads, checks and releases an answered frame.</summary>
        internal void Consume(ClientFrame f)
        {
            Answer answer = Client.Read(f);
            Check(new Span<byte>(answer.Data, answer.Size), (byte)~f.Sequence);
            Client.Release(f);
            Client.Reclaim();
        }

        /// <summary>A whole round trip.</summary>
        internal void RoundTrip(int size, int capacity = 0)
        {
            ClientFrame f = Send(size, capacity);
            Answer(Take());
            Consume(f);
        }

        private static void Check(Span<byte> data, byte value)
        {
            for (int i = 0; i < data.Length; i++)
            {
                if (data[i] != value)
                {
                    throw new InvalidOperationException("byte " + i + " is " + data[i] + ", expected " + value);
                }
            }
        }
    }
}
