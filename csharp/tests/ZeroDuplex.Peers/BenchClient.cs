using System;
using System.Collections.Generic;
using System.Threading;
using ZeroDuplex.Programs;

namespace ZeroDuplex.Peers
{
    /// <summary>The measuring side of a measurement. One thread.</summary>
    internal sealed class BenchClient
    {
        private const int Blocks = 20; // after each a limit batch is run

        /// <summary>Up to this size copying a frame is cheaper than the two more calls of filling it in place.</summary>
        private const int CopyUpTo = 4096;

        private readonly BenchOptions options;
        private readonly BenchLimits limits;
        private readonly IDuplexClient client;
        private readonly BenchLine line;
        private readonly BenchSemaphores semaphores;
        private readonly BenchThreads threads; // null when not asked for
        private readonly BenchCopies copies;
        private readonly BenchUsage own = new BenchUsage();
        private readonly BenchUsage server = new BenchUsage();
        private readonly Samples samples;
        private readonly Samples lineSamples = new Samples(Blocks * BenchLine.Rounds);
        private readonly Samples semaphoreSamples = new Samples(Blocks * BenchSemaphores.Rounds);
        private readonly byte[] small;
        private long elapsed; // nanoseconds, of all blocks together
        private ulong next = 1; // sequence number of the next frame, which is also what it is filled with

        private BenchClient(BenchOptions options, BenchLimits limits, IDuplexClient client, BenchLine line, BenchSemaphores semaphores, BenchThreads threads, int capacity)
        {
            this.options = options;
            this.limits = limits;
            this.client = client;
            this.line = line;
            this.semaphores = semaphores;
            this.threads = threads;
            copies = new BenchCopies(options.Size);
            samples = new Samples(capacity);
            samples.Touch();
            small = options.Size <= CopyUpTo && options.Touch == Touch.None ? new byte[options.Size] : null;
        }

        internal static void Run(string[] args)
        {
            var known = new List<string>(BenchOptions.Flags) { "--count", "--warmup", "--threads-cpu", "--limits" };
            var flags = new Arguments(args, known.ToArray());
            var o = new BenchOptions(flags);
            int count = flags.Int("--count", 1000, 1);
            int warmup = flags.Int("--warmup", 100, 0);
            int threadsCpu = flags.Int("--threads-cpu", -1, -1);
            BenchLimits limits = BenchOptions.ParseLimits(flags.Text("--limits", "line"));
            BenchSystem.PinProcess(o.Cpu);
            using (var line = new BenchLine(o.LimitObject))
            using (var semaphores = new BenchSemaphores(o.LimitObject))
            using (BenchThreads threads = threadsCpu >= 0 ? new BenchThreads(o.Size, o.Touch, threadsCpu) : null)
            using (IDuplexClient client = DuplexChannelFactory.Default.CreateClient(o.Name, new ClientOptions { Wait = o.Wait, ResponseConfig = o.Room }))
            {
                var run = new BenchClient(o, limits, client, line, semaphores, threads, Math.Max(count, warmup));
                run.Measure(count, warmup);
                Program.Say(run.Json());
            }
        }

        private string Json()
        {
            Samples bare = threads == null ? new Samples(0) : threads.Samples;
            return "{\"p50_ns\":" + samples.Percentile(0.50) + ",\"p99_ns\":" + samples.Percentile(0.99) + ",\"p999_ns\":" + samples.Percentile(0.999)
                + ",\"samples\":" + samples.Count + ",\"elapsed_ns\":" + elapsed + ",\"limit_p50_ns\":" + lineSamples.Percentile(0.50)
                + ",\"limit_semaphore_p50_ns\":" + semaphoreSamples.Percentile(0.50) + ",\"memcpy_p50_ns\":" + copies.Samples.Percentile(0.50)
                + ",\"cpu\":" + options.Cpu + ",\"clock_ns\":" + Samples.ClockCost + ",\"threads_p50_ns\":" + bare.Percentile(0.50)
                + ",\"threads_p99_ns\":" + bare.Percentile(0.99) + ",\"copied_bytes\":" + Copied() + ",\"client\":" + own.Json()
                + ",\"server\":" + server.Json() + "}";
        }

        /// <summary>What the SDK copies per frame: small requests, and a v1 server every request into its response's place.</summary>
        private long Copied()
        {
            return (small == null ? 0L : options.Size) + (client is DualBufferDuplexChannel ? options.Size : 0L);
        }

