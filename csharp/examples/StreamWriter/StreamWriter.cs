// stream-writer writes frames into a ZeroBuffer v1 buffer, for a stream-reader in any language.
//
//     stream-writer --name N --frames F (--size A | --size A-B | --sizes a,b,c) [--seed S] [--metadata-file M] [--zero-copy]
//                   [--timeout MS] [--json]
using System;
using System.Diagnostics;
using System.Globalization;
using System.IO;

namespace ZeroDuplex.Programs
{
    internal static class StreamWriter
    {
        private static int Main(string[] args)
        {
            return Program.Run("stream-writer", () =>
            {
                var flags = new Arguments(
                    args, new[] { "--name", "--frames", "--size", "--sizes", "--seed", "--metadata-file", "--timeout" }, "--zero-copy", "--json");
                string name = flags.Required("--name");
                long frames = flags.Long("--frames", 1, 1);
                var sizes = new FrameSizes(flags);
                TimeSpan timeout = TimeSpan.FromMilliseconds(flags.Int("--timeout", 5000, 0));
                using (var writer = new Writer(name, new WriterOptions { ConnectTimeout = timeout, WriteTimeout = timeout }))
                {
                    string metadata = flags.Text("--metadata-file", null);
                    if (metadata != null)
                    {
                        writer.SetMetadata(File.ReadAllBytes(metadata));
                    }

                    bool inPlace = flags.Switch("--zero-copy");
                    long bytes = 0;
                    Stopwatch watch = Stopwatch.StartNew();
                    for (long i = 1; i <= frames; i++)
                    {
                        int size = sizes.Next();
                        bytes += size;
                        if (inPlace)
                        {
                            WriteInPlace(writer, (ulong)i, size);
                        }
                        else
                        {
                            WriteCopy(writer, (ulong)i, size);
                        }
                    }

                    Report(writer, frames, bytes, watch.Elapsed, flags.Switch("--json"));
                }
            });
        }

        private static void WriteCopy(Writer writer, ulong sequence, int size)
        {
            var frame = new byte[size];
            FrameBytes.Fill(frame, sequence);
            writer.WriteFrame(frame);
        }

        /// <summary>The bytes are made where they are read: nothing is copied.</summary>
        private static void WriteInPlace(Writer writer, ulong sequence, int size)
        {
            using (FrameBuffer buffer = writer.AcquireFrameBuffer(size))
            {
                FrameBytes.Fill(buffer.Data, sequence);
                buffer.Commit();
            }
        }

        private static void Report(Writer writer, long frames, long bytes, TimeSpan took, bool json)
        {
            string seconds = took.TotalSeconds.ToString("F6", CultureInfo.InvariantCulture);
            Program.Say(json
                ? "{\"role\":\"writer\",\"frames\":" + frames + ",\"bytes\":" + bytes + ",\"seconds\":" + seconds + ",\"written_count\":"
                    + writer.Counters.WrittenCount + "}"
                : frames + " frames, " + bytes + " bytes in " + seconds + " s");
        }
    }
}
