using System;
using System.IO;
using ZeroDuplex.Programs;

namespace ZeroDuplex.Peers
{
    /// <summary>How much of a frame both sides touch.</summary>
    internal enum Touch
    {
        None, // the frame number only
        Page, // client fills all, server inverts and client reads one byte per page
        All, // client fills all, server inverts and client reads all
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
                case "page": Touch = Touch.Page; break;
                case "all": Touch = Touch.All; break;
                default: throw new UsageException("--touch " + touch + " is not one of none, page, all");
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

    /// <summary>The work on a frame.</summary>
    internal static class BenchWork
    {
        private const int PageSize = 4096;

        /// <summary>The client's: writes frame n.</summary>
        internal static void Fill(Span<byte> data, ulong n, Touch touch)
        {
            if (touch != Touch.None)
            {
                data.Fill((byte)n);
            }
            else if (data.Length >= 8)
            {
                System.Buffers.Binary.BinaryPrimitives.WriteUInt64LittleEndian(data, n);
            }
        }

        /// <summary>The server's.</summary>
        internal static unsafe void Invert(Span<byte> data, Touch touch)
        {
            if (touch == Touch.None)
            {
                return;
            }

            int step = touch == Touch.All ? 1 : PageSize;
            fixed (byte* p = data)
            {
                for (int i = 0; i < data.Length; i += step)
                {
                    p[i] ^= 0xFF; // the same as 255 - x
                }
            }
        }

        /// <summary>The client's: reads what the server changed of frame n.</summary>
        internal static unsafe void Check(Span<byte> data, ulong n, Touch touch)
        {
            if (touch == Touch.None)
            {
                return;
            }

            int step = touch == Touch.All ? 1 : PageSize;
            var want = (byte)~(byte)n;
            fixed (byte* p = data)
            {
                for (int i = 0; i < data.Length; i += step)
                {
                    if (p[i] != want)
                    {
                        throw new InvalidDataException("byte " + i + " of frame " + n + " is " + p[i] + ", expected " + want);
                    }
                }
            }
        }
    }
}
