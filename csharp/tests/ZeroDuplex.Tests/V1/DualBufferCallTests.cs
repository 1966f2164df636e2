using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;
using NUnit.Framework;

namespace ZeroDuplex.Tests
{
    /// <summary>Requests and responses of a v1 duplex channel.</summary>
    [TestFixture]
    public class DualBufferCallTests
    {
        private string name;

        [SetUp]
        public void SetUp()
        {
            name = Channels.NewName();
        }

        [TearDown]
        public void TearDown()
        {
            Assert.That(Channels.Files(name), Is.Empty);
        }

        [TestCase(WaitStrategy.Hybrid)]
        [TestCase(WaitStrategy.Spin)]
        [TestCase(WaitStrategy.Block)]
        public void EverySizeComesBackChanged(WaitStrategy wait)
        {
            using (DualBuffers.Serve(name, DualBuffers.Invert, new ServerOptions { Wait = wait }))
            using (DualBufferDuplexChannel client = DualBuffers.Connect(name, new ClientOptions { Wait = wait }))
            {
                Assert.That(client.Name, Is.EqualTo(name));
                Assert.That(client.IsServerConnected);
                ulong sequence = 0;
                foreach (int size in new[] { 1, 16, 63, 64, 65, 1000, 2032, 1, 2000 })
                {
                    byte[] sent = Channels.Bytes(size, size);
                    using (Response response = client.Call(sent))
                    {
                        sequence++;
                        Assert.That(response.Sequence, Is.EqualTo(sequence));
                        Assert.That(response.Size, Is.EqualTo(size));
                        Assert.That(response.Opcode, Is.EqualTo(0));
                        Assert.That(response.Status, Is.EqualTo(0));
                        Assert.That(response.Data.ToArray(), Is.EqualTo(DualBuffers.Inverted(sent)));
                    }
                }
            }
        }

        [Test]
        public void FrameTellsOfTheRequestAndOfTheRoomForTheResponse()
        {
            FrameHandler look = frame =>
            {
                if (frame.Sequence == 1)
                {
                    return;
                }

                if (frame.Opcode != 0 || frame.OneWay || frame.Status != 0 || frame.Size != 10 || frame.Capacity != 4080 || frame.Sequence != 2)
                {
                    throw new InvalidOperationException("not what was sent");
                }
            };
            using (DualBuffers.Serve(name, look))
            using (DualBufferDuplexChannel client = DualBuffers.Connect(name))
            {
                client.Call(Channels.Bytes(1)).Release();
                Assert.That(DualBuffers.Take(client.Call(Channels.Bytes(10))), Is.EqualTo(Channels.Bytes(10)));
            }
        }

        [Test]
        public void StaleFrameFails()
        {
            Frame kept = default(Frame);
            using (DualBuffers.Serve(name, frame => kept = frame))
            using (DualBufferDuplexChannel client = DualBuffers.Connect(name))
            {
                client.Call(Channels.Bytes(1)).Release();
                Assert.Throws<FrameReleasedException>(() => kept.Data.ToArray());
                Assert.Throws<FrameReleasedException>(() => kept.Resize(1));
            }
        }

        [TestCase(5)]
        [TestCase(10)]
        [TestCase(11)]
        [TestCase(2000)]
        [TestCase(4080)]
        public void ResponseMayHaveAnotherSize(int size)
        {
            using (DualBuffers.Serve(name, frame => Resize(frame, size)))
            using (DualBufferDuplexChannel client = DualBuffers.Connect(name))
            {
                var want = new byte[size];
                new Span<byte>(want).Fill(7);
                Channels.Bytes(Math.Min(10, size)).CopyTo(want, 0);
                Assert.That(DualBuffers.Take(client.Call(Channels.Bytes(10))), Is.EqualTo(want));
            }
        }

        /// <summary>
        /// At whatever position, larger and smaller: the copy moves when it must. A size that has no place there is answered in words.
        /// </summary>
        [Test]
        public void ResizingWorksAtEveryPosition()
        {
            var random = new Random(5);
            var listener = new Listener();
            int size = 0;
            using (DualBuffers.Serve(name, frame => Resize(frame, size), listener.Options))
            using (DualBufferDuplexChannel client = DualBuffers.Connect(name, new ClientOptions { ResponseConfig = new BufferConfig(0, 1024) }))
            {
                for (int i = 0; i < 3000; i++)
                {
                    size = random.Next(1, 489); // of those there is always a place
                    byte[] sent = Channels.Bytes(random.Next(1, 489), i);
                    byte[] got = DualBuffers.Take(client.Call(sent));
                    var want = new byte[size];
                    new Span<byte>(want).Fill(7);
                    Array.Copy(sent, want, Math.Min(sent.Length, size));
                    Assert.That(got, Is.EqualTo(want), "request " + i);
                }

                Assert.That(listener.Count, Is.EqualTo(0));
            }
        }

