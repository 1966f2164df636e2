// stream-reader creates a ZeroBuffer v1 buffer and reads the frames that a stream-writer in any language writes into it.
//
//     stream-reader --name N --frames F [--size A | --size A-B | --sizes a,b,c] [--seed S] [--payload-size B] [--metadata-size B]
//                   [--hold K] [--verify] [--json]
//
// It prints "ready" when a writer can attach. With --hold it keeps the last K frames and releases them newest first.
using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;

namespace ZeroDuplex.Programs
{
    internal sealed class StreamReader
    {
        private readonly Reader reader;
        private readonly FrameSizes sizes; // null when they are not known
        private readonly bool verify;
        private readonly Stack<ReceivedFrame> held = new Stack<ReceivedFrame>();
        private long bytes;
        private long mismatches;

        private StreamReader(Reader reader, FrameSizes sizes, bool verify)
        {
            this.reader = reader;
            this.sizes = sizes;
            this.verify = verify;
        }

        private static int Main(string[] args)
        {
            return Program.Run("stream-reader", () =>
            {
                var flags = new Arguments(
                    args, new[] { "--name", "--frames", "--size", "--sizes", "--seed", "--payload-size", "--metadata-size", "--hold" }, "--verify", "--json");
                string name = flags.Required("--name");
                long frames = flags.Long("--frames", 1, 1);
                int hold = flags.Int("--hold", 1, 1);
                bool sized = flags.Text("--size", null) != null || flags.Text("--sizes", null) != null;
                var config = new BufferConfig(
                    flags.Long("--metadata-size", BufferConfig.DefaultV1.MetadataSize, 0), flags.Long("--payload-size", BufferConfig.DefaultV1.PayloadSize, 0));
                using (var reader = new Reader(name, config))
                {
                    Program.Say("ready");
                    var run = new StreamReader(reader, sized ? new FrameSizes(flags) : null, flags.Switch("--verify"));
                    Stopwatch watch = Stopwatch.StartNew();
                    run.ReadAll(frames, hold);
                    run.Report(frames, watch.Elapsed, flags.Switch("--json"));
                    if (run.mismatches > 0)
                    {
                        throw new InvalidDataException(run.mismatches + " frames are not what they should be");
                    }
                }
            });
        }

        private void ReadAll(long frames, int hold)
        {
            for (long i = 1; i <= frames; i++)
            {
                ReceivedFrame frame = reader.ReadFrame();
                bytes += frame.Size;
                bool expected = frame.Sequence == (ulong)i && (sizes == null || frame.Size == sizes.Next());
                mismatches += expected ? 0 : 1;
                held.Push(frame);
                if (held.Count == hold)
                {
                    ReleaseAll();
                }
            }

            ReleaseAll();
        }

        /// <summary>What was held must not have changed meanwhile.</summary>
        private void ReleaseAll()
        {
            while (held.Count > 0)
            {
                using (ReceivedFrame frame = held.Pop())
                {
                    mismatches += !verify || FrameBytes.Match(frame.Data, frame.Sequence) ? 0 : 1;
                }
            }
        }

        private void Report(long frames, TimeSpan took, bool json)
        {
            string seconds = took.TotalSeconds.ToString("F6", CultureInfo.InvariantCulture);
            byte[] metadata = reader.Metadata();
            BufferCounters counters = reader.Counters;
            Program.Say(json
                ? "{\"role\":\"reader\",\"frames\":" + frames + ",\"bytes\":" + bytes + ",\"seconds\":" + seconds + ",\"mismatches\":" + mismatches
                    + ",\"payload_size\":" + counters.PayloadSize + ",\"payload_free_bytes\":" + counters.FreeBytes + ",\"written_count\":"
                    + counters.WrittenCount + ",\"read_count\":" + counters.ReadCount + ",\"metadata_bytes\":" + (metadata == null ? 0 : metadata.Length) + "}"
                : frames + " frames, " + bytes + " bytes in " + seconds + " s, " + mismatches + " mismatches");
        }
    }
}
