using System;
using System.Runtime.InteropServices;

namespace ZeroDuplex.Tests
{
    /// <summary>Counts page faults. The tests and their helper program share it.</summary>
    internal static unsafe class PageFaults
    {
        internal const int Pages = 2048;

        /// <summary>Far below the pages tested; whatever else the thread does may have some.</summary>
        internal const int Few = Pages / 10;

        private const int ThisThread = 1; // RUSAGE_THREAD
        private const int MinorFaults = 8; // ru_minflt, in words

        /// <summary>The faults of writing to every page of memory, which nobody has done before.</summary>
        internal static int OfWriting(IntPtr address, long size)
        {
            byte* none = stackalloc byte[1];
            Write(none, 1);
            return Count(() => Write((byte*)address, size));
        }

        /// <summary>The faults of the client's first lap, which writes to every page of the ring.</summary>
        internal static int OfLap(IDuplexClient client, int payload)
        {
            // What a first request has compiled takes no page of the ring but the first.
            client.Call(new byte[1]).Dispose();
            return Count(() =>
            {
                for (int i = 0; i < 4; i++)
                {
                    ulong sequence;
                    using (RequestBuffer buffer = client.AcquireRequestBuffer((payload / 4) - Environment.SystemPageSize))
                    {
                        Span<byte> data = buffer.Data;
                        for (int at = 0; at < data.Length; at += Environment.SystemPageSize)
                        {
                            data[at] = 1;
                        }

                        sequence = buffer.Commit();
                    }

                    client.ReceiveResponse(sequence, TimeSpan.FromSeconds(60)).Dispose();
                }
            });
        }

        private static void Write(byte* to, long size)
        {
            for (long at = 0; at < size; at += Environment.SystemPageSize)
            {
                to[at] = 1;
            }
        }

        private static int Count(Action work)
        {
            long* before = stackalloc long[18];
            long* after = stackalloc long[18];
            Usage(ThisThread, before);
            work();
            Usage(ThisThread, after);
            return (int)(after[MinorFaults] - before[MinorFaults]);
        }

        [DllImport("libc", EntryPoint = "getrusage")]
        private static extern int Usage(int who, long* usage);
    }
}
