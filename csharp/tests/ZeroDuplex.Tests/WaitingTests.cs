using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Threading;
using System.Threading.Tasks;
using NUnit.Framework;

namespace ZeroDuplex.Tests
{
    /// <summary>Calls that wait: for room, for turns, for responses, and what ends their waiting.</summary>
    [TestFixture]
    public class WaitingTests
    {
        private static readonly TimeSpan Short = TimeSpan.FromMilliseconds(30);

        private string name;
        private ManualResetEvent gate; // lets the handler of opcode 1 go on
        private SemaphoreSlim taken; // one for each request of opcode 1 that a handler has

        [SetUp]
        public void SetUp()
        {
            name = Channels.NewName();
            gate = new ManualResetEvent(false);
            taken = new SemaphoreSlim(0);
        }

        [TestCase(WaitStrategy.Hybrid)]
        [TestCase(WaitStrategy.Spin)]
        [TestCase(WaitStrategy.Block)]
        public void FullRingIsBufferFullAndThenRoom(WaitStrategy wait)
        {
            using (Channels.Serve(name, Hold, 1024))
            using (InPlaceDuplexChannel client = Channels.Connect(name, new ClientOptions { Wait = wait }))
            {
                client.Send(Held(Channels.Bytes(448)));
                client.Send(Held(Channels.Bytes(448)));
                var e = Assert.Throws<BufferFullException>(() => client.SendRequest(Channels.Bytes(1), Short));
                Assert.That(e, Is.Not.InstanceOf<AcquisitionOpenException>());
                Assert.That(e.Retryable, Is.True);
                Assert.Throws<BufferFullException>(() => client.AcquireRequestBuffer(1, 0, TimeSpan.Zero));

                // A sender that waits gets the room that a release gives back.
                var sent = 0UL;
                Thread sender = Channels.Run(() => sent = client.SendRequest(Channels.Bytes(448), Channels.Patience));
                gate.Set();
                client.ReceiveResponse(1UL).Release();
                Channels.Join(sender);
                Assert.That(sent, Is.EqualTo(3));
            }
        }

        [Test]
        public void OneWayRequestsGiveRoomBackToAWaitingSender()
        {
            using (Channels.Serve(name, Hold, 1024))
            using (InPlaceDuplexChannel client = Channels.Connect(name))
            {
                client.Send(new Request(Channels.Bytes(900)) { Opcode = 1, OneWay = true });
                Assert.That(taken.Wait(Channels.Patience));
                Thread sender = Channels.Run(() => client.Call(Channels.Bytes(900), Channels.Patience).Release());
                gate.Set();
                Channels.Join(sender);
            }
        }

        [Test]
        public void FrameThatNeverFitsFailsAtOnce()
        {
            using (Channels.Serve(name, Hold, 1024))
            using (InPlaceDuplexChannel client = Channels.Connect(name))
            {
                Assert.Throws<FrameTooLargeException>(() => client.Call(Channels.Bytes(961)));
                Assert.Throws<FrameTooLargeException>(() => client.AcquireRequestBuffer(1, 961));
                Assert.Throws<FrameTooLargeException>(() => client.AcquireRequestBuffer(int.MaxValue));
                client.Call(Channels.Bytes(960)).Release();
            }
        }

        [Test]
        public void BadArgumentsAreInvalidArgument()
        {
            using (Channels.Serve(name, Hold, 1024))
            using (InPlaceDuplexChannel client = Channels.Connect(name))
            {
                Assert.Throws<InvalidArgumentException>(() => client.AcquireRequestBuffer(-1));
                Assert.Throws<InvalidArgumentException>(() => client.AcquireRequestBuffer(1, -1));
                Assert.Throws<InvalidArgumentException>(() => client.AcquireRequestBuffer(65, 64));
                Assert.Throws<InvalidArgumentException>(() => client.SendRequest(Channels.Bytes(1), TimeSpan.FromSeconds(-2)));
                Assert.Throws<InvalidArgumentException>(() => client.ReceiveResponse(TimeSpan.FromSeconds(-2)));
                client.Call(Channels.Bytes(1), Timeout.InfiniteTimeSpan).Release();
            }
        }