        /// <summary>Warms up and then alternates between a block of frames, the raw limits and a block of the same work between threads.</summary>
        private void Measure(int count, int warmup)
        {
            Block(warmup);
            samples.Clear();
            int blocks = Math.Min(Blocks, count);
            for (int i = 0; i < blocks; i++)
            {
                var frames = (int)(((long)count * (i + 1) / blocks) - ((long)count * i / blocks));
                Counted(frames);
                LimitBatches();
                copies.Batch();
                if (threads != null)
                {
                    threads.Block(frames + 1);
                }
            }

            own.Shared = BenchNote.SharedMemory(options.Name);
            Ask(BenchLine.AskMemory, Nothing);
            server.Shared = line.Memory;
        }

        /// <summary>A block during which time and what both processes use up are counted.</summary>
        private void Counted(int frames)
        {
            Ask(BenchLine.AskNote, Nothing);
            BenchNote serverBefore = line.Note;
            BenchNote ownBefore = BenchNote.OfSelf();
            long began = BenchSystem.Now;
            Block(frames);
            elapsed += BenchSystem.Now - began;
            BenchNote ownAfter = BenchNote.OfSelf();
            Ask(BenchLine.AskNote, Nothing);
            own.Add(ownBefore, ownAfter);
            server.Add(serverBefore, line.Note);
        }

        private void Block(int frames)
        {
            if (options.InFlight == 1)
            {
                RoundTrips(frames);
            }
            else
            {
                Pipelined(frames);
            }
        }

        /// <summary>Sends a frame only when the one before it is back. Consecutive samples share a clock reading.</summary>
        private void RoundTrips(int frames)
        {
            long before = BenchSystem.Now;
            for (int i = 0; i < frames; i++)
            {
                Exchange();
                long now = BenchSystem.Now;
                samples.Add(before, now);
                before = now;
            }
        }

        /// <summary>One round trip, the way an application makes it: small frames are copied by a call, larger ones are filled in place.</summary>
        private void Exchange()
        {
            if (small == null)
            {
                Receive(Send());
                return;
            }

            ulong n = next++;
            BenchWork.Fill(small, n, options.Touch);
            Response response = client.Call(small);
            BenchWork.Check(response.Data, n, options.Touch, options.Size);
            response.Release();
        }

        /// <summary>Keeps several frames on their way and receives the oldest first. A frame is sent when the one before it was received, so the two
        /// share a clock reading.</summary>
        private void Pipelined(int frames)
        {
            var underway = new Queue<KeyValuePair<ulong, long>>(options.InFlight);
            long now = BenchSystem.Now;
            for (int left = frames; left > 0 || underway.Count > 0;)
            {
                for (; left > 0 && underway.Count < options.InFlight; left--)
                {
                    underway.Enqueue(new KeyValuePair<ulong, long>(Send(), now));
                }

                KeyValuePair<ulong, long> oldest = underway.Dequeue();
                Receive(oldest.Key);
                now = BenchSystem.Now;
                samples.Add(oldest.Value, now);
            }
        }

        private ulong Send()
        {
            if (small != null)
            {
                BenchWork.Fill(small, next, options.Touch);
                next++;
                return client.SendRequest(small);
            }

            RequestBuffer buffer = client.AcquireRequestBuffer(options.Size);
            BenchWork.Fill(buffer.Data, next, options.Touch);
            next++;
            return buffer.Commit();
        }

        private void Receive(ulong sequence)
        {
            Response response = client.ReceiveResponse(sequence);
            BenchWork.Check(response.Data, sequence, options.Touch, options.Size);
            response.Release();
        }

        private void LimitBatches()
        {
            if ((limits & BenchLimits.Line) != 0)
            {
                line.Prepare(BenchLine.Rounds);
                Ask(BenchLine.AskLine, () => line.Serve(lineSamples));
            }

            if ((limits & BenchLimits.Semaphore) != 0)
            {
                line.Prepare(BenchSemaphores.Rounds);
                Ask(BenchLine.AskSemaphores, () => semaphores.Serve(semaphoreSamples));
            }
        }

        /// <summary>Sends a frame that the server's handler does something else with, while we do our part. Nothing else is underway.</summary>
        private void Ask(long what, Action part)
        {
            line.Asked = what;
            RequestBuffer buffer = client.AcquireRequestBuffer(options.Size);
            next++;
            ulong sequence = buffer.Commit();
            part();
            client.ReceiveResponse(sequence, Timeout.InfiniteTimeSpan).Release();
            line.Asked = BenchLine.AskNothing;
        }

        private static void Nothing()
        {
        }
    }
}
