using System;
using System.IO;
using ZeroDuplex.Programs;

namespace ZeroDuplex.Peers
{
    /// <summary>How much of a frame both sides touch.</summary>
    internal enum Touch
    {
        None, // the frame number only, which the client finds again
        Fill, // client fills all, server inverts the first 8 bytes, client reads these and the last one
        Page, // client fills all, server inverts and client reads one byte per page
        All, // client fills all, server inverts and client reads all
    }

    /// <summary>Raw limits to measure between the blocks.</summary>
    [Flags]
    internal enum BenchLimits
    {
        None = 0,
        Line = 1, // a cache line bounced
        Semaphore = 2, // two semaphores posted in turn
    }

    /// <summary>What client and server of a measurement are told alike.</summary>
    internal sealed class BenchOptions
    {
        internal static readonly string[] Flags = { "--name", "--size", "--inflight", "--wait", "--cpu", "--limit-object", "--touch" };

        internal BenchOptions(Arguments flags)
        {
            Name = flags.Required("--name");
            Size = flags.Int("--size", 64, 0);
            InFlight = flags.Int("--inflight", 1, 1);
            Wait = flags.Wait();
            Cpu = flags.Int("--cpu", -1, -1);
            LimitObject = flags.Required("--limit-object");
            string touch = flags.Text("--touch", "none");
            switch (touch)
            {
                case "none": Touch = Touch.None; break;
                case "fill": Touch = Touch.Fill; break;
                case "page": Touch = Touch.Page; break;
                case "all": Touch = Touch.All; break;
                default: throw new UsageException("--touch " + touch + " is not one of none, fill, page, all");
            }
        }

        internal static BenchLimits ParseLimits(string list)
        {
            switch (list)
            {
                case "none": return BenchLimits.None;
                case "line": return BenchLimits.Line;
                case "semaphore": return BenchLimits.Semaphore;
                case "line,semaphore": return BenchLimits.Line | BenchLimits.Semaphore;
                default: throw new UsageException("--limits: " + list + " is neither line nor semaphore");
            }
        }

        internal string Name { get; }

        internal int Size { get; }

        internal int InFlight { get; }

        internal WaitStrategy Wait { get; }

        internal int Cpu { get; }

        internal string LimitObject { get; }

        internal Touch Touch { get; }

        /// <summary>Room for the frames in flight and one more.</summary>
        internal BufferConfig Room
        {
            get { return new BufferConfig(0, (InFlight + 1L) * (64 + ((Size + 63L) / 64 * 64))); }
        }
    }

    /// <summary>The work on a frame. Words are eight bytes at once; a frame's data stands on a boundary of them.</summary>
    internal static unsafe class BenchWork
    {
        private const int PageSize = 4096;
        private const int AnswerSize = 8;
        private const ulong Ones = 0x0101010101010101;

        /// <summary>The client's: writes frame n.</summary>
        internal static void Fill(Span<byte> data, ulong n, Touch touch)
        {
            if (touch == Touch.None)
            {
                if (data.Length >= 8)
                {
                    System.Buffers.Binary.BinaryPrimitives.WriteUInt64LittleEndian(data, n);
                }

                return;
            }

            data.Fill((byte)n);
        }

        /// <summary>The server's.</summary>
        internal static void Invert(Span<byte> data, Touch touch)
        {
            fixed (byte* p = data)
            {
                switch (touch)
                {
                    case Touch.Fill: InvertAll(p, Math.Min(AnswerSize, data.Length)); break;
                    case Touch.All: InvertAll(p, data.Length); break;
                    case Touch.Page:
                        for (int i = 0; i < data.Length; i += PageSize)
                        {
                            p[i] ^= 0xFF; // the same as 255 - x
                        }

                        break;
                }
            }
        }

        /// <summary>The client's: reads what the server changed of frame n, and so much more that an exchange that lost something cannot pass.</summary>
        internal static void Check(Span<byte> data, ulong n, Touch touch, int size)
        {
            if (data.Length != size)
            {
                throw new InvalidDataException("frame " + n + " came back with " + data.Length + " bytes instead of " + size);
            }

            if (touch == Touch.None)
            {
                if (size >= 8 && System.Buffers.Binary.BinaryPrimitives.ReadUInt64LittleEndian(data) != n)
                {
                    throw new InvalidDataException("frame " + n + " came back with another number");
                }

                return;
            }

            fixed (byte* p = data)
            {
                var want = (byte)~(byte)n;
                if (touch == Touch.Fill)
                {
                    if (size > AnswerSize && p[size - 1] != (byte)n)
                    {
                        throw Wrong(size - 1, n, p[size - 1]);
                    }

                    CheckBytes(p, Math.Min(AnswerSize, size), 1, n, want);
                }
                else if (touch == Touch.Page || Different(p, size, want))
                {
                    CheckBytes(p, size, touch == Touch.Page ? PageSize : 1, n, want);
                }
            }
        }

        private static void InvertAll(byte* p, int size)
        {
            int words = size / 8;
            var w = (ulong*)p;
            int i = 0;
            for (; i <= words - 4; i += 4)
            {
                w[i] = ~w[i];
                w[i + 1] = ~w[i + 1];
                w[i + 2] = ~w[i + 2];
                w[i + 3] = ~w[i + 3];
            }

            for (i *= 8; i < size; i++)
            {
                p[i] ^= 0xFF;
            }
        }

        private static bool Different(byte* p, int size, byte want)
        {
            ulong word = want * Ones;
            ulong different = 0;
            int words = size / 8;
            var w = (ulong*)p;
            int i = 0;
            for (; i <= words - 4; i += 4)
            {
                different |= (w[i] ^ word) | (w[i + 1] ^ word) | (w[i + 2] ^ word) | (w[i + 3] ^ word);
            }

            for (i *= 8; i < size; i++)
            {
                different |= (ulong)(p[i] ^ want);
            }

            return different != 0;
        }

        private static void CheckBytes(byte* p, int size, int step, ulong n, byte want)
        {
            for (int i = 0; i < size; i += step)
            {
                if (p[i] != want)
                {
                    throw Wrong(i, n, p[i]);
                }
            }
        }

        private static InvalidDataException Wrong(int i, ulong n, byte found)
        {
            return new InvalidDataException("byte " + i + " of frame " + n + " is " + found + ", which it should not be");
        }
    }
}
