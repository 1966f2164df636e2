using System;
using System.Collections.Generic;
using System.Text;
using System.Threading;
using NUnit.Framework;

namespace ZeroDuplex.Tests
{
    [TestFixture]
    public class CallTests
    {
        [TestCase(WaitStrategy.Hybrid)]
        [TestCase(WaitStrategy.Spin)]
        [TestCase(WaitStrategy.Block)]
        public void EverySizeIsChangedInPlace(WaitStrategy wait)
        {
            string name = Channels.NewName();
            FrameHandler invert = frame =>
            {
                Span<byte> data = frame.Data;
                for (int i = 0; i < data.Length; i++)
                {
                    data[i] ^= 0xFF;
                }
            };
            using (Channels.Serve(name, invert, options: new ServerOptions { Wait = wait }))
            using (InPlaceDuplexChannel client = Channels.Connect(name, new ClientOptions { Wait = wait }))
            {
                ulong sequence = 0;
                foreach (int size in new[] { 0, 1, 63, 64, 65, 4096, 4097, 60000, 65536 - 64 })
                {
                    byte[] sent = Channels.Bytes(size, size);
                    using (Response response = client.Call(sent))
                    {
                        sequence++;
                        Assert.That(response.Size, Is.EqualTo(size));
                        Assert.That(response.Sequence, Is.EqualTo(sequence));
                        Assert.That(response.Status, Is.EqualTo(0));
                        byte[] got = response.Data.ToArray();
                        for (int i = 0; i < size; i++)
                        {
                            if (got[i] != (byte)(sent[i] ^ 0xFF))
                            {
                                Assert.Fail("byte " + i + " of " + size + " is " + got[i]);
                            }
                        }
                    }
                }
            }
        }

        [Test]
        public unsafe void ResponseStandsWhereTheRequestStood()
        {
            string name = Channels.NewName();
            using (Channels.Serve(name, Channels.Echo))
            using (InPlaceDuplexChannel client = Channels.Connect(name))
            {
                RequestBuffer buffer = client.AcquireRequestBuffer(100);
                fixed (byte* place = buffer.Data)
                {
                    buffer.Commit();
                    using (Response response = client.ReceiveResponse())
                    {
                        fixed (byte* answer = response.Data)
                        {
                            Assert.That((IntPtr)answer, Is.EqualTo((IntPtr)place));
                        }
                    }
                }
            }
        }

        [Test]
        public void OpcodeCapacityAndResize()
        {
            string name = Channels.NewName();
            FrameHandler grow = frame =>
            {
                Assert.That(frame.Capacity, Is.EqualTo(320));
                Assert.That(frame.Size, Is.EqualTo(10));
                Assert.That(frame.OneWay, Is.False);
                frame.Resize((int)frame.Opcode);
                frame.Data.Fill(7);
            };
            using (Channels.Serve(name, grow))
            using (InPlaceDuplexChannel client = Channels.Connect(name))
            {
                foreach (uint size in new uint[] { 0, 1, 300, 320 })
                {
                    using (Response response = client.Call(new Request(Channels.Bytes(10)) { Opcode = size, Capacity = 300 }))
                    {
                        Assert.That(response.Opcode, Is.EqualTo(size));
                        Assert.That(response.Data.ToArray(), Is.EqualTo(Filled((int)size, 7)));
                    }
                }
            }
        }

        [Test]
        public void ResponseTooLargeIsItsOwnError()
        {
            string name = Channels.NewName();
            using (Channels.Serve(name, frame => frame.Resize(frame.Capacity + 1)))
            using (InPlaceDuplexChannel client = Channels.Connect(name))
            {
                var e = Assert.Throws<ResponseTooLargeException>(() => client.Call(Channels.Bytes(64)));
                Assert.That(e.Sequence, Is.EqualTo(1));
                Assert.That(e.Status, Is.EqualTo(-2));
                Assert.That(e.HandlerMessage, Is.Not.Empty);
                Assert.That(e.Retryable, Is.False);

                // The frame of the failure was released: the ring is empty again.
                Assert.Throws<ResponseTooLargeException>(() => client.Call(Channels.Bytes(65536 - 64 - 64)));
            }
        }