        [Test]
        public void ResponseOfAnySizeIsAnsweredOrRefusedInWords()
        {
            var random = new Random(6);
            var listener = new Listener();
            int size = 0;
            int refused = 0;
            using (DualBuffers.Serve(name, frame => Resize(frame, size), listener.Options))
            using (DualBufferDuplexChannel client = DualBuffers.Connect(name, new ClientOptions { ResponseConfig = new BufferConfig(0, 1024) }))
            {
                for (int i = 0; i < 1000; i++)
                {
                    size = random.Next(1, 1009);
                    byte[] got = DualBuffers.Take(client.Call(Channels.Bytes(random.Next(1, 1009), i)));
                    if (listener.Count > 0)
                    {
                        Exception error = listener.Next();
                        refused++;
                        Assert.That(error.InnerException, Is.InstanceOf<FrameTooLargeException>().Or.InstanceOf<ResponseTooLargeException>());
                        string text = System.Text.Encoding.UTF8.GetString(got);
                        Assert.That(error.InnerException.Message.StartsWith(text, StringComparison.Ordinal), text);
                    }
                    else
                    {
                        Assert.That(got.Length, Is.EqualTo(size), "request " + i);
                    }
                }
            }

            Assert.That(refused, Is.GreaterThan(0).And.LessThan(900));
        }

        [Test]
        public void ResponseBeyondTheBufferIsAnsweredInWords()
        {
            var listener = new Listener();
            using (DualBuffers.Serve(name, frame => frame.Resize(frame.Capacity + 1), listener.Options))
            using (DualBufferDuplexChannel client = DualBuffers.Connect(name))
            {
                Assert.That(DualBuffers.Text(client.Call(Channels.Bytes(10))), Contains.Substring("4081 bytes"));
                var e = (ResponseTooLargeException)listener.Next();
                Assert.That(e.Channel, Is.EqualTo(name));
                Assert.That(e.Message, Contains.Substring("request 1"));
            }
        }

        [Test]
        public void RequestThatIsNoResponseIsAnsweredInWords()
        {
            var listener = new Listener();
            bool ran = false;
            using (DualBuffers.Serve(name, frame => ran = true, listener.Options))
            using (DualBufferDuplexChannel client = DualBuffers.Connect(name, new ClientOptions { ResponseConfig = new BufferConfig(0, 256) }))
            {
                Assert.That(DualBuffers.Text(client.Call(Channels.Bytes(500))), Contains.Substring("at most 240"));
                Assert.That(listener.Next(), Is.InstanceOf<ResponseTooLargeException>());
                Assert.That(ran, Is.False);
                client.Call(Channels.Bytes(20)).Release();
                Assert.That(ran);
            }
        }

        [Test]
        public void HandlerThatFailsAnswersItsMessage()
        {
            var listener = new Listener();
            FrameHandler handler = frame =>
            {
                switch (frame.Sequence)
                {
                    case 1: throw new InvalidOperationException("not today");
                    case 2: frame.Fail(7, "nor tomorrow"); break;
                    case 3: frame.Fail(8, string.Empty); break;
                    case 4: frame.Resize(0); break;
                    case 5: throw new InvalidOperationException(string.Empty);
                }
            };
            using (DualBuffers.Serve(name, handler, listener.Options))
            using (DualBufferDuplexChannel client = DualBuffers.Connect(name))
            {
                Assert.That(DualBuffers.Text(client.Call(Channels.Bytes(100))), Is.EqualTo("not today"));
                Exception told = listener.Next();
                Assert.That(told, Is.InstanceOf<HandlerFailedException>());
                Assert.That(told.InnerException, Is.InstanceOf<InvalidOperationException>());
                Assert.That(DualBuffers.Text(client.Call(Channels.Bytes(100))), Is.EqualTo("nor tomorrow"));
                Assert.That(listener.Next().Message, Contains.Substring("nor tomorrow"));
                Assert.That(DualBuffers.Text(client.Call(Channels.Bytes(100))), Is.EqualTo("handler_failed"), "at least one byte");
                Assert.That(listener.Next(), Is.InstanceOf<HandlerFailedException>());
                Assert.That(DualBuffers.Text(client.Call(Channels.Bytes(100))), Contains.Substring("empty"));
                Assert.That(listener.Next(), Is.InstanceOf<HandlerFailedException>());
                Assert.That(DualBuffers.Text(client.Call(Channels.Bytes(100))), Is.EqualTo("handler_failed"));
                listener.Next();
                Assert.That(DualBuffers.Take(client.Call(Channels.Bytes(100))), Is.EqualTo(Channels.Bytes(100)), "the server goes on");
                Assert.That(listener.Count, Is.EqualTo(0));
            }
        }