        [Test]
        public void OpenAcquisitionIsItsOwnError()
        {
            using (Channels.Serve(name, Hold))
            using (InPlaceDuplexChannel client = Channels.Connect(name))
            {
                RequestBuffer buffer = client.AcquireRequestBuffer(10);
                Assert.Throws<AcquisitionOpenException>(() => client.SendRequest(Channels.Bytes(1), Short));
                Assert.Throws<AcquisitionOpenException>(() => client.AcquireRequestBuffer(1, 0, Short));

                // Those who wait get their turn, first come first served, when it is committed.
                var order = new List<int>();
                var threads = new List<Thread>();
                for (int i = 0; i < 3; i++)
                {
                    int mine = i;
                    threads.Add(Channels.Run(() =>
                    {
                        RequestBuffer next = client.AcquireRequestBuffer(10, 0, Channels.Patience);
                        order.Add(mine); // only the holder of the turn is here
                        next.Commit();
                    }));
                    Channels.Until(() => client.QueuedSenders == mine + 1, "the sender queues");
                }

                buffer.Commit();
                threads.ForEach(Channels.Join);
                Assert.That(order, Is.EqualTo(new[] { 0, 1, 2 }));
            }
        }

        [TestCase(WaitStrategy.Hybrid)]
        [TestCase(WaitStrategy.Spin)]
        [TestCase(WaitStrategy.Block)]
        public void TimedOutCallDropsItsLateResponse(WaitStrategy wait)
        {
            using (Channels.Serve(name, Hold, 1024))
            using (InPlaceDuplexChannel client = Channels.Connect(name, new ClientOptions { Wait = wait }))
            {
                var e = Assert.Throws<ZeroDuplexTimeoutException>(() => client.Call(Held(Channels.Bytes(900)), Short));
                Assert.That(e.Retryable, Is.True);
                Assert.That(taken.Wait(Channels.Patience));
                Assert.Throws<BufferFullException>(() => client.SendRequest(Channels.Bytes(900), Short), "the server still works there");
                gate.Set();
                using (Response response = client.Call(Channels.Bytes(900)))
                {
                    Assert.That(response.Sequence, Is.EqualTo(2));
                }

                Assert.Throws<UnknownSequenceException>(() => client.ReceiveResponse(1UL));
                Assert.Throws<ZeroDuplexTimeoutException>(() => client.ReceiveResponse(Short), "a late response is nobody's");
            }
        }

        [Test]
        public void TimedOutCallTakesBackWhatTheServerHasNotTaken()
        {
            using (Channels.Serve(name, Hold))
            using (InPlaceDuplexChannel client = Channels.Connect(name))
            {
                ulong first = client.Send(Held(Channels.Bytes(1)));
                Assert.That(taken.Wait(Channels.Patience));
                Assert.Throws<ZeroDuplexTimeoutException>(() => client.Call(Held(Channels.Bytes(1)), Short));
                gate.Set();
                client.ReceiveResponse(first).Release();
                client.Call(Channels.Bytes(1)).Release();
                Assert.That(taken.CurrentCount, Is.EqualTo(0), "the second never ran");
            }
        }

        [Test]
        public void ReceiveThatTimedOutMayBeRepeated()
        {
            using (Channels.Serve(name, Hold))
            using (InPlaceDuplexChannel client = Channels.Connect(name))
            {
                ulong sequence = client.Send(Held(Channels.Bytes(3)));
                Assert.Throws<ZeroDuplexTimeoutException>(() => client.ReceiveResponse(sequence, Short));
                Assert.Throws<ZeroDuplexTimeoutException>(() => client.ReceiveResponse(Short));
                gate.Set();
                client.ReceiveResponse(sequence).Release();
                Assert.Throws<UnknownSequenceException>(() => client.ReceiveResponse(sequence));
                Assert.Throws<UnknownSequenceException>(() => client.ReceiveResponse(99UL));
                Assert.Throws<UnknownSequenceException>(() => client.ReceiveResponse(0UL));
            }
        }

