using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Runtime.InteropServices;
using System.Threading;
using System.Threading.Tasks;
using NUnit.Framework;

namespace ZeroDuplex.Tests
{
    /// <summary>Creating v1 duplex channels, connecting to them, and what is left of them.</summary>
    [TestFixture]
    public class DualBufferLifecycleTests
    {
        private string name;

        private static ClientOptions Once
        {
            get { return new ClientOptions { ConnectTimeout = TimeSpan.Zero, ResponseConfig = DualBuffers.Small }; }
        }

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

        [Test]
        public void BadArgumentsAreRefused()
        {
            Assert.Throws<InvalidNameException>(() => DualBuffers.Create("with/slash"));
            Assert.Throws<InvalidNameException>(() => DualBuffers.Create(new string('x', 192)));
            Assert.Throws<InvalidArgumentException>(() => DualBuffers.Create(name, new ServerOptions { Workers = 2 }));
            Assert.Throws<InvalidArgumentException>(() => DualBuffers.Create(name, new ServerOptions { Mode = 292 }));
            Assert.Throws<InvalidArgumentException>(() => DualBuffers.Create(name, null, new BufferConfig(-1, 4096)));
            foreach (BufferConfig bad in new[] { new BufferConfig(-1, 4096), new BufferConfig(0, -1), new BufferConfig(0, 0) })
            {
                Assert.Throws<InvalidArgumentException>(() => Channels.Factory.CreateClient(name, new ClientOptions { ResponseConfig = bad }));
            }

            using (ImmutableDuplexServer server = DualBuffers.Create(name))
            {
                Assert.Throws<InvalidArgumentException>(() => server.Start(null));
                Assert.Throws<InvalidArgumentException>(() => server.StartImmutable(null));
                server.Start(Channels.Echo);
                Assert.Throws<InvalidArgumentException>(() => server.Start(Channels.Echo));
                Assert.Throws<InvalidArgumentException>(() => server.StartImmutable((request, response) => { }));
                Assert.Throws<InvalidArgumentException>(() => server.Stop(TimeSpan.FromSeconds(-3)));
                server.Stop(Channels.Patience);
                Assert.Throws<ClosedException>(() => server.Start(Channels.Echo));
                Assert.Throws<ClosedException>(() => server.SetMetadata(Channels.Bytes(1)));
                Assert.Throws<ClosedException>(() => server.ClientMetadata());
            }
        }

        [Test]
        public void LongestNameWorks()
        {
            string longest = name + new string('x', 191 - name.Length);
            using (DualBuffers.Serve(longest, Channels.Echo))
            using (DualBufferDuplexChannel client = DualBuffers.Connect(longest))
            {
                client.Call(Channels.Bytes(1)).Release();
                Assert.Throws<ServerNotFoundException>(() => Channels.Connect(longest + "x", Once), "a longer one is no v1 channel");
            }
        }

        [Test]
        public void BuffersHaveTheNamesAndSizesOfVersionOne()
        {
            using (DualBuffers.Create(name, null, new BufferConfig(100, 1000)))
            {
                Assert.That(new FileInfo("/dev/shm/" + name + "_request").Length, Is.EqualTo(1280));
                Assert.That(Channels.Files(name).Length, Is.EqualTo(3));
                using (DualBuffers.Connect(name, new ClientOptions { ResponseConfig = new BufferConfig(256, 1024) }))
                {
                    Assert.That(new FileInfo("/dev/shm/" + name + "_response").Length, Is.EqualTo(1408));
                    Assert.That(Channels.Files(name).Length, Is.EqualTo(6));
                }

                using (Channels.Factory.CreateClient(name))
                {
                    Assert.That(new FileInfo("/dev/shm/" + name + "_response").Length, Is.EqualTo(128 + 4096 + (256 << 20)), "the default");
                }
            }
        }

        [Test]
        public void SecondServerIsRefused()
        {
            using (DualBuffers.Create(name))
            {
                Assert.Throws<NameInUseException>(() => DualBuffers.Create(name));
            }
        }