        [Test]
        public void LongMessageIsCutAtACharacter()
        {
            var text = new string('ä', 500); // two bytes each
            using (DualBuffers.Serve(name, frame => { throw new InvalidOperationException(text); }))
            using (DualBufferDuplexChannel client = DualBuffers.Connect(name, new ClientOptions { ResponseConfig = new BufferConfig(0, 64) }))
            {
                for (int i = 0; i < 50; i++)
                {
                    string got = DualBuffers.Text(client.Call(Channels.Bytes(1)));
                    Assert.That(got, Is.Not.Empty);
                    Assert.That(got, Is.EqualTo(text.Substring(0, got.Length)).Or.EqualTo("?"));
                }
            }
        }

        [Test]
        public void ImmutableHandlerReadsTheRequestAndWritesTheResponse()
        {
            ImmutableHandler handler = (request, response) =>
            {
                if (request.Sequence == 1)
                {
                    response.Write(request.Data.Slice(0, 3));
                    return;
                }

                Span<byte> to = response.Acquire(request.Size + 1);
                request.Data.CopyTo(to);
                to[request.Size] = (byte)request.Sequence;
            };
            using (DualBuffers.ServeImmutable(name, handler))
            using (DualBufferDuplexChannel client = DualBuffers.Connect(name))
            {
                Assert.That(DualBuffers.Take(client.Call(Channels.Bytes(10))), Is.EqualTo(Channels.Bytes(3)));
                Assert.That(DualBuffers.Take(client.Call(new byte[] { 9, 8 })), Is.EqualTo(new byte[] { 9, 8, 2 }));
            }
        }

        [Test]
        public void ImmutableResponseIsWrittenOnce()
        {
            var listener = new Listener();
            ImmutableRequest keptRequest = default(ImmutableRequest);
            ImmutableResponse keptResponse = default(ImmutableResponse);
            ImmutableHandler handler = (request, response) =>
            {
                switch (request.Sequence)
                {
                    case 1: break;
                    case 2: response.Write(new byte[0]); break;
                    case 3: response.Write(new byte[response.Capacity + 1]); break;
                    case 4: response.Acquire(-1); break;
                    case 5:
                        response.Write(new byte[] { 1 });
                        response.Acquire(5);
                        break;
                    default:
                        try
                        {
                            response.Write(new byte[response.Capacity + 1]);
                        }
                        catch (ResponseTooLargeException)
                        {
                            response.Write(new byte[] { 42 });
                        }

                        keptRequest = request;
                        keptResponse = response;
                        break;
                }
            };
            using (DualBuffers.ServeImmutable(name, handler, listener.Options))
            using (DualBufferDuplexChannel client = DualBuffers.Connect(name))
            {
                Assert.That(DualBuffers.Text(client.Call(Channels.Bytes(10))), Contains.Substring("no response"));
                Assert.That(DualBuffers.Text(client.Call(Channels.Bytes(10))), Contains.Substring("0 bytes"));
                Assert.That(DualBuffers.Text(client.Call(Channels.Bytes(10))), Contains.Substring("4097 of 4096"));
                Assert.That(DualBuffers.Text(client.Call(Channels.Bytes(10))), Contains.Substring("negative"));
                Assert.That(DualBuffers.Text(client.Call(Channels.Bytes(10))), Contains.Substring("already"));
                Assert.That(DualBuffers.Take(client.Call(Channels.Bytes(10))), Is.EqualTo(new byte[] { 42 }), "what failed does not count");
                Assert.That(listener.Next(), Is.InstanceOf<HandlerFailedException>());
                Assert.That(listener.Next().InnerException, Is.InstanceOf<InvalidFrameSizeException>());
                Assert.That(listener.Next(), Is.InstanceOf<ResponseTooLargeException>());
                Assert.That(listener.Next().InnerException, Is.InstanceOf<InvalidArgumentException>());
                Assert.That(listener.Next().InnerException, Is.InstanceOf<InvalidArgumentException>());
                client.Call(Channels.Bytes(10)).Release(); // by now the one before is over
                Assert.Throws<FrameReleasedException>(() => keptResponse.Write(new byte[1]));
                Assert.Throws<FrameReleasedException>(() => default(ImmutableResponse).Acquire(1));
                Assert.That(keptRequest.Size, Is.EqualTo(10));
            }

            Assert.Throws<FrameReleasedException>(() => keptRequest.Data.ToArray());
        }