        [TestCase(WaitStrategy.Hybrid)]
        [TestCase(WaitStrategy.Block)]
        public void CancelTakesBackOnlyWhatWasNotTaken(WaitStrategy wait)
        {
            using (Channels.Serve(name, Hold))
            using (InPlaceDuplexChannel client = Channels.Connect(name, new ClientOptions { Wait = wait }))
            {
                ulong first = client.Send(Held(Channels.Bytes(1)));
                Assert.That(taken.Wait(Channels.Patience));
                ulong second = client.Send(Held(Channels.Bytes(1)));

                // One sleeps on the semaphore, and the one that is to be woken waits behind him.
                Thread sleeper = Channels.Run(() => client.ReceiveResponse(first, Channels.Patience).Release());
                Channels.Until(() => client.Waiting == 1, "somebody waits for the first");
                Exception waiting = null;
                Thread waiter = Channels.Run(() => waiting = Assert.Catch(() => client.ReceiveResponse(second, Channels.Patience)));
                Channels.Until(() => client.Waiting == 2, "somebody waits for the second");
                Assert.That(client.Cancel(first), Is.False);
                Assert.That(client.Cancel(second), Is.True);
                Channels.Join(waiter);
                Assert.That(waiting, Is.InstanceOf<CancelledException>());
                Assert.Throws<UnknownSequenceException>(() => client.Cancel(second));
                Assert.Throws<UnknownSequenceException>(() => client.ReceiveResponse(second));
                gate.Set();
                Channels.Join(sleeper);
                Assert.Throws<UnknownSequenceException>(() => client.Cancel(first));
                client.Call(Channels.Bytes(1)).Release();
                Assert.That(taken.CurrentCount, Is.EqualTo(0), "the second never ran");
            }
        }

        [Test]
        public void ReceiveAnyLeavesWhatSomebodyWaitsForByNumber()
        {
            using (Channels.Serve(name, Hold, options: new ServerOptions { Workers = 2 }))
            using (InPlaceDuplexChannel client = Channels.Connect(name))
            {
                ulong held = client.Send(Held(Channels.Bytes(1)));
                Assert.That(taken.Wait(Channels.Patience));
                ulong got = 0;
                Thread waiter = Channels.Run(() =>
                {
                    using (Response response = client.ReceiveResponse(held, Channels.Patience))
                    {
                        got = response.Sequence;
                    }
                });
                Channels.Until(() => client.IsAwaited(held), "somebody waits for it");
                Assert.Throws<UnknownSequenceException>(() => client.ReceiveResponse(held, Short), "somebody else waits for it");
                ulong other = client.SendRequest(Channels.Bytes(1));
                gate.Set();
                using (Response response = client.ReceiveResponse())
                {
                    Assert.That(response.Sequence, Is.EqualTo(other));
                }

                Channels.Join(waiter);
                Assert.That(got, Is.EqualTo(held));
            }
        }

        [TestCase(WaitStrategy.Hybrid)]
        [TestCase(WaitStrategy.Spin)]
        [TestCase(WaitStrategy.Block)]
        public void ManyThreadsShareOneClient(WaitStrategy wait)
        {
            const int Threads = 6;
            const int Rounds = 300;
            using (Channels.Serve(name, Channels.Echo, 4096, new ServerOptions { Workers = 3, Wait = wait }))
            using (InPlaceDuplexChannel client = Channels.Connect(name, new ClientOptions { Wait = wait }))
            {
                int good = 0;
                var threads = new List<Thread>();
                for (int t = 0; t < Threads; t++)
                {
                    int seed = t * 1000;
                    threads.Add(Channels.Run(() =>
                    {
                        for (int i = 0; i < Rounds; i++)
                        {
                            byte[] sent = Channels.Bytes(1 + ((seed + i) % 700), seed + i);
                            using (Response response = client.Call(sent, Channels.Patience))
                            {
                                if (response.Data.SequenceEqual(sent))
                                {
                                    Interlocked.Increment(ref good);
                                }
                            }
                        }
                    }));
                }

                threads.ForEach(Channels.Join);
                Assert.That(good, Is.EqualTo(Threads * Rounds));
            }
        }