        [Test]
        public void ClientFindsOutWhichServerLives()
        {
            Assert.Throws<ServerNotFoundException>(() => Channels.Factory.CreateClient(name, Once));
            using (DualBuffers.Serve(name, DualBuffers.Invert))
            {
                using (IDuplexClient client = Channels.Factory.CreateClient(name, Once))
                {
                    Assert.That(client, Is.InstanceOf<DualBufferDuplexChannel>());
                    client.Call(Channels.Bytes(1)).Release();
                }

                using (Channels.Serve(name, Channels.Echo))
                using (IDuplexClient client = Channels.Factory.CreateClient(name, Once))
                {
                    Assert.That(client, Is.InstanceOf<InPlaceDuplexChannel>(), "in place first");
                    client.Call(Channels.Bytes(1)).Release();
                }
            }
        }

        [Test]
        public void DeadInPlaceChannelDoesNotHideALivingOne()
        {
            byte[] image = null;
            using (Channels.Serve(name, Channels.Echo))
            {
                image = File.ReadAllBytes("/dev/shm/" + name);
            }

            File.WriteAllBytes("/dev/shm/" + name, image);
            using (DualBuffers.Serve(name, Channels.Echo))
            using (DualBufferDuplexChannel client = DualBuffers.Connect(name, Once))
            {
                client.Call(Channels.Bytes(1)).Release();
            }

            File.Delete("/dev/shm/" + name);
        }

        [Test]
        public void StreamOfTheSameNameDoesNotHideALivingChannel()
        {
            using (Streams.Read(name))
            {
                Assert.Throws<VersionMismatchException>(() => Channels.Factory.CreateClient(name, Once));
                using (DualBuffers.Serve(name, Channels.Echo))
                using (DualBufferDuplexChannel client = DualBuffers.Connect(name, Once))
                {
                    client.Call(Channels.Bytes(1)).Release();
                }
            }
        }

        [Test]
        public void ConnectWaitsForAServerOfEitherKind()
        {
            IDuplexClient client = null;
            Thread connecting = Channels.Run(() => client = Channels.Factory.CreateClient(name, new ClientOptions { ResponseConfig = DualBuffers.Small }));
            using (DualBuffers.Serve(name, Channels.Echo))
            {
                Channels.Join(connecting);
                using (client)
                {
                    client.Call(Channels.Bytes(1)).Release();
                }
            }
        }

        [Test]
        public void DeadServerIsNotFound()
        {
            using (DualBuffers.Create(name))
            {
                Streams.SetWord(name + "_request", Wire.OiebV1ReaderPidOffset, 0x7FFFFFF0);
                Assert.Throws<ServerNotFoundException>(() => Channels.Factory.CreateClient(name, Once));
            }
        }

        [Test]
        public void SecondClientIsRefusedUntilTheFirstLeft()
        {
            using (DualBuffers.Serve(name, Channels.Echo))
            {
                DualBufferDuplexChannel first = DualBuffers.Connect(name);
                first.Call(Channels.Bytes(5)).Release();
                Assert.Throws<WriterAlreadyConnectedException>(() => DualBuffers.Connect(name, Once));
                DualBufferDuplexChannel second = null;
                Thread connecting = Channels.Run(() => second = DualBuffers.Connect(name));
                first.Close();
                Channels.Join(connecting);
                using (second)
                using (Response response = second.Call(Channels.Bytes(6)))
                {
                    Assert.That(response.Sequence, Is.EqualTo(1), "each numbers its own");
                    Assert.That(response.Data.ToArray(), Is.EqualTo(Channels.Bytes(6)));
                }
            }
        }

        [Test]
        public void ManyClientsOneAfterTheOther()
        {
            using (DualBuffers.Serve(name, DualBuffers.Invert))
            {
                for (int i = 1; i <= 50; i++)
                {
                    using (DualBufferDuplexChannel client = DualBuffers.Connect(name))
                    {
                        client.SendRequest(Channels.Bytes(10)); // which it leaves unanswered
                        Assert.That(DualBuffers.Take(client.ReceiveResponse(client.SendRequest(Channels.Bytes(i)))), Is.EqualTo(DualBuffers.Inverted(Channels.Bytes(i))));
                    }
                }
            }
        }

