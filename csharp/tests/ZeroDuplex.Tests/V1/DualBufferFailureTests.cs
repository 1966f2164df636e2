using System;
using System.Diagnostics;
using System.Threading;
using System.Threading.Tasks;
using NUnit.Framework;

namespace ZeroDuplex.Tests
{
    /// <summary>v1 duplex channels whose other side dies, or stores what it should not.</summary>
    [TestFixture]
    public class DualBufferFailureTests
    {
        private string name;

        [SetUp]
        public void SetUp()
        {
            name = Channels.NewName();
        }

        /// <summary>The next owner of a name removes what a killed one left.</summary>
        [TearDown]
        public void TearDown()
        {
            Streams.Read(name + "_request").Close();
            Streams.Read(name + "_response").Close();
            Assert.That(Channels.Files(name), Is.Empty);
        }

        [Test]
        public void RoundTripsWithAnotherProcess()
        {
            using (Helper server = Helper.ImmutableServer(name))
            {
                using (DualBufferDuplexChannel client = DualBuffers.Connect(name))
                {
                    for (int i = 0; i < 5000; i++)
                    {
                        byte[] sent = Channels.Bytes(1 + (i % 900), i);
                        sent[0] = 0; // echo
                        using (Response response = client.Call(sent))
                        {
                            Assert.That(response.Data.SequenceEqual(sent));
                        }
                    }
                }

                Assert.That(server.End(), Is.EqualTo(0));
                Assert.That(Channels.Files(name), Is.Empty);
            }
        }

        [Test]
        public void KilledServerIsServerDeadAfterItsAnswers()
        {
            using (Helper server = Helper.ImmutableServer(name))
            using (DualBufferDuplexChannel client = DualBuffers.Connect(name))
            {
                client.SendRequest(new byte[] { 0, 1 });
                client.SendRequest(new byte[] { 2 });
                server.Expect("taken 2");
                client.SendRequest(new byte[] { 0 });
                Task<Response> waiting = client.ReceiveResponseAsync(3, Channels.Patience);
                Channels.Until(() => client.Waiting == 1, "it waits");
                server.Kill();
                Stopwatch watch = Stopwatch.StartNew();
                var e = Assert.Throws<AggregateException>(() => waiting.Wait(Channels.Patience));
                Assert.That(watch.Elapsed, Is.LessThan(TimeSpan.FromSeconds(5)));
                Assert.That(e.InnerException, Is.InstanceOf<ServerDeadException>());
                Assert.That(e.InnerException.Message, Contains.Substring("2 requests from 2 to 3 are lost"));
                Assert.That(DualBuffers.Take(client.ReceiveResponse()), Is.EqualTo(new byte[] { 0, 1 }));
                Assert.Throws<ServerDeadException>(() => client.ReceiveResponse());
                Assert.Throws<ServerDeadException>(() => client.SendRequest(new byte[] { 1 }));
            }

            using (DualBuffers.Serve(name, Channels.Echo))
            using (DualBufferDuplexChannel client = DualBuffers.Connect(name))
            {
                client.Call(Channels.Bytes(1)).Release();
            }
        }

        [Test]
        public void SenderLearnsThatTheServerWasKilled()
        {
            using (Helper server = Helper.ImmutableServer(name))
            using (DualBufferDuplexChannel client = DualBuffers.Connect(name))
            {
                client.Call(new byte[] { 0 }).Release();
                server.Kill();
                Channels.Until(() => Fails<ServerDeadException>(() => client.SendRequest(new byte[] { 0 })), "a send that never waits looks at the server");
                Assert.That(client.IsServerConnected, Is.False);
            }
        }

        [Test]
        public void KilledClientMakesRoomForTheNext()
        {
            using (DualBuffers.Serve(name, Channels.Echo))
            {
                for (int i = 0; i < 3; i++)
                {
                    using (Helper client = Helper.DualBufferClient(name, 3, 0))
                    {
                        client.Kill();
                    }

                    using (DualBufferDuplexChannel next = DualBuffers.Connect(name))
                    using (Response response = next.Call(Channels.Bytes(9)))
                    {
                        Assert.That(response.Sequence, Is.EqualTo(1));
                        Assert.That(response.Data.ToArray(), Is.EqualTo(Channels.Bytes(9)));
                    }
                }
            }
        }