        [TestCase(WaitStrategy.Hybrid)]
        [TestCase(WaitStrategy.Spin)]
        [TestCase(WaitStrategy.Block)]
        public void CloseWakesEveryWaiter(WaitStrategy wait)
        {
            using (Channels.Serve(name, Hold, 1024))
            {
                InPlaceDuplexChannel client = Channels.Connect(name, new ClientOptions { Wait = wait });
                ulong held = client.Send(Held(Channels.Bytes(900)));
                var errors = new Exception[4];
                var threads = new List<Thread>
                {
                    Channels.Run(() => errors[0] = Assert.Catch(() => client.ReceiveResponse(held, Channels.Patience))),
                    Channels.Run(() => errors[1] = Assert.Catch(() => client.ReceiveResponse(Channels.Patience))),
                    Channels.Run(() => errors[2] = Assert.Catch(() => client.SendRequest(Channels.Bytes(900), Channels.Patience))),
                };
                Channels.Until(() => client.Waiting == 3, "all wait");
                threads.Add(Channels.Run(() => errors[3] = Assert.Catch(() => client.SendRequest(Channels.Bytes(1), Channels.Patience))));
                Channels.Until(() => client.QueuedSenders == 1, "the last one queues");
                Stopwatch watch = Stopwatch.StartNew();
                client.Close();
                threads.ForEach(Channels.Join);
                Assert.That(watch.Elapsed, Is.LessThan(TimeSpan.FromSeconds(5)));
                Assert.That(errors, Has.All.InstanceOf<ClosedException>());
                client.Close();
                client.Dispose();
                Assert.Throws<ClosedException>(() => client.SendRequest(Channels.Bytes(1)));
                Assert.Throws<ClosedException>(() => client.ReceiveResponse());
                Assert.Throws<ClosedException>(() => client.ReceiveResponse(held));
                Assert.Throws<ClosedException>(() => client.Cancel(held));
                Assert.Throws<ClosedException>(() => client.SetMetadata(Channels.Bytes(1)));
                Assert.Throws<ClosedException>(() => client.ServerMetadata());
                Assert.That(client.IsServerConnected, Is.False);
                gate.Set();
            }
        }

        [Test]
        public void ClosingWaitsForWhatIsOut()
        {
            using (Channels.Serve(name, Channels.Echo))
            {
                InPlaceDuplexChannel client = Channels.Connect(name);
                Response response = client.Call(Channels.Bytes(3));
                RequestBuffer buffer = client.AcquireRequestBuffer(4);
                client.Close();

                // The views are good until they are given back, and only then may the next client come.
                Assert.That(response.Data.ToArray(), Is.EqualTo(Channels.Bytes(3)));
                buffer.Data.Clear();
                var once = new ClientOptions { ConnectTimeout = TimeSpan.Zero };
                Assert.Throws<WriterAlreadyConnectedException>(() => Channels.Connect(name, once));
                response.Release();
                Assert.Throws<WriterAlreadyConnectedException>(() => Channels.Connect(name, once));
                Assert.Throws<ClosedException>(() => buffer.Commit());
                using (InPlaceDuplexChannel next = Channels.Connect(name))
                {
                    next.Call(Channels.Bytes(3)).Release();
                }
            }
        }

