using System;
using System.Collections.Generic;
using System.IO;
using System.Threading;
using ZeroDuplex.Programs;

namespace ZeroDuplex.Peers
{
    /// <summary>Sends frames of random sizes from one thread, receives in another and checks every byte.</summary>
    internal sealed class StressClient
    {
        private readonly string name;
        private readonly ulong count;
        private readonly int inflight;
        private readonly int least;
        private readonly int most;
        private readonly int delayMax;
        private readonly int growMax;
        private readonly ulong failEvery;
        private readonly ulong oneWayEvery;
        private readonly int reconnects;
        private readonly int idle; // milliseconds
        private readonly ClientOptions options = new ClientOptions();
        private readonly Random random;

        private ulong roundTrips;
        private ulong failed;
        private ulong oneWay;
        private ulong outOfOrder;

        private StressClient(Arguments flags)
        {
            name = flags.Required("--name");
            count = (ulong)flags.Long("--count", 1000, 0);
            inflight = flags.Int("--inflight", 1, 1);
            least = flags.Int("--min", 64, 0);
            most = flags.Int("--max", 64, least);
            random = new Random(flags.Int("--seed", 1, 0));
            options.Wait = flags.Wait();
            options.ConnectTimeout = TimeSpan.FromMilliseconds(flags.Int("--connect-timeout", (int)options.ConnectTimeout.TotalMilliseconds, 0));
            delayMax = flags.Int("--delay-max", 0, 0, (int)StressPattern.DelayMask);
            growMax = flags.Int("--grow-max", 0, 0);
            failEvery = (ulong)flags.Long("--fail-every", 0, 0);
            oneWayEvery = (ulong)flags.Long("--one-way-every", 0, 0);
            reconnects = flags.Int("--reconnects", 1, 1);
            idle = flags.Int("--idle", 0, 0);
        }

        internal static void Run(string[] args)
        {
            new StressClient(new Arguments(args, new[]
            {
                "--name", "--count", "--inflight", "--min", "--max", "--seed", "--wait", "--delay-max", "--grow-max", "--fail-every",
                "--one-way-every", "--reconnects", "--idle", "--connect-timeout",
            })).RunAll();
        }

        private void RunAll()
        {
            for (int i = 1; i <= reconnects; i++)
            {
                using (IDuplexClient client = DuplexChannelFactory.Default.CreateClient(name, options))
                {
                    new Attachment(this, client).Exchange();
                    if (i == reconnects && idle > 0)
                    {
                        Program.Say("idle");
                        WaitForNothing(client);
                    }
                }
            }

            Program.Say("{\"round_trips\":" + roundTrips + ",\"failed\":" + failed + ",\"one_way\":" + oneWay + ",\"out_of_order\":" + outOfOrder
                + ",\"attachments\":" + reconnects + ",\"errors\":0}");
        }

        private bool Fails(ulong n)
        {
            return failEvery > 0 && n % failEvery == 0;
        }

        private bool IsOneWay(ulong n)
        {
            return oneWayEvery > 0 && n % oneWayEvery == 0 && !Fails(n);
        }

        private void WaitForNothing(IDuplexClient client)
        {
            try
            {
                using (Response response = client.ReceiveResponse(TimeSpan.FromMilliseconds(idle)))
                {
                    throw new InvalidDataException("response " + response.Sequence + " came, though nothing was asked");
                }
            }
            catch (ZeroDuplexTimeoutException)
            {
                // This is what must happen.
            }
        }

        private struct Expectation
        {
            internal int Size;
            internal bool Fails;
        }

        /// <summary>One connection with its sender and its receiver.</summary>
        private sealed class Attachment
        {
            private readonly StressClient run;
            private readonly IDuplexClient client;
            private readonly SemaphoreSlim window; // room for frames on their way
            private readonly CancellationTokenSource end = new CancellationTokenSource();
            private readonly Dictionary<ulong, Expectation> expected = new Dictionary<ulong, Expectation>(); // its own lock
            private Exception error; // the first

            internal Attachment(StressClient run, IDuplexClient client)
            {
                this.run = run;
                this.client = client;
                window = new SemaphoreSlim(run.inflight);
            }

            internal void Exchange()
            {
                var receiver = new Thread(() => Guard(ReceiveAll));
                receiver.Start();
                Guard(SendAll);
                receiver.Join();
                if (error != null)
                {
                    throw new InvalidDataException(error.Message, error);
                }
            }