        [Test]
        public void WhatVersionOneCannotSayIsRefused()
        {
            using (DualBuffers.Serve(name, Channels.Echo))
            using (DualBufferDuplexChannel client = DualBuffers.Connect(name))
            {
                Assert.Throws<InvalidArgumentException>(() => client.Send(new Request(Channels.Bytes(1)) { Opcode = 1 }));
                Assert.Throws<InvalidArgumentException>(() => client.Call(new Request(Channels.Bytes(1)) { Opcode = 1 }));
                Assert.Throws<InvalidArgumentException>(() => client.Call(new Request(Channels.Bytes(1)) { OneWay = true }));
                Assert.Throws<InvalidArgumentException>(() => client.Send(new Request(Channels.Bytes(1)) { Capacity = -1 }));
                Assert.Throws<InvalidFrameSizeException>(() => client.SendRequest(new byte[0]));
                Assert.Throws<InvalidFrameSizeException>(() => client.AcquireRequestBuffer(0));
                Assert.Throws<FrameTooLargeException>(() => client.SendRequest(new byte[4081]));
                using (RequestBuffer buffer = client.AcquireRequestBuffer(10))
                {
                    Assert.That(buffer.Capacity, Is.EqualTo(4080), "what the response buffer holds");
                    Assert.Throws<InvalidArgumentException>(() => buffer.SetOpcode(1));
                    buffer.SetOpcode(0);
                    buffer.Data.Fill(3);
                    Assert.That(buffer.Commit(), Is.EqualTo(1), "nothing that was refused counts");
                    Assert.Throws<FrameReleasedException>(() => buffer.Commit());
                    Assert.Throws<FrameReleasedException>(() => buffer.SetOneWay());
                    Assert.Throws<FrameReleasedException>(() => buffer.SetOpcode(0));
                    Assert.Throws<FrameReleasedException>(() => buffer.Data.Clear());
                }

                client.ReceiveResponse(1UL).Release();
                Assert.That(DualBuffers.Take(client.Call(new Request(Channels.Bytes(20)) { Capacity = 5 })), Is.EqualTo(Channels.Bytes(20)), "a capacity means nothing");
            }
        }

        [Test]
        public void OneWayResponsesAreReceivedAndDropped()
        {
            int handled = 0;
            using (DualBuffers.Serve(name, frame => Interlocked.Increment(ref handled)))
            using (DualBufferDuplexChannel client = DualBuffers.Connect(name, new ClientOptions { ResponseConfig = new BufferConfig(0, 256) }))
            {
                // Many more responses than their buffer holds, and nobody receives.
                for (int i = 0; i < 500; i++)
                {
                    client.Send(new Request(Channels.Bytes(100)) { OneWay = true });
                }

                using (RequestBuffer buffer = client.AcquireRequestBuffer(5))
                {
                    buffer.SetOneWay();
                    Assert.Throws<UnknownSequenceException>(() => client.ReceiveResponse(buffer.Commit()));
                }

                using (Response response = client.Call(Channels.Bytes(50)))
                {
                    Assert.That(response.Sequence, Is.EqualTo(502));
                    Assert.That(response.Data.ToArray(), Is.EqualTo(Channels.Bytes(50)));
                }

                Assert.That(handled, Is.EqualTo(502));
                Assert.That(client.Pending, Is.EqualTo(0));
            }
        }