        [Test]
        public void NegativeResizeIsAnInvalidArgument()
        {
            string name = Channels.NewName();
            using (Channels.Serve(name, frame => Assert.Throws<InvalidArgumentException>(() => frame.Resize(-1))))
            using (InPlaceDuplexChannel client = Channels.Connect(name))
            {
                client.Call(Channels.Bytes(1)).Release();
            }
        }

        [Test]
        public void HandlerThatThrowsFailsItsRequestOnly()
        {
            string name = Channels.NewName();
            FrameHandler handler = frame =>
            {
                if (frame.Opcode == 1)
                {
                    throw new InvalidOperationException("not today");
                }
            };
            using (Channels.Serve(name, handler))
            using (InPlaceDuplexChannel client = Channels.Connect(name))
            {
                var e = Assert.Throws<HandlerFailedException>(() => client.Call(new Request(Channels.Bytes(100)) { Opcode = 1 }));
                Assert.That(e.Code, Is.EqualTo(ErrorCode.HandlerFailed));
                Assert.That(e.Status, Is.EqualTo(-1));
                Assert.That(e.Sequence, Is.EqualTo(1));
                Assert.That(e.HandlerMessage, Is.EqualTo("not today"));
                Assert.That(e.Channel, Is.EqualTo(name));
                Assert.That(e.Message, Contains.Substring("not today"));
                client.Call(Channels.Bytes(100)).Release();
            }
        }

        [Test]
        public void FailGivesTheApplicationsCode()
        {
            string name = Channels.NewName();
            FrameHandler handler = frame =>
            {
                Assert.Throws<InvalidArgumentException>(() => frame.Fail(0, "zero is not mine to give"));
                frame.Fail(42, "no such picture");
                Assert.That(frame.Status, Is.EqualTo(42));
            };
            using (Channels.Serve(name, handler))
            using (InPlaceDuplexChannel client = Channels.Connect(name))
            {
                var e = Assert.Throws<HandlerFailedException>(() => client.Call(Channels.Bytes(100)));
                Assert.That(e.Status, Is.EqualTo(42));
                Assert.That(e.HandlerMessage, Is.EqualTo("no such picture"));
            }
        }

        [Test]
        public void FailureMessageIsCutAtACharacter()
        {
            string name = Channels.NewName();
            string message = "xy" + new string('\u20AC', 40); // two bytes, then three each
            using (Channels.Serve(name, frame => frame.Fail(1, message)))
            using (InPlaceDuplexChannel client = Channels.Connect(name))
            {
                // 64 bytes of capacity hold the first two and 20 of the others, and 2 bytes that are no character; nothing fits where there is no capacity.
                Assert.That(Assert.Throws<HandlerFailedException>(() => client.Call(Channels.Bytes(1))).HandlerMessage, Is.EqualTo(message.Substring(0, 22)));
                Assert.That(Assert.Throws<HandlerFailedException>(() => client.Call(Channels.Bytes(0))).HandlerMessage, Is.Empty);
                Assert.That(Assert.Throws<HandlerFailedException>(() => client.Call(Channels.Bytes(200))).HandlerMessage, Is.EqualTo(message));
            }
        }

        [Test]
        public void AnswersMayComeOutOfOrder()
        {
            string name = Channels.NewName();
            var gate = new ManualResetEvent(false);
            FrameHandler handler = frame =>
            {
                if (frame.Sequence == 1)
                {
                    Channels.Await(gate, "the others are answered");
                }
            };
            using (Channels.Serve(name, handler, options: new ServerOptions { Workers = 4 }))
            using (InPlaceDuplexChannel client = Channels.Connect(name))
            {
                for (int i = 1; i <= 4; i++)
                {
                    client.SendRequest(new[] { (byte)i });
                }

                var seen = new List<ulong>();
                for (int i = 0; i < 3; i++)
                {
                    using (Response response = client.ReceiveResponse())
                    {
                        Assert.That(response.Data[0], Is.EqualTo((byte)response.Sequence));
                        seen.Add(response.Sequence);
                    }
                }

                gate.Set();
                client.ReceiveResponse(1).Release();
                seen.Sort();
                Assert.That(seen, Is.EqualTo(new ulong[] { 2, 3, 4 }));
            }
        }