            /// <summary>An error of one side ends the other's waiting.</summary>
            private void Guard(Action side)
            {
                try
                {
                    side();
                }
                catch (Exception e)
                {
                    Interlocked.CompareExchange(ref error, e, null);
                    end.Cancel();
                }
            }

            private void SendAll()
            {
                for (ulong n = 1; n <= run.count; n++)
                {
                    Send(n);
                }
            }

            private void Send(ulong n)
            {
                Random random = run.random;
                int size = random.Next(run.least, run.most + 1);
                int capacity = 0;
                uint opcode = run.delayMax > 0 ? (uint)random.Next(run.delayMax + 1) : 0;
                var expect = new Expectation { Size = size, Fails = run.Fails(n) };
                if (expect.Fails)
                {
                    opcode |= StressPattern.Fail;
                    capacity = Math.Max(size, 64); // room for the message
                }
                else if (run.growMax > 0)
                {
                    opcode |= StressPattern.Grow;
                    capacity = size + random.Next(run.growMax + 1);
                    expect.Size = (capacity + 63) & ~63;
                }

                bool oneWay = run.IsOneWay(n);
                if (!oneWay)
                {
                    window.Wait(end.Token);
                }

                using (RequestBuffer buffer = client.AcquireRequestBuffer(size, capacity, null, end.Token))
                {
                    StressPattern.Fill(buffer.Data, n, 0, 0);
                    buffer.SetOpcode(opcode);
                    if (oneWay)
                    {
                        buffer.SetOneWay();
                        run.oneWay++;
                    }
                    else
                    {
                        lock (expected)
                        {
                            expected.Add(n, expect); // before the commit: the answer may be faster than we are
                        }
                    }

                    ulong sequence = buffer.Commit();
                    if (sequence != n)
                    {
                        throw new InvalidDataException("commit gave frame " + n + " the sequence number " + sequence);
                    }
                }
            }

            private void ReceiveAll()
            {
                ulong highest = 0;
                for (ulong n = 1; n <= run.count; n++)
                {
                    if (run.IsOneWay(n))
                    {
                        continue;
                    }

                    ulong sequence = Receive();
                    if (sequence < highest)
                    {
                        run.outOfOrder++;
                    }

                    highest = Math.Max(highest, sequence);
                    window.Release();
                }
            }

            /// <summary>Takes the next answer, whichever it is, and checks it.</summary>
            private ulong Receive()
            {
                try
                {
                    using (Response response = client.ReceiveResponse(null, end.Token))
                    {
                        Check(response);
                        return response.Sequence;
                    }
                }
                catch (HandlerFailedException e)
                {
                    CheckFailure(e);
                    return e.Sequence;
                }
            }

            private void Check(Response response)
            {
                ulong n = response.Sequence;
                Expectation expect = TakeExpectation(n);
                if (expect.Fails)
                {
                    throw new InvalidDataException("frame " + n + " was answered, it should have failed");
                }

                if (response.Size != expect.Size)
                {
                    throw new InvalidDataException("response " + n + " has " + response.Size + " bytes, expected " + expect.Size);
                }

                int wrong = StressPattern.Mismatch(response.Data, n, StressPattern.AnswerMask);
                if (wrong >= 0)
                {
                    throw new InvalidDataException("byte " + wrong + " of response " + n + " is wrong");
                }

                run.roundTrips++;
            }

            private void CheckFailure(HandlerFailedException failure)
            {
                ulong n = failure.Sequence;
                if (!TakeExpectation(n).Fails || failure.Status != StressPattern.StatusAsked
                    || failure.HandlerMessage != StressPattern.FailureMessage(n))
                {
                    throw new InvalidDataException(
                        "frame " + n + " failed with status " + failure.Status + " and message \"" + failure.HandlerMessage + "\"");
                }

                run.failed++;
            }

            /// <summary>Finds what a frame's answer must be. Each may be asked for once: an answer that comes twice is an error.</summary>
            private Expectation TakeExpectation(ulong n)
            {
                lock (expected)
                {
                    Expectation expect;
                    if (!expected.TryGetValue(n, out expect))
                    {
                        throw new InvalidDataException("answer to frame " + n + ", which is not on its way");
                    }

                    expected.Remove(n);
                    return expect;
                }
            }
        }
    }
}