        [Test]
        public void ReceiveByNumberParksTheOthers()
        {
            using (DualBuffers.Serve(name, Channels.Echo))
            using (DualBufferDuplexChannel client = DualBuffers.Connect(name))
            {
                for (int i = 1; i <= 6; i++)
                {
                    Assert.That(client.SendRequest(Channels.Bytes(i, i)), Is.EqualTo(i));
                }

                foreach (ulong number in new ulong[] { 4, 2 })
                {
                    using (Response response = client.ReceiveResponse(number))
                    {
                        Assert.That(response.Sequence, Is.EqualTo(number));
                        Assert.That(response.Data.ToArray(), Is.EqualTo(Channels.Bytes((int)number, (int)number)));
                    }
                }

                var rest = new List<ulong>();
                for (int i = 0; i < 4; i++)
                {
                    using (Response response = client.ReceiveResponse())
                    {
                        rest.Add(response.Sequence);
                    }
                }

                Assert.That(rest, Is.EqualTo(new ulong[] { 1, 3, 5, 6 }), "the oldest first");
                Assert.Throws<UnknownSequenceException>(() => client.ReceiveResponse(4UL));
                Assert.Throws<UnknownSequenceException>(() => client.ReceiveResponse(7UL));
                Assert.Throws<ZeroDuplexTimeoutException>(() => client.ReceiveResponse(TimeSpan.Zero));
            }
        }

        [Test]
        public void ResponsesAreReleasedInAnyOrderOnce()
        {
            using (DualBuffers.Serve(name, Channels.Echo))
            using (DualBufferDuplexChannel client = DualBuffers.Connect(name))
            {
                for (int round = 0; round < 200; round++)
                {
                    client.SendRequest(Channels.Bytes(500, 1));
                    client.SendRequest(Channels.Bytes(500, 2));
                    Response first = client.ReceiveResponse();
                    Response second = client.ReceiveResponse();
                    second.Release();
                    Assert.Throws<FrameReleasedException>(() => second.Data.ToArray());
                    Assert.That(first.Data.ToArray(), Is.EqualTo(Channels.Bytes(500, 1)));
                    first.Release();
                    first.Release();
                }
            }
        }

        [Test]
        public void NothingCanBeTakenBack()
        {
            var go = new SemaphoreSlim(0);
            using (DualBuffers.Serve(name, frame => go.Wait()))
            using (DualBufferDuplexChannel client = DualBuffers.Connect(name))
            {
                client.SendRequest(Channels.Bytes(1));
                client.SendRequest(Channels.Bytes(2));
                Assert.That(client.Cancel(2), Is.False);
                Assert.Throws<UnknownSequenceException>(() => client.Cancel(3));
                go.Release(2);
                client.ReceiveResponse(1UL).Release();
                client.ReceiveResponse(2UL).Release();
                Assert.Throws<UnknownSequenceException>(() => client.Cancel(2));
            }
        }

        [TestCase(WaitStrategy.Hybrid)]
        [TestCase(WaitStrategy.Spin)]
        [TestCase(WaitStrategy.Block)]
        public void TimedOutCallDropsItsLateResponse(WaitStrategy wait)
        {
            var go = new SemaphoreSlim(0);
            FrameHandler slow = frame =>
            {
                if (frame.Sequence == 1)
                {
                    go.Wait();
                }
            };
            using (DualBuffers.Serve(name, slow))
            using (DualBufferDuplexChannel client = DualBuffers.Connect(name, new ClientOptions { Wait = wait, CallTimeout = Channels.Patience }))
            {
                Assert.Throws<ZeroDuplexTimeoutException>(() => client.Call(Channels.Bytes(100), Streams.Soon));
                Assert.Throws<UnknownSequenceException>(() => client.ReceiveResponse(1UL));
                Assert.Throws<UnknownSequenceException>(() => client.Cancel(1));
                client.SendRequest(Channels.Bytes(7));
                go.Release();
                Assert.That(DualBuffers.Take(client.ReceiveResponse()), Is.EqualTo(Channels.Bytes(7)), "not the late one");
                Assert.That(DualBuffers.Take(client.Call(Channels.Bytes(8))), Is.EqualTo(Channels.Bytes(8)));
                Assert.That(client.Pending, Is.EqualTo(0));
            }
        }

        [Test]
        public void ReceiveThatTimedOutMayBeRepeated()
        {
            var go = new SemaphoreSlim(0);
            using (DualBuffers.Serve(name, frame => go.Wait()))
            using (DualBufferDuplexChannel client = DualBuffers.Connect(name))
            {
                ulong sequence = client.SendRequest(Channels.Bytes(9));
                Assert.Throws<ZeroDuplexTimeoutException>(() => client.ReceiveResponse(sequence, Streams.Soon));
                Assert.Throws<ZeroDuplexTimeoutException>(() => client.ReceiveResponse(Streams.Soon));
                go.Release();
                Assert.That(DualBuffers.Take(client.ReceiveResponse(sequence)), Is.EqualTo(Channels.Bytes(9)));
            }
        }