        [Test]
        public void ServerThatIsBusyForAKilledClientLetsTheNextInWhenItIsDone()
        {
            using (Helper server = Helper.ImmutableServer(name))
            using (Helper client = Helper.DualBufferClient(name, 3, 1))
            {
                server.Expect("taken 1");
                client.Kill();
                var once = new ClientOptions { ConnectTimeout = TimeSpan.Zero };
                Assert.Throws<ServerBusyException>(() => DualBuffers.Connect(name, once));
                server.Tell("go");
                using (DualBufferDuplexChannel next = DualBuffers.Connect(name))
                {
                    Assert.That(DualBuffers.Take(next.Call(new byte[] { 0, 5 })), Is.EqualTo(new byte[] { 0, 5 }));
                }

                Assert.That(server.End(), Is.EqualTo(0));
            }
        }

        [Test]
        public void ConnectGivesUpAServerThatDiesMeanwhile()
        {
            using (Helper server = Helper.ImmutableServer(name))
            {
                Helper client = Helper.DualBufferClient(name, 3, 1);
                server.Expect("taken 1");
                client.Kill();
                Task connecting = Task.Factory.StartNew(() => DualBuffers.Connect(name, new ClientOptions { ConnectTimeout = TimeSpan.FromSeconds(2) }));
                Channels.Until(
                    () => Streams.Word(name + "_request", Wire.OiebV1WriterPidOffset) == (ulong)Process.GetCurrentProcess().Id, "it has the dead one's place");
                server.Kill();
                var e = Assert.Throws<AggregateException>(() => connecting.Wait(Channels.Patience));
                Assert.That(e.InnerException, Is.InstanceOf<ServerNotFoundException>());
                client.Dispose();
            }
        }

        [TestCase("--inflight 1 --min 1")]
        [TestCase("--inflight 16 --min 1 --max 900 --one-way-every 7")]
        public void StressPeersVerifyEveryByte(string flags)
        {
            using (var server = new Helper("ZeroDuplex.Peers", "stress-server --protocol v1 --payload-size 16384 --name " + name))
            {
                server.Expect("ready");
                using (var client = new Helper("ZeroDuplex.Peers", "stress-client --count 3000 --name " + name + " " + flags))
                {
                    string result = client.ReadLine();
                    Assert.That(client.WaitForExit(), Is.EqualTo(0));
                    Assert.That(result, Contains.Substring("\"errors\":0"));
                }

                Assert.That(server.Terminate(), Is.EqualTo(0));
                Assert.That(server.ReadLine(), Contains.Substring("\"bad\":0"));
                Assert.That(Channels.Files(name), Is.Empty);
            }
        }

        [Test]
        public void IdleEndsUseNextToNoProcessorTime()
        {
            using (Helper server = Helper.ImmutableServer(name))
            using (DualBufferDuplexChannel client = DualBuffers.Connect(name))
            {
                client.Call(new byte[] { 0 }).Release();
                TimeSpan enough = TimeSpan.FromMilliseconds(60); // of 3 seconds: 2 %
                Assert.That(server.LeastUsed(enough, () => client.ReceiveResponse(TimeSpan.FromSeconds(3))), Is.LessThan(enough));
            }
        }

        [Test]
        public void ServerThatFindsTheRequestsCorruptedTellsAndServesTheNext()
        {
            var listener = new Listener();
            using (DualBuffers.Serve(name, Channels.Echo, listener.Options))
            {
                using (DualBufferDuplexChannel client = DualBuffers.Connect(name))
                {
                    client.Call(Channels.Bytes(1)).Release();
                    Streams.SetWord(name + "_request", Wire.OiebV1PayloadWrittenCountOffset, 2);
                    Streams.WithSemaphore("sem-w-" + name + "_request", s => s.PostBelow(9));
                    Assert.That(listener.Next(), Is.InstanceOf<CorruptedException>());
                    Assert.Throws<ServerDeadException>(() => client.ReceiveResponse(Channels.Patience));
                }

                using (DualBufferDuplexChannel next = DualBuffers.Connect(name))
                {
                    next.Call(Channels.Bytes(1)).Release();
                }
            }
        }

        [Test]
        public void ServerThatFindsTheResponsesCorruptedTellsAndServesTheNext()
        {
            var listener = new Listener();
            using (DualBuffers.Serve(name, Channels.Echo, listener.Options))
            {
                using (DualBufferDuplexChannel client = DualBuffers.Connect(name))
                {
                    client.Call(Channels.Bytes(1)).Release();
                    Streams.SetWord(name + "_response", Wire.OiebV1PayloadFreeBytesOffset, ulong.MaxValue);
                    Assert.Throws<ZeroDuplexTimeoutException>(() => client.Call(Channels.Bytes(1), TimeSpan.FromMilliseconds(200)));
                    Assert.That(listener.Next(), Is.InstanceOf<CorruptedException>());
                }

                using (DualBufferDuplexChannel next = DualBuffers.Connect(name))
                {
                    next.Call(Channels.Bytes(1)).Release();
                }
            }
        }