        [Test]
        public void MetadataGoesBothWays()
        {
            using (ImmutableDuplexServer server = DualBuffers.Serve(name, Channels.Echo))
            {
                Assert.That(server.ClientMetadata(), Is.Null);
                Assert.Throws<MetadataTooLargeException>(() => server.SetMetadata(Channels.Bytes(249)), "more than the request buffer's block holds");
                server.SetMetadata(Channels.Bytes(100));
                Assert.Throws<MetadataAlreadyWrittenException>(() => server.SetMetadata(Channels.Bytes(1)));
                using (DualBufferDuplexChannel client = DualBuffers.Connect(name))
                {
                    Assert.That(client.ServerMetadata(), Is.Null, "the server has not come yet");
                    Assert.Throws<MetadataTooLargeException>(() => client.SetMetadata(Channels.Bytes(249)));
                    client.SetMetadata(Channels.Bytes(50, 9));
                    Assert.Throws<MetadataAlreadyWrittenException>(() => client.SetMetadata(Channels.Bytes(1)));
                    Assert.That(server.ClientMetadata(), Is.EqualTo(Channels.Bytes(50, 9)));
                    client.Call(Channels.Bytes(1)).Release();
                    Assert.That(client.ServerMetadata(), Is.EqualTo(Channels.Bytes(100)));
                }

                using (DualBufferDuplexChannel next = DualBuffers.Connect(name))
                {
                    Assert.Throws<MetadataAlreadyWrittenException>(() => next.SetMetadata(Channels.Bytes(1)), "once in the life of the buffer");
                    next.Call(Channels.Bytes(1)).Release();
                    Assert.That(next.ServerMetadata(), Is.EqualTo(Channels.Bytes(100)));
                }
            }
        }

        [Test]
        public void ServersMetadataReachesAnAttachedClientAtOnceIfItFits()
        {
            var listener = new Listener();
            using (ImmutableDuplexServer server = DualBuffers.Serve(name, Channels.Echo, listener.Options))
            using (DualBufferDuplexChannel client = DualBuffers.Connect(name))
            {
                client.Call(Channels.Bytes(1)).Release();
                Assert.That(client.ServerMetadata(), Is.Null);
                server.SetMetadata(Channels.Bytes(100));
                Assert.That(client.ServerMetadata(), Is.EqualTo(Channels.Bytes(100)));
                client.Close();
                using (DualBufferDuplexChannel small = DualBuffers.Connect(name, new ClientOptions { ResponseConfig = new BufferConfig(64, 1024) }))
                {
                    small.Call(Channels.Bytes(1)).Release();
                    Assert.That(listener.Next(), Is.InstanceOf<MetadataTooLargeException>());
                    Assert.That(small.ServerMetadata(), Is.Null);
                }
            }
        }

        [Test]
        public void CloseWakesEveryWaitingCall()
        {
            var go = new SemaphoreSlim(0);
            using (DualBuffers.Serve(name, frame => go.Wait()))
            {
                DualBufferDuplexChannel client = DualBuffers.Connect(name);
                ulong sequence = client.SendRequest(Channels.Bytes(1));
                var tasks = new List<Task>
                {
                    client.ReceiveResponseAsync(), client.ReceiveResponseAsync(sequence), client.CallAsync(Channels.Bytes(2)),
                    client.ReceiveResponseAsync(),
                };
                Channels.Until(() => client.Waiting == 4, "they wait");
                client.Close();
                foreach (Task task in tasks)
                {
                    var e = Assert.Throws<AggregateException>(() => task.Wait(Channels.Patience));
                    Assert.That(e.InnerException, Is.InstanceOf<ClosedException>());
                }

                Assert.Throws<ClosedException>(() => client.Call(Channels.Bytes(1)));
                Assert.Throws<ClosedException>(() => client.ReceiveResponse());
                Assert.Throws<ClosedException>(() => client.ReceiveResponse(sequence));
                Assert.Throws<ClosedException>(() => client.SetMetadata(Channels.Bytes(1)));
                Assert.Throws<ClosedException>(() => client.ServerMetadata());
                Assert.Throws<ClosedException>(() => client.Cancel(sequence));
                Assert.That(client.IsServerConnected, Is.False);
                client.Close();
                go.Release(9);
            }
        }