        [Test]
        public void TasksWaitForResponses()
        {
            using (DualBuffers.Serve(name, DualBuffers.Invert))
            using (DualBufferDuplexChannel client = DualBuffers.Connect(name))
            {
                Assert.That(DualBuffers.Take(client.CallAsync(Channels.Bytes(10)).Result), Is.EqualTo(DualBuffers.Inverted(Channels.Bytes(10))));
                Task<Response> any = client.ReceiveResponseAsync();
                ulong sequence = client.SendRequest(Channels.Bytes(20));
                Assert.That(any.Result.Sequence, Is.EqualTo(sequence));
                any.Result.Release();
                sequence = client.SendRequest(Channels.Bytes(30));
                Assert.That(DualBuffers.Take(client.ReceiveResponseAsync(sequence).Result), Is.EqualTo(DualBuffers.Inverted(Channels.Bytes(30))));
                var e = Assert.Throws<AggregateException>(() => client.CallAsync(Channels.Bytes(1), 5).Wait());
                Assert.That(e.InnerException, Is.InstanceOf<InvalidArgumentException>());
            }
        }

        [Test]
        public void WaitsCanBeCancelled()
        {
            var go = new SemaphoreSlim(0);
            using (DualBuffers.Serve(name, frame => go.Wait()))
            using (DualBufferDuplexChannel client = DualBuffers.Connect(name))
            {
                var source = new CancellationTokenSource();
                Task<Response> call = client.CallAsync(Channels.Bytes(10), cancellationToken: source.Token);
                Task<Response> any = client.ReceiveResponseAsync(cancellationToken: source.Token);
                Channels.Until(() => client.Waiting == 2, "they wait");
                source.Cancel();
                Assert.That(Assert.Throws<AggregateException>(() => call.Wait(Channels.Patience)).InnerException, Is.InstanceOf<OperationCanceledException>());
                Assert.That(Assert.Throws<AggregateException>(() => any.Wait(Channels.Patience)).InnerException, Is.InstanceOf<OperationCanceledException>());
                Assert.Throws<OperationCanceledException>(() => client.SendRequest(Channels.Bytes(1), null, source.Token));
                go.Release(2);
                Assert.That(DualBuffers.Take(client.Call(Channels.Bytes(11))), Is.EqualTo(Channels.Bytes(11)), "the cancelled call's response was dropped");
            }
        }

        [TestCase(WaitStrategy.Hybrid)]
        [TestCase(WaitStrategy.Spin)]
        [TestCase(WaitStrategy.Block)]
        public void ManyThreadsShareOneClient(WaitStrategy wait)
        {
            const int Threads = 4;
            const int Each = 300;
            using (DualBuffers.Serve(name, DualBuffers.Invert, new ServerOptions { Wait = wait }))
            using (DualBufferDuplexChannel client = DualBuffers.Connect(name, new ClientOptions { Wait = wait, CallTimeout = Channels.Patience }))
            {
                int right = 0;
                var threads = new Thread[Threads];
                for (int i = 0; i < Threads; i++)
                {
                    int mine = i;
                    threads[i] = Channels.Run(() =>
                    {
                        for (int n = 0; n < Each; n++)
                        {
                            byte[] sent = Channels.Bytes(1 + (n % 300), mine * n);
                            if (n % 3 == 0)
                            {
                                client.Send(new Request(sent) { OneWay = true });
                            }

                            byte[] got = DualBuffers.Take(n % 2 == 0 ? client.Call(sent) : client.ReceiveResponse(client.SendRequest(sent)));
                            if (new ReadOnlySpan<byte>(got).SequenceEqual(DualBuffers.Inverted(sent)))
                            {
                                Interlocked.Increment(ref right);
                            }
                        }
                    });
                }

                foreach (Thread thread in threads)
                {
                    Channels.Join(thread);
                }

                Assert.That(right, Is.EqualTo(Threads * Each));
            }
        }

        private static void Resize(Frame frame, int size)
        {
            int before = frame.Size;
            frame.Resize(size);
            if (size > before)
            {
                frame.Data.Slice(before).Fill(7);
            }
        }
    }
}