        [Test]
        public void OneWayRequestsRunWithoutAnswer()
        {
            string name = Channels.NewName();
            int runs = 0;
            var errors = new List<Exception>();
            var told = new SemaphoreSlim(0);
            FrameHandler handler = frame =>
            {
                if (frame.OneWay)
                {
                    Interlocked.Increment(ref runs);
                    if (frame.Opcode == 1)
                    {
                        throw new InvalidOperationException("nobody hears me");
                    }

                    if (frame.Opcode == 2)
                    {
                        frame.Fail(3, "nor me");
                    }
                }
            };
            var options = new ServerOptions
            {
                OnError = e =>
                {
                    errors.Add(e);
                    told.Release();
                    throw new InvalidOperationException("a listener that fails harms nobody");
                },
            };
            using (Channels.Serve(name, handler, 4096, options))
            using (InPlaceDuplexChannel client = Channels.Connect(name))
            {
                for (uint i = 0; i < 100; i++)
                {
                    client.Send(new Request(Channels.Bytes(500)) { OneWay = true, Opcode = i < 3 ? i : 0 });
                }

                using (RequestBuffer buffer = client.AcquireRequestBuffer(10))
                {
                    buffer.SetOneWay();
                    Assert.That(buffer.Commit(), Is.EqualTo(101));
                }

                client.Call(Channels.Bytes(1)).Release();
                Assert.That(runs, Is.EqualTo(101));
                Assert.That(told.Wait(Channels.Patience) && told.Wait(Channels.Patience));
                Assert.That(errors[0], Is.InstanceOf<HandlerFailedException>());
                Assert.That(errors[0].Message, Contains.Substring("nobody hears me"));
                Assert.That(errors[1].Message, Contains.Substring("nor me"));
                Assert.Throws<UnknownSequenceException>(() => client.ReceiveResponse(1UL));
                Assert.Throws<InvalidArgumentException>(() => client.Call(new Request(Channels.Bytes(1)) { OneWay = true }));
            }
        }

        [Test]
        public void FrameCannotBeUsedAfterItsHandler()
        {
            string name = Channels.NewName();
            var kept = default(Frame);
            Assert.Throws<FrameReleasedException>(() => Use(kept));
            using (Channels.Serve(name, frame => kept = frame))
            using (InPlaceDuplexChannel client = Channels.Connect(name))
            {
                client.Call(Channels.Bytes(1)).Release();
                Assert.Throws<FrameReleasedException>(() => Use(kept));
                Assert.Throws<FrameReleasedException>(() => kept.Resize(1));
                Assert.Throws<FrameReleasedException>(() => kept.Fail(1, "late"));
            }
        }

        [Test]
        public void ResponseCannotBeUsedAfterItsRelease()
        {
            string name = Channels.NewName();
            using (Channels.Serve(name, Channels.Echo))
            using (InPlaceDuplexChannel client = Channels.Connect(name))
            {
                Response response = client.Call(Channels.Bytes(3));
                Response copy = response;
                Assert.That(copy.Data.ToArray(), Is.EqualTo(Channels.Bytes(3)));
                response.Release();
                Assert.Throws<FrameReleasedException>(() => Use(copy));
                copy.Release(); // does nothing

                using (Response next = client.Call(Channels.Bytes(5)))
                {
                    copy.Release(); // still nothing: the place is another response's now
                    Assert.That(next.Data.ToArray(), Is.EqualTo(Channels.Bytes(5)));
                    Assert.Throws<FrameReleasedException>(() => Use(copy));
                }

                default(Response).Release();
                Assert.Throws<FrameReleasedException>(() => Use(default(Response)));
            }
        }