        [Test]
        public void CloseWakesAWaitingSender()
        {
            var go = new SemaphoreSlim(0);
            using (DualBuffers.Serve(name, frame => go.Wait()))
            {
                DualBufferDuplexChannel client = DualBuffers.Connect(name);
                client.SendRequest(new byte[2000]);
                client.SendRequest(new byte[2000]);
                Exception full = Assert.Throws<BufferFullException>(() => client.SendRequest(new byte[2000], Streams.Soon));
                Assert.That(full.Message, Contains.Substring("send request"));
                Exception error = null;
                Thread sending = Channels.Run(() => error = Assert.Catch(() => client.SendRequest(new byte[2000], Channels.Patience)));
                Channels.Until(() => client.Waiting == 1, "it waits");
                client.Close();
                Channels.Join(sending);
                Assert.That(error, Is.InstanceOf<ClosedException>());
                Assert.That(Streams.Word(name + "_request", Wire.OiebV1WriterPidOffset), Is.EqualTo(0), "it has left");
                go.Release(9);
            }
        }

        [Test]
        public void ClosingWaitsForWhatIsOut()
        {
            using (DualBuffers.Serve(name, DualBuffers.Invert))
            {
                DualBufferDuplexChannel client = DualBuffers.Connect(name);
                Response response = client.Call(Channels.Bytes(100));
                RequestBuffer buffer = client.AcquireRequestBuffer(10);
                client.Close();
                Assert.That(response.Data.ToArray(), Is.EqualTo(DualBuffers.Inverted(Channels.Bytes(100))));
                Assert.Throws<WriterAlreadyConnectedException>(() => DualBuffers.Connect(name, Once));
                response.Release();
                Assert.Throws<ClosedException>(() => buffer.Commit());
                using (DualBufferDuplexChannel next = DualBuffers.Connect(name, Once))
                {
                    next.Call(Channels.Bytes(1)).Release();
                }
            }
        }

        [Test]
        public void StopLetsTheHandlerFinishAndLeavesItsResponse()
        {
            var go = new SemaphoreSlim(0);
            ImmutableDuplexServer server = DualBuffers.Serve(name, frame => go.Wait());
            using (DualBufferDuplexChannel client = DualBuffers.Connect(name))
            {
                client.SendRequest(Channels.Bytes(10));
                client.SendRequest(Channels.Bytes(20));
                client.SendRequest(Channels.Bytes(30));
                Channels.Until(() => server.IsHandling, "it is taken");
                Thread stopping = Channels.Run(() => server.Stop(Channels.Patience));
                Channels.Until(() => server.IsDraining, "the server stops");
                Assert.That(stopping.Join(150), Is.False, "the handler runs");
                go.Release();
                Channels.Join(stopping);
                Assert.That(server.Stopped.IsCompleted);
                Assert.That(DualBuffers.Take(client.ReceiveResponse()), Is.EqualTo(Channels.Bytes(10)), "it does not wait for the client to take it");
                var e = Assert.Throws<ServerDeadException>(() => client.ReceiveResponse(Channels.Patience));
                Assert.That(e.Message, Contains.Substring("2 requests from 2 to 3 are lost"));
                Assert.Throws<ServerDeadException>(() => client.Call(Channels.Bytes(1)));
                Assert.That(client.IsServerConnected, Is.False);
            }
        }

        [Test]
        public void WaitingClientLearnsThatTheServerStopped()
        {
            var go = new SemaphoreSlim(0);
            ImmutableDuplexServer server = DualBuffers.Serve(name, frame => go.Wait());
            using (DualBufferDuplexChannel client = DualBuffers.Connect(name))
            {
                client.SendRequest(Channels.Bytes(10));
                Channels.Until(() => server.IsHandling, "it is taken");
                ulong second = client.SendRequest(Channels.Bytes(20));
                Task<Response> waiting = client.ReceiveResponseAsync(second, Channels.Patience);
                Channels.Until(() => client.Waiting == 1, "it waits");
                Thread stopping = Channels.Run(() => server.Stop(Channels.Patience));
                Channels.Until(() => server.IsDraining, "the server stops");
                go.Release();
                Channels.Join(stopping);
                Stopwatch watch = Stopwatch.StartNew();
                var e = Assert.Throws<AggregateException>(() => waiting.Wait(Channels.Patience));
                Assert.That(e.InnerException, Is.InstanceOf<ServerDeadException>());
                Assert.That(watch.Elapsed, Is.LessThan(TimeSpan.FromSeconds(5)), "within a slice");
                Assert.That(DualBuffers.Take(client.ReceiveResponse(1UL)), Is.EqualTo(Channels.Bytes(10)), "what was answered is still there");
            }
        }