        [Test]
        public void ClientThatFindsTheResponsesCorruptedDetaches()
        {
            using (DualBuffers.Create(name))
            using (DualBufferDuplexChannel client = DualBuffers.Connect(name))
            {
                client.SendRequest(Channels.Bytes(10));
                Streams.SetWord(name + "_response", Wire.OiebV1PayloadWrittenCountOffset, 1);
                Streams.WithSemaphore("sem-w-" + name + "_response", s => s.PostBelow(9));
                Assert.Throws<CorruptedException>(() => client.ReceiveResponse(Channels.Patience));
                Assert.Throws<CorruptedException>(() => client.SendRequest(Channels.Bytes(1)));
                Assert.Throws<CorruptedException>(() => client.ReceiveResponse(1UL));
                Assert.That(Streams.Word(name + "_request", Wire.OiebV1WriterPidOffset), Is.EqualTo(0), "it has left already");
            }
        }

        [Test]
        public void ResponseToNoRequestIsCorruption()
        {
            using (DualBuffers.Create(name))
            using (DualBufferDuplexChannel client = DualBuffers.Connect(name))
            using (Writer stranger = Streams.WriteAtOnce(name + "_response"))
            {
                stranger.WriteFrame(Channels.Bytes(10));
                var e = Assert.Throws<CorruptedException>(() => client.ReceiveResponse(Channels.Patience));
                Assert.That(e.Message, Contains.Substring("answers no request"));
            }
        }

        /// <summary>As published clients are: the response buffer may come after the request.</summary>
        [Test]
        public void ServerWaitsForTheResponseBufferOfAClientThatIsThere()
        {
            using (DualBuffers.Serve(name, DualBuffers.Invert))
            using (Writer requests = Streams.WriteAtOnce(name + "_request"))
            {
                requests.WriteFrame(Channels.Bytes(10));
                using (Reader responses = Streams.Read(name + "_response"))
                {
                    Streams.Expect(responses, 1, DualBuffers.Inverted(Channels.Bytes(10)));
                    requests.WriteFrame(Channels.Bytes(20));
                    Streams.Expect(responses, 2, DualBuffers.Inverted(Channels.Bytes(20)));
                }
            }
        }

        [Test]
        public void ServerGivesUpWaitingWhenTheClientIsGone()
        {
            using (ImmutableDuplexServer server = DualBuffers.Serve(name, Channels.Echo))
            {
                Writer requests = Streams.WriteAtOnce(name + "_request");
                requests.WriteFrame(Channels.Bytes(10));
                Assert.That(Streams.Word(name + "_request", Wire.OiebV1PayloadReadCountOffset), Is.EqualTo(0), "it looks for the response buffer");
                requests.Close();
                Channels.Until(() => Streams.Word(name + "_request", Wire.OiebV1PayloadReadCountOffset) == 1, "it gives up");
                using (DualBufferDuplexChannel next = DualBuffers.Connect(name))
                {
                    next.Call(Channels.Bytes(1)).Release();
                }
            }
        }

        /// <summary>The response buffer of a client that died is there, but must not be used.</summary>
        [Test]
        public void ResponseBufferOfADeadClientIsNotUsed()
        {
            Reader responses = Streams.Read(name + "_response");
            byte[] image = System.IO.File.ReadAllBytes("/dev/shm/" + name + "_response");
            responses.Close();
            BitConverter.GetBytes(0x7FFFFFF0UL).CopyTo(image, Wire.OiebV1ReaderPidOffset);
            System.IO.File.WriteAllBytes("/dev/shm/" + name + "_response", image);
            using (ImmutableDuplexServer server = DualBuffers.Serve(name, Channels.Echo))
            using (Writer requests = Streams.WriteAtOnce(name + "_request"))
            {
                requests.WriteFrame(Channels.Bytes(10));
                Channels.Until(() => Streams.Word(name + "_request", Wire.OiebV1PayloadReadCountOffset) == 1, "it is taken");
                Channels.Until(() => !server.IsHandling, "it is dropped");
                Assert.That(Streams.Word(name + "_response", Wire.OiebV1WriterPidOffset), Is.EqualTo(0));
                Assert.That(Streams.Word(name + "_response", Wire.OiebV1PayloadWrittenCountOffset), Is.EqualTo(0));
            }
        }

        private static bool Fails<T>(Action call)
            where T : Exception
        {
            try
            {
                call();
                return false;
            }
            catch (T)
            {
                return true;
            }
        }
    }
}
