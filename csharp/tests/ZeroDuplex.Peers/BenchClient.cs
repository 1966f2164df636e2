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
        private const int CallUpTo = 4096;

        private readonly BenchOptions options;
        private readonly IDuplexClient client;
        private readonly BenchLine line;
        private readonly BenchThreads threads; // null when not asked for
        private readonly Samples samples;
        private readonly Samples limit = new Samples(Blocks * BenchLine.Rounds);
        private readonly byte[] small;
        private ulong next = 1; // sequence number of the next frame, which is also what it is filled with

        private BenchClient(BenchOptions options, IDuplexClient client, BenchLine line, BenchThreads threads, int capacity)
        {
            this.options = options;
            this.client = client;
            this.line = line;
            this.threads = threads;
            samples = new Samples(capacity);
            small = options.Size <= CallUpTo && options.Touch == Touch.None ? new byte[options.Size] : null;
        }

        internal static void Run(string[] args)
        {
            var known = new List<string>(BenchOptions.Flags) { "--count", "--warmup", "--threads-cpu" };
            var flags = new Arguments(args, known.ToArray());
            var o = new BenchOptions(flags);
            int count = flags.Int("--count", 1000, 1);
            int warmup = flags.Int("--warmup", 100, 0);
            int threadsCpu = flags.Int("--threads-cpu", -1, -1);
            BenchSystem.PinProcess(o.Cpu);
            using (var line = new BenchLine(o.LimitObject))
            using (BenchThreads threads = threadsCpu >= 0 ? new BenchThreads(o.Size, o.Touch, threadsCpu) : null)
            using (IDuplexClient client = DuplexChannelFactory.Default.CreateClient(o.Name, new ClientOptions { Wait = o.Wait, ResponseConfig = o.Room }))
            {
                var run = new BenchClient(o, client, line, threads, Math.Max(count, warmup));
                run.Measure(count, warmup);
                Samples bare = threads == null ? new Samples(0) : threads.Samples;
                Program.Say("{\"p50_ns\":" + run.samples.Percentile(0.50) + ",\"p99_ns\":" + run.samples.Percentile(0.99) + ",\"samples\":"
                    + run.samples.Count + ",\"limit_p50_ns\":" + run.limit.Percentile(0.50) + ",\"cpu\":" + o.Cpu + ",\"clock_ns\":"
                    + Samples.ClockCost + ",\"threads_p50_ns\":" + bare.Percentile(0.50) + ",\"threads_p99_ns\":" + bare.Percentile(0.99) + "}");
            }
        }

        /// <summary>Warms up and then alternates between a block of frames, a limit batch and a block of the same work between threads.</summary>
        private void Measure(int count, int warmup)
        {
            Block(warmup);
            samples.Clear();
            int blocks = Math.Min(Blocks, count);
            for (int i = 0; i < blocks; i++)
            {
                var frames = (int)(((long)count * (i + 1) / blocks) - ((long)count * i / blocks));
                Block(frames);
                LimitBatch();
                if (threads != null)
                {
                    threads.Block(frames);
                }
            }
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
                Receive(Send(0));
                return;
            }

            BenchWork.Fill(small, next, options.Touch);
            next++;
            client.Call(small).Release();
        }

        /// <summary>Keeps several frames on their way and receives the oldest first.</summary>
        private void Pipelined(int frames)
        {
            var underway = new Queue<KeyValuePair<ulong, long>>(options.InFlight);
            for (int left = frames; left > 0 || underway.Count > 0;)
            {
                for (; left > 0 && underway.Count < options.InFlight; left--)
                {
                    long at = BenchSystem.Now;
                    underway.Enqueue(new KeyValuePair<ulong, long>(Send(0), at));
                }

                KeyValuePair<ulong, long> oldest = underway.Dequeue();
                Receive(oldest.Key);
                samples.Add(oldest.Value, BenchSystem.Now);
            }
        }

        private ulong Send(uint opcode)
        {
            RequestBuffer buffer = client.AcquireRequestBuffer(options.Size);
            if (opcode == 0)
            {
                BenchWork.Fill(buffer.Data, next, options.Touch);
            }
            else
            {
                buffer.SetOpcode(opcode);
            }

            next++;
            return buffer.Commit();
        }

        private void Receive(ulong sequence)
        {
            Response response = client.ReceiveResponse(sequence);
            BenchWork.Check(response.Data, sequence, options.Touch);
            response.Release();
        }

        /// <summary>Bounces the ball with the server's handler. A v1 request cannot ask for that, so there is no limit to compare with then.</summary>
        private void LimitBatch()
        {
            if (client is DualBufferDuplexChannel)
            {
                return;
            }

            line.Prepare();
            ulong sequence = Send(BenchLine.Opcode);
            line.Serve(limit);
            client.ReceiveResponse(sequence, Timeout.InfiniteTimeSpan).Release();
        }
    }
}