        [TestCase(WaitStrategy.Hybrid)]
        [TestCase(WaitStrategy.Block)]
        public void CancellationTokensEndWaits(WaitStrategy wait)
        {
            using (Channels.Serve(name, Hold, 1024))
            using (InPlaceDuplexChannel client = Channels.Connect(name, new ClientOptions { Wait = wait }))
            {
                ulong held = client.Send(Held(Channels.Bytes(900)));
                foreach (Action<CancellationToken> waits in new Action<CancellationToken>[]
                {
                    token => client.ReceiveResponse(held, Channels.Patience, token),
                    token => client.ReceiveResponse(Channels.Patience, token),
                    token => client.SendRequest(Channels.Bytes(900), Channels.Patience, token),
                    token => client.Call(Channels.Bytes(900), Channels.Patience, token),
                })
                {
                    var source = new CancellationTokenSource();
                    OperationCanceledException error = null;
                    Thread thread = Channels.Run(() => error = Assert.Throws<OperationCanceledException>(() => waits(source.Token)));
                    Channels.Until(() => client.Waiting == 1, "it waits");
                    source.Cancel();
                    Channels.Join(thread);
                    Assert.That(error.CancellationToken, Is.EqualTo(source.Token));
                    Assert.That(error.InnerException, Is.InstanceOf<CancelledException>());
                    Assert.Throws<OperationCanceledException>(() => waits(source.Token), "it was cancelled before");
                }

                // Somebody who waits in this process, behind one that sleeps on the semaphore.
                var end = new CancellationTokenSource();
                Thread sleeper = Channels.Run(() => client.ReceiveResponse(held, Channels.Patience).Release());
                Channels.Until(() => client.Waiting == 1, "the sleeper waits");
                Exception second = null;
                Thread queued = Channels.Run(() => second = Assert.Catch(() => client.ReceiveResponse(Channels.Patience, end.Token)));
                Channels.Until(() => client.Waiting == 2, "both wait");
                end.Cancel();
                Channels.Join(queued);
                Assert.That(second, Is.InstanceOf<OperationCanceledException>());
                gate.Set();
                Channels.Join(sleeper);
            }
        }

        [Test]
        public void AsynchronousCalls()
        {
            using (Channels.Serve(name, Hold, options: new ServerOptions { Workers = 8 }))
            using (InPlaceDuplexChannel client = Channels.Connect(name))
            {
                Task<Response> held = client.CallAsync(Channels.Bytes(10), 1, 100, Channels.Patience);
                Assert.That(taken.Wait(Channels.Patience));
                var calls = new List<Task<Response>>();
                for (int i = 0; i < 20; i++)
                {
                    calls.Add(client.CallAsync(Channels.Bytes(10, i)));
                }

                Assert.That(Task.WaitAll(calls.ToArray(), Channels.Patience));
                for (int i = 0; i < calls.Count; i++)
                {
                    using (Response response = calls[i].Result)
                    {
                        Assert.That(response.Data.ToArray(), Is.EqualTo(Channels.Bytes(10, i)));
                    }
                }

                Assert.That(held.IsCompleted, Is.False);
                gate.Set();
                held.Result.Release();

                ulong sequence = client.SendRequest(Channels.Bytes(1));
                client.ReceiveResponseAsync(sequence).Result.Release();
                client.SendRequest(Channels.Bytes(1));
                client.ReceiveResponseAsync().Result.Release();

                var source = new CancellationTokenSource();
                Task<Response> cancelled = client.ReceiveResponseAsync(Channels.Patience, source.Token);
                Channels.Until(() => client.Waiting == 1, "it waits");
                source.Cancel();
                Assert.Throws<AggregateException>(() => cancelled.Wait(Channels.Patience));
                Assert.That(cancelled.IsCanceled);
                AggregateException failed = Assert.Throws<AggregateException>(() => client.ReceiveResponseAsync(99).Wait());
                Assert.That(failed.InnerException, Is.InstanceOf<UnknownSequenceException>());
            }
        }

        private static Request Held(byte[] data)
        {
            return new Request(data) { Opcode = 1 };
        }

        private void Hold(Frame frame)
        {
            if (frame.Opcode == 1)
            {
                taken.Release();
                Channels.Await(gate, "the test opens the gate");
            }
        }
    }
}
