using System;
using System.Diagnostics;
using System.IO;
using System.Threading;
using NUnit.Framework;

namespace ZeroDuplex.Tests
{
    /// <summary>Both ends in processes of their own, which die, sleep and leave.</summary>
    [TestFixture]
    public class ProcessTests
    {
        private string name;

        [SetUp]
        public void SetUp()
        {
            name = Channels.NewName();
        }

        /// <summary>The next server of a name removes what a killed one left.</summary>
        [TearDown]
        public void TearDown()
        {
            Channels.Factory.CreateInPlaceDuplexServer(name).Dispose();
            Assert.That(Channels.Files(name), Is.Empty);
        }

        [Test]
        public void RoundTripsWithAnotherProcess()
        {
            using (Helper server = Helper.Server(name))
            {
                using (InPlaceDuplexChannel client = Channels.Connect(name))
                {
                    for (int i = 0; i < 5000; i++)
                    {
                        using (Response response = client.Call(Channels.Bytes(i % 900, i)))
                        {
                            Assert.That(response.Data.SequenceEqual(Channels.Bytes(i % 900, i)));
                        }
                    }
                }

                Assert.That(server.End(), Is.EqualTo(0));
                Assert.That(Channels.Files(name), Is.Empty);
            }
        }

        [Test]
        public void KilledServerIsServerDeadWithinASlice()
        {
            using (Helper server = Helper.Server(name))
            using (InPlaceDuplexChannel client = Channels.Connect(name))
            {
                client.Call(Channels.Bytes(1)).Release();
                client.Send(new Request(Channels.Bytes(1)) { Opcode = 2 });
                server.Expect("taken 2");
                client.SendRequest(Channels.Bytes(1));
                Exception error = null;
                Thread waiter = Channels.Run(() => error = Assert.Catch(() => client.ReceiveResponse(2UL, Channels.Patience)));
                Channels.Until(() => client.Waiting == 1, "it waits");
                server.Kill();
                Stopwatch watch = Stopwatch.StartNew();
                Channels.Join(waiter);
                Assert.That(watch.Elapsed, Is.LessThan(TimeSpan.FromSeconds(5)));
                Assert.That(error, Is.InstanceOf<ServerDeadException>());
                Assert.That(error.Message, Contains.Substring("2 requests from 2 to 3 are lost"));
                Assert.Throws<ServerDeadException>(() => client.ReceiveResponse());
            }

            // What it left is replaced, and nobody can mistake it for a living channel before.
            Assert.Throws<ServerNotFoundException>(() => Channels.Connect(name, new ClientOptions { ConnectTimeout = TimeSpan.Zero }));
            using (Channels.Serve(name, Channels.Echo))
            using (InPlaceDuplexChannel client = Channels.Connect(name))
            {
                client.Call(Channels.Bytes(1)).Release();
            }

            Assert.That(Channels.Files(name), Is.Empty);
        }

        [Test]
        public void KilledClientMakesRoomForTheNext()
        {
            int runs = 0;
            using (Channels.Serve(name, frame => Interlocked.Increment(ref runs)))
            {
                for (int i = 0; i < 3; i++)
                {
                    using (Helper client = Helper.Client(name, 3, 0))
                    {
                        client.Kill();
                    }
                }

                using (InPlaceDuplexChannel client = Channels.Connect(name))
                {
                    using (Response response = client.Call(Channels.Bytes(1)))
                    {
                        Assert.That(response.Sequence, Is.EqualTo(1));
                    }
                }
            }
        }

        [Test]
        public void ServerThatIsBusyForAKilledClientLetsTheNextInWhenItIsDone()
        {
            using (Helper server = Helper.Server(name))
            using (Helper client = Helper.Client(name, 1, 1))
            {
                server.Expect("taken 1");
                client.Kill();
                Assert.Throws<ServerBusyException>(() => Channels.Connect(name, new ClientOptions { ConnectTimeout = TimeSpan.Zero }));
                server.Tell("go");
                using (InPlaceDuplexChannel next = Channels.Connect(name))
                {
                    next.Call(Channels.Bytes(1)).Release();
                }

                Assert.That(server.End(), Is.EqualTo(0));
            }
        }

        [Test]
        public void HandlerThatNeverEndsForAKilledClientCostsTheObject()
        {
            using (Helper server = Helper.Server(name, 1, 200))
            using (Helper client = Helper.Client(name, 1, 2))
            {
                server.Expect("taken 1");
                client.Kill();
                using (InPlaceDuplexChannel next = Channels.Connect(name))
                {
                    next.Call(Channels.Bytes(1)).Release();
                }
            }
        }

        [Test]
        public void StoppedProcessesAreNotDead()
        {
            using (Helper server = Helper.Server(name))
            using (InPlaceDuplexChannel client = Channels.Connect(name))
            {
                client.Call(Channels.Bytes(1)).Release();
                server.Pause();
                ulong sequence = client.SendRequest(Channels.Bytes(1));
                Assert.Throws<ZeroDuplexTimeoutException>(() => client.ReceiveResponse(sequence, TimeSpan.FromMilliseconds(300)));
                Assert.That(client.IsServerConnected);
                Assert.Throws<NameInUseException>(() => Channels.Factory.CreateInPlaceDuplexServer(name));
                server.Continue();
                client.ReceiveResponse(sequence).Release();
            }
        }

        [Test]
        public void StopWaitsForAnotherProcessToConsume()
        {
            InPlaceDuplexServer server = Channels.Serve(name, Channels.Echo);
            using (Helper client = Helper.Client(name, 1, 0))
            {
                Thread stopping = Channels.Run(() => server.Stop(Channels.Patience));
                Channels.Until(() => server.IsDraining, "the server stops");
                Assert.That(stopping.Join(250), Is.False, "a response was not consumed");
                client.Tell("receive");
                client.Expect("done");
                Channels.Join(stopping);
            }
        }

        [Test]
        public void StopDoesNotWaitForAClientThatDied()
        {
            InPlaceDuplexServer server = Channels.Serve(name, Channels.Echo);
            using (Helper client = Helper.Client(name, 1, 0))
            {
                Thread stopping = Channels.Run(() => server.Stop(Channels.Patience));
                Channels.Until(() => server.IsDraining, "the server stops");
                client.Kill();
                Channels.Join(stopping);
            }
        }

        [TestCase("--inflight 1", "")]
        [TestCase("--inflight 32 --min 0 --max 3000 --grow-max 500 --fail-every 17 --one-way-every 13", "--workers 4 --payload-size 16384")]
        [TestCase("--inflight 8 --min 0 --max 900 --delay-max 300 --reconnects 20 --wait block", "--workers 4 --payload-size 8192 --wait block")]
        public void StressPeersVerifyEveryByte(string clientFlags, string serverFlags)
        {
            using (var server = new Helper("ZeroDuplex.Peers", "stress-server --name " + name + " " + serverFlags))
            {
                server.Expect("ready");
                int count = clientFlags.Contains("--reconnects") ? 100 : 3000;
                using (var client = new Helper("ZeroDuplex.Peers", "stress-client --name " + name + " --count " + count + " " + clientFlags))
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
            using (Helper server = Helper.Server(name))
            using (InPlaceDuplexChannel client = Channels.Connect(name))
            {
                client.Call(Channels.Bytes(1)).Release();
                TimeSpan enough = TimeSpan.FromMilliseconds(30); // of 3 seconds: 1 %
                Assert.That(server.LeastUsed(enough, () => client.ReceiveResponse(TimeSpan.FromSeconds(3))), Is.LessThan(enough));
            }
        }
    }
}