        [Test]
        public void StopThatTakesTooLongIsATimeoutAndRemovesTheChannel()
        {
            var go = new SemaphoreSlim(0);
            ImmutableDuplexServer server = DualBuffers.Serve(name, frame => go.Wait());
            using (DualBufferDuplexChannel client = DualBuffers.Connect(name))
            {
                client.SendRequest(Channels.Bytes(10));
                Channels.Until(() => server.IsHandling, "it is taken");
                Assert.Throws<ZeroDuplexTimeoutException>(() => server.Stop(Streams.Soon));
                Assert.Throws<ZeroDuplexTimeoutException>(() => server.Stop(Channels.Patience), "everybody gets it");
                Assert.That(File.Exists("/dev/shm/" + name + "_request"), Is.False);
                using (DualBuffers.Create(name))
                {
                    // The name is free; the handler's late answer goes nowhere.
                    go.Release();
                    Channels.Until(() => !server.IsHandling, "the handler ends");
                    Assert.Throws<ServerDeadException>(() => client.ReceiveResponse(Channels.Patience));
                }
            }
        }

        [Test]
        public void StopDoesNotWaitForEverForRoom()
        {
            ImmutableDuplexServer server = DualBuffers.Serve(name, Channels.Echo);
            using (DualBufferDuplexChannel client = DualBuffers.Connect(name, new ClientOptions { ResponseConfig = new BufferConfig(0, 1024) }))
            {
                client.SendRequest(new byte[900]);
                client.SendRequest(new byte[900]);
                Channels.Until(() => Streams.Word(name + "_request", Wire.OiebV1PayloadReadCountOffset) == 2, "the second is taken");
                Channels.Until(() => server.IsHandling, "its response waits for room");
                Assert.Throws<ZeroDuplexTimeoutException>(() => server.Stop(Streams.Soon));
                Channels.Until(() => !server.IsHandling, "it is given up");
                client.ReceiveResponse().Release();
                Assert.Throws<ServerDeadException>(() => client.ReceiveResponse(Channels.Patience));
            }
        }

        [Test]
        public void ServerWaitsUntilTheClientTakesResponses()
        {
            using (DualBuffers.Serve(name, DualBuffers.Invert))
            using (DualBufferDuplexChannel client = DualBuffers.Connect(name, new ClientOptions { ResponseConfig = new BufferConfig(0, 256) }))
            {
                for (int i = 1; i <= 20; i++)
                {
                    client.SendRequest(Channels.Bytes(100, i));
                }

                for (int i = 1; i <= 20; i++)
                {
                    Assert.That(DualBuffers.Take(client.ReceiveResponse()), Is.EqualTo(DualBuffers.Inverted(Channels.Bytes(100, i))));
                }
            }
        }

        [Test]
        public void ClientThatLeavesWithAFullBufferIsForgotten()
        {
            using (ImmutableDuplexServer server = DualBuffers.Serve(name, Channels.Echo))
            {
                DualBufferDuplexChannel client = DualBuffers.Connect(name, new ClientOptions { ResponseConfig = new BufferConfig(0, 1024) });
                for (int i = 0; i < 4; i++)
                {
                    client.SendRequest(new byte[900]);
                }

                Channels.Until(() => server.IsHandling, "a response waits for room");
                client.Close();
                using (DualBufferDuplexChannel next = DualBuffers.Connect(name))
                {
                    Assert.That(DualBuffers.Take(next.Call(Channels.Bytes(5))), Is.EqualTo(Channels.Bytes(5)), "and not what was left");
                }
            }
        }

        [Test]
        public void WhatAClientLeftIsReadBeforeTheNextComes()
        {
            int handled = 0;
            using (ImmutableDuplexServer server = DualBuffers.Create(name, new ServerOptions { ResetTimeout = TimeSpan.FromMilliseconds(200) }))
            {
                using (DualBufferDuplexChannel first = DualBuffers.Connect(name))
                {
                    first.SendRequest(Channels.Bytes(1));
                    first.SendRequest(Channels.Bytes(1));
                }

                Assert.Throws<ServerBusyException>(() => DualBuffers.Connect(name, Once));
                server.Start(frame => Interlocked.Increment(ref handled));
                using (DualBufferDuplexChannel next = DualBuffers.Connect(name))
                {
                    Assert.That(DualBuffers.Take(next.Call(Channels.Bytes(7))), Is.EqualTo(Channels.Bytes(7)));
                    Assert.That(handled, Is.EqualTo(1), "what was left is dropped");
                }
            }
        }

