using System;
using System.Threading;
using ZeroDuplex.Programs;

namespace ZeroDuplex.Peers
{
    /// <summary>Checks every byte of every request and answers with the complement, until SIGTERM.</summary>
    internal sealed class StressServer
    {
        private long handled;
        private long oneWay;
        private long bad;

        internal static void Run(string[] args)
        {
            var flags = new Arguments(args, new[] { "--name", "--payload-size", "--workers", "--wait", "--protocol" });
            var config = new BufferConfig(4096, flags.Long("--payload-size", 65536, 0));
            var options = new ServerOptions { Workers = flags.Int("--workers", 1, 1), Wait = flags.Wait() };
            var run = new StressServer();
            Program.Serve(Program.CreateServer(flags, config, options), run.Handle);
            Program.Say("{\"handled\":" + run.handled + ",\"one_way\":" + run.oneWay + ",\"bad\":" + run.bad + "}");
        }

        private void Handle(Frame frame)
        {
            Interlocked.Increment(ref handled);
            if (frame.OneWay)
            {
                Interlocked.Increment(ref oneWay);
            }

            ulong sequence = frame.Sequence;
            uint opcode = frame.Opcode;
            int received = frame.Size;
            int wrong = StressPattern.Mismatch(frame.Data, sequence, 0);
            if (wrong >= 0)
            {
                Interlocked.Increment(ref bad);
                frame.Fail(StressPattern.StatusWrong, "byte " + wrong + " of frame " + sequence + " is wrong");
                return;
            }

            uint delay = opcode & StressPattern.DelayMask;
            if (delay > 0)
            {
                Sleep(delay);
            }

            if ((opcode & StressPattern.Fail) != 0)
            {
                frame.Fail(StressPattern.StatusAsked, StressPattern.FailureMessage(sequence));
                return;
            }

            if ((opcode & StressPattern.Grow) != 0)
            {
                frame.Resize(frame.Capacity);
            }

            Span<byte> data = frame.Data;
            for (int i = 0; i < received; i++)
            {
                data[i] ^= StressPattern.AnswerMask;
            }

            StressPattern.Fill(data, sequence, received, StressPattern.AnswerMask);
        }

        /// <summary>Whole milliseconds are slept; the rest is waited out, since no sleep is that short.</summary>
        private static void Sleep(uint microseconds)
        {
            long end = System.Diagnostics.Stopwatch.GetTimestamp() + (microseconds * System.Diagnostics.Stopwatch.Frequency / 1000000);
            Thread.Sleep((int)(microseconds / 1000));
            while (System.Diagnostics.Stopwatch.GetTimestamp() < end)
            {
                Thread.Yield();
            }
        }
    }
}
