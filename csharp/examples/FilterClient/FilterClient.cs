// filter-client sends a raw RGBA picture to a filter-server and takes back what the server made of it.
//
//     filter-client --name N --input raw.rgba --width W --height H [--count K] [--inflight M] [--output out.rgba] [--json]
//                   [--wait spin|hybrid|block]
//
// The pixels are written straight into shared memory and the responses are read where they stand there.
using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;

namespace ZeroDuplex.Programs
{
    internal static class FilterClient
    {
        private static int Main(string[] args)
        {
            return Program.Run("filter-client", () =>
            {
                var flags = new Arguments(
                    args, new[] { "--name", "--input", "--output", "--width", "--height", "--count", "--inflight", "--wait" }, "--json");
                Geometry geometry = Geometry.Packed(flags.Int("--width", 0, 1, 1 << 24), flags.Int("--height", 0, 1));
                int count = flags.Int("--count", 1, 1);
                int inflight = flags.Int("--inflight", 1, 1);
                string name = flags.Required("--name");
                string input = flags.Required("--input");
                var options = new ClientOptions { Wait = flags.Wait() };

                byte[] picture = File.ReadAllBytes(input);
                if (picture.Length != geometry.Size)
                {
                    throw new InvalidDataException(
                        input + " has " + picture.Length + " bytes, a picture of " + geometry.Width + " x " + geometry.Height + " has " + geometry.Size);
                }

                using (IDuplexClient client = DuplexChannelFactory.Default.CreateClient(name, options))
                {
                    client.SetMetadata(geometry.ToJson());
                    var run = new Exchange(client, picture);
                    run.All(count, inflight);
                    string output = flags.Text("--output", string.Empty);
                    if (output != string.Empty)
                    {
                        File.WriteAllBytes(output, run.Last);
                    }

                    run.Report(name, flags.Switch("--json"));
                }
            });
        }

        /// <summary>One run of requests and their responses.</summary>
        private sealed unsafe class Exchange
        {
            private readonly IDuplexClient client;
            private readonly byte[] picture;
            private readonly Dictionary<ulong, Sent> pending = new Dictionary<ulong, Sent>();
            private readonly List<long> samples = new List<long>(); // nanoseconds
            private long copied;

            internal Exchange(IDuplexClient client, byte[] picture)
            {
                this.client = client;
                this.picture = picture;
            }

            internal byte[] Last { get; private set; }

            internal void All(int count, int inflight)
            {
                for (int sent = 0; samples.Count < count;)
                {
                    if (sent < count && sent - samples.Count < inflight)
                    {
                        Send();
                        sent++;
                    }
                    else
                    {
                        Receive();
                    }
                }
            }

            internal void Report(string name, bool json)
            {
                samples.Sort();
                long bytes = (long)samples.Count * picture.Length;
                long median = Percentile(0.50);
                long p99 = Percentile(0.99);

                // The object, or over v1 the two buffers, and four semaphores of 32 bytes.
                string path = "/dev/shm/" + name;
                long objects = client is DualBufferDuplexChannel
                    ? new FileInfo(path + "_request").Length + new FileInfo(path + "_response").Length
                    : new FileInfo(path).Length;
                long shared = objects + (4 * 32);
                Program.Say(json
                    ? "{\"frames\":" + samples.Count + ",\"bytes\":" + bytes + ",\"median_ns\":" + median + ",\"p99_ns\":" + p99
                        + ",\"copied_by_sdk\":" + copied + ",\"shm_bytes\":" + shared + "}"
                    : samples.Count + " frames, " + bytes + " bytes, median " + (median / 1000) + " µs, 99th percentile " + (p99 / 1000) + " µs, "
                        + copied + " bytes copied by the SDK, " + shared + " bytes of shared memory");
            }

            private long Percentile(double q)
            {
                return samples[Math.Min(samples.Count - 1, (int)(samples.Count * q))];
            }

            private void Send()
            {
                using (RequestBuffer buffer = client.AcquireRequestBuffer(picture.Length))
                {
                    picture.CopyTo(buffer.Data); // a camera or a decoder would write here itself
                    var sent = new Sent { Place = PlaceOf(buffer.Data), Committed = Stopwatch.GetTimestamp() };
                    pending[buffer.Commit()] = sent;
                }
            }

            private void Receive()
            {
                using (Response response = client.ReceiveResponse())
                {
                    long received = Stopwatch.GetTimestamp();
                    Sent sent = pending[response.Sequence];
                    pending.Remove(response.Sequence);
                    samples.Add((long)((received - sent.Committed) * (1e9 / Stopwatch.Frequency)));
                    if (PlaceOf(response.Data) != sent.Place)
                    {
                        copied += response.Size;
                    }

                    if (Last == null)
                    {
                        Last = response.Data.ToArray();
                    }
                    else if (!response.Data.SequenceEqual(Last))
                    {
                        throw new InvalidDataException("response " + response.Sequence + " differs from the first");
                    }
                }
            }

            private static IntPtr PlaceOf(Span<byte> data)
            {
                // Shared memory does not move.
                fixed (byte* place = data)
                {
                    return (IntPtr)place;
                }
            }

            private struct Sent
            {
                internal long Committed;
                internal IntPtr Place; // where the request stands in shared memory
            }
        }
    }
}