        [Test]
        public void TokenStopsTheServer()
        {
            var source = new CancellationTokenSource();
            ImmutableDuplexServer server = DualBuffers.Create(name);
            server.Start(Channels.Echo, source.Token);
            using (DualBufferDuplexChannel client = DualBuffers.Connect(name))
            {
                client.Call(Channels.Bytes(1)).Release();
                source.Cancel();
                Assert.That(server.Stopped.Wait(Channels.Patience));
            }

            source = new CancellationTokenSource();
            source.Cancel();
            server = DualBuffers.Create(name);
            server.StartImmutable((request, response) => { }, source.Token);
            Assert.That(server.Stopped.Wait(Channels.Patience));
        }

        [Test]
        public void StopFromAHandlerRunsIntoItsTimeout()
        {
            ImmutableDuplexServer server = null;
            Exception error = null;
            server = DualBuffers.Create(name);
            server.Start(frame => error = Assert.Catch(() => server.Stop(Streams.Soon)));
            using (DualBufferDuplexChannel client = DualBuffers.Connect(name))
            {
                client.SendRequest(Channels.Bytes(1));
                Assert.That(server.Stopped.Wait(Channels.Patience));
                Channels.Until(() => !server.IsHandling, "the handler ends");
                Assert.That(error, Is.InstanceOf<ZeroDuplexTimeoutException>());
            }
        }

        [Test]
        public void ListenerThatFailsIsIgnored()
        {
            var options = new ServerOptions { OnError = e => { throw new InvalidOperationException("no"); } };
            using (DualBuffers.Serve(name, frame => frame.Fail(1, "failed"), options))
            using (DualBufferDuplexChannel client = DualBuffers.Connect(name))
            {
                Assert.That(DualBuffers.Text(client.Call(Channels.Bytes(1))), Is.EqualTo("failed"));
                Assert.That(DualBuffers.Text(client.Call(Channels.Bytes(1))), Is.EqualTo("failed"));
            }
        }

        [Test]
        public void WhoeverMayUseTheOneBufferMayUseTheOther()
        {
            using (DualBuffers.Serve(name, Channels.Echo, new ServerOptions { Mode = 438 }))
            {
                Channels.GiveAway("/dev/shm/" + name + "_request");
                Assert.Throws<PermissionDeniedException>(() => DualBuffers.Connect(name, Once));
                using (DualBufferDuplexChannel client = DualBuffers.Connect(name, new ClientOptions { AllowOtherUsers = true }))
                {
                    Native.FileStatus status;
                    Native.FileSystem.TryStatus("/dev/shm/" + name + "_response", out status);
                    Assert.That(status.Mode & 0x1FF, Is.EqualTo(438));
                    Channels.GiveAway("/dev/shm/" + name + "_response");
                    client.Call(Channels.Bytes(1)).Release();
                }
            }
        }

        [Test]
        public void RequestsMayGoThroughAView()
        {
            IntPtr allocated = Marshal.AllocHGlobal(8192 + 64);
            var view = new SharedMemoryView(new IntPtr((allocated.ToInt64() + 63) & ~63L), 8192);
            using (DualBuffers.Create(name, null, new BufferConfig(0, view)))
            {
                // Never started: a client can be connected all the same.
                using (DualBufferDuplexChannel client = DualBuffers.Connect(name, new ClientOptions { Memory = view }))
                {
                    client.SendRequest(Channels.Bytes(100));
                }
            }

            using (ImmutableDuplexServer server = DualBuffers.Create(name, null, new BufferConfig(0, view)))
            {
                server.Start(DualBuffers.Invert);
                using (DualBufferDuplexChannel client = DualBuffers.Connect(name, new ClientOptions { Memory = view }))
                {
                    Assert.That(File.Exists("/dev/shm/" + name + "_request"), Is.False);
                    Assert.That(DualBuffers.Take(client.Call(Channels.Bytes(100))), Is.EqualTo(DualBuffers.Inverted(Channels.Bytes(100))));
                }
            }

            Marshal.FreeHGlobal(allocated);
        }
    }
}