        [Test]
        public void BufferCannotBeUsedAfterCommitOrAbort()
        {
            string name = Channels.NewName();
            using (Channels.Serve(name, Channels.Echo))
            using (InPlaceDuplexChannel client = Channels.Connect(name))
            {
                RequestBuffer buffer = client.AcquireRequestBuffer(3, 100);
                Assert.That(buffer.Size, Is.EqualTo(3));
                Assert.That(buffer.Capacity, Is.EqualTo(128));
                buffer.Abort();
                buffer.Abort(); // does nothing
                Assert.Throws<FrameReleasedException>(() => Use(buffer));
                Assert.Throws<FrameReleasedException>(() => buffer.Commit());
                Assert.Throws<FrameReleasedException>(() => buffer.SetOpcode(1));
                Assert.Throws<FrameReleasedException>(() => buffer.SetOneWay());

                RequestBuffer second = client.AcquireRequestBuffer(3);
                buffer.Abort(); // not the second's
                Channels.Bytes(3).CopyTo(second.Data);
                second.SetOpcode(9);
                Assert.That(second.Commit(), Is.EqualTo(1), "an aborted buffer takes no number");
                Assert.Throws<FrameReleasedException>(() => second.Commit());
                using (Response response = client.ReceiveResponse(1UL))
                {
                    Assert.That(response.Opcode, Is.EqualTo(9));
                }

                default(RequestBuffer).Abort();
                Assert.Throws<FrameReleasedException>(() => default(RequestBuffer).Commit());
            }
        }

        [Test]
        public void DisposeAbortsWhatWasNotCommitted()
        {
            string name = Channels.NewName();
            using (Channels.Serve(name, Channels.Echo, 128))
            using (InPlaceDuplexChannel client = Channels.Connect(name))
            {
                for (int i = 0; i < 3; i++)
                {
                    using (client.AcquireRequestBuffer(64))
                    {
                    }
                }

                client.Call(Channels.Bytes(64)).Release();
            }
        }

        [Test]
        public void CallsDoNotAllocate()
        {
            const int Calls = 10000;
            string name = Channels.NewName();
            long serverAllocated = 0;
            using (Channels.Serve(name, frame => serverAllocated = GC.GetAllocatedBytesForCurrentThread()))
            using (InPlaceDuplexChannel client = Channels.Connect(name))
            {
                byte[] data = Channels.Bytes(64);
                CallMany(client, data, 1000);
                long serverBefore = serverAllocated;
                long before = GC.GetAllocatedBytesForCurrentThread();
                CallMany(client, data, Calls);
                long grown = GC.GetAllocatedBytesForCurrentThread() - before;

                // One object for each call would be 24 bytes or more; what the runtime itself makes now and then is no matter.
                Assert.That(grown, Is.LessThan(Calls), "bytes of the client's thread");
                Assert.That(serverAllocated - serverBefore, Is.LessThan(Calls), "bytes of the server's thread");

                before = GC.GetAllocatedBytesForCurrentThread();
                GC.KeepAlive(new byte[Calls]);
                Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.GreaterThanOrEqualTo(Calls), "the measure sees allocations");
            }
        }

        private static void CallMany(InPlaceDuplexChannel client, byte[] data, int count)
        {
            for (int i = 0; i < count; i++)
            {
                client.Call(data).Release();
                RequestBuffer buffer = client.AcquireRequestBuffer(64);
                client.ReceiveResponse(buffer.Commit()).Release();
            }
        }

        private static byte[] Filled(int size, byte value)
        {
            var bytes = new byte[size];
            for (int i = 0; i < size; i++)
            {
                bytes[i] = value;
            }

            return bytes;
        }

        private static void Use(Frame frame)
        {
            frame.Data.Clear();
        }

        private static void Use(Response response)
        {
            response.Data.Clear();
        }

        private static void Use(RequestBuffer buffer)
        {
            buffer.Data.Clear();
        }
    }
}
