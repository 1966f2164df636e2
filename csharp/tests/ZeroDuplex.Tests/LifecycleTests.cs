using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Threading;
using System.Threading.Tasks;
using NUnit.Framework;

namespace ZeroDuplex.Tests
{
    /// <summary>Creating, connecting, stopping, and what is left behind.</summary>
    [TestFixture]
    public class LifecycleTests
    {
        private static readonly ClientOptions Once = new ClientOptions { ConnectTimeout = TimeSpan.Zero };

        private string name;

        [SetUp]
        public void SetUp()
        {
            name = Channels.NewName();
        }

        [TestCase(null)]
        [TestCase("")]
        [TestCase(".hidden")]
        [TestCase("sem.taken")]
        [TestCase("with/slash")]
        [TestCase("with space")]
        [TestCase("umläut")]
        public void BadNamesAreInvalidName(string bad)
        {
            Assert.Throws<InvalidNameException>(() => Channels.Factory.CreateInPlaceDuplexServer(bad));
            Assert.Throws<InvalidNameException>(() => Channels.Factory.CreateClient(bad));
        }

        [Test]
        public void LongNamesWorkUpToTheLimit()
        {
            Assert.Throws<InvalidNameException>(() => Channels.Factory.CreateInPlaceDuplexServer(new string('x', 201)));
            string longest = name + new string('x', 200 - name.Length);
            using (Channels.Serve(longest, Channels.Echo))
            using (InPlaceDuplexChannel client = Channels.Connect(longest))
            {
                client.Call(Channels.Bytes(1)).Release();
            }
        }

        [TestCase(-1, 4096)]
        [TestCase(4096, 127)]
        [TestCase(4096, -1)]
        [TestCase((1L << 30) + 1, 4096)]
        [TestCase(4096, (1L << 62) + 1)]
        public void BadSizesAreInvalidArgument(long metadata, long payload)
        {
            Assert.Throws<InvalidArgumentException>(() => Channels.Factory.CreateInPlaceDuplexServer(name, new BufferConfig(metadata, payload)));
            Assert.That(Channels.Files(name), Is.Empty);
        }

        [Test]
        public void BadOptionsAreInvalidArgument()
        {
            foreach (ServerOptions bad in new[]
            {
                new ServerOptions { Workers = 0 }, new ServerOptions { Wait = (WaitStrategy)9 }, new ServerOptions { Mode = 1 << 12 | 384 },
                new ServerOptions { Mode = 292 }, new ServerOptions { SpinWindow = TimeSpan.FromTicks(-1) },
                new ServerOptions { StopTimeout = TimeSpan.FromSeconds(-3) },
            })
            {
                Assert.Throws<InvalidArgumentException>(() => Channels.Factory.CreateInPlaceDuplexServer(name, null, bad));
            }

            foreach (ClientOptions bad in new[]
            {
                new ClientOptions { Wait = (WaitStrategy)9 }, new ClientOptions { Lap = (LapMode)9 },
                new ClientOptions { ConnectTimeout = TimeSpan.FromSeconds(-3) },
            })
            {
                Assert.Throws<InvalidArgumentException>(() => Channels.Factory.CreateClient(name, bad));
            }
        }

        [Test]
        public void NobodyThereIsServerNotFound()
        {
            var e = Assert.Throws<ServerNotFoundException>(() => Channels.Connect(name, Once));
            Assert.That(e.Message, Contains.Substring(name));
            Assert.That(e.Retryable);
        }

        [Test]
        public void ConnectWaitsForTheServer()
        {
            InPlaceDuplexChannel client = null;
            Thread connecting = Channels.Run(() => client = Channels.Connect(name));
            using (Channels.Serve(name, Channels.Echo))
            {
                Channels.Join(connecting);
                using (client)
                {
                    client.Call(Channels.Bytes(1)).Release();
                }
            }
        }

        [Test]
        public void ConnectCanBeCancelled()
        {
            var source = new CancellationTokenSource();
            source.Cancel();
            Assert.Throws<OperationCanceledException>(() => Channels.Factory.CreateClient(name, null, source.Token));
        }

        [Test]
        public void SecondClientIsRefusedUntilTheFirstLeft()
        {
            using (Channels.Serve(name, Channels.Echo))
            {
                InPlaceDuplexChannel first = Channels.Connect(name);
                Assert.Throws<WriterAlreadyConnectedException>(() => Channels.Connect(name, Once));
                first.Call(Channels.Bytes(1)).Release();
                first.Close();
                using (InPlaceDuplexChannel second = Channels.Connect(name))
                {
                    using (Response response = second.Call(Channels.Bytes(1)))
                    {
                        Assert.That(response.Sequence, Is.EqualTo(1), "numbers start again with each attachment");
                    }
                }
            }
        }

        [Test]
        public void ReconnectingNeverWaitsOutASlice()
        {
            const int Times = 1000;
            using (Channels.Serve(name, Channels.Echo))
            {
                Stopwatch watch = Stopwatch.StartNew();
                for (int i = 0; i < Times; i++)
                {
                    using (InPlaceDuplexChannel client = Channels.Connect(name))
                    {
                        client.Call(Channels.Bytes(1)).Release();
                    }
                }

                Assert.That(watch.Elapsed, Is.LessThan(TimeSpan.FromMilliseconds(Times * 100 / 4)));
            }
        }

        [Test]
        public void SecondServerOfALivingNameIsNameInUse()
        {
            using (Channels.Serve(name, Channels.Echo))
            using (InPlaceDuplexChannel client = Channels.Connect(name))
            {
                Assert.Throws<NameInUseException>(() => Channels.Factory.CreateInPlaceDuplexServer(name));
                client.Call(Channels.Bytes(1)).Release();
            }
        }

        [Test]
        public void LockByteDecidesWhereLockFilesDiffer()
        {
            // As with separate /tmp folders: the owner's lock files are not where the second server looks.
            using (Channels.Serve(name, Channels.Echo))
            using (InPlaceDuplexChannel client = Channels.Connect(name))
            {
                File.Delete("/tmp/zerobuffer/" + name + ".lock");
                File.Delete(Path.Combine(Path.GetTempPath(), "zerobuffer/locks", name + ".lock"));
                Assert.Throws<NameInUseException>(() => Channels.Factory.CreateInPlaceDuplexServer(name));
                client.Call(Channels.Bytes(1)).Release();
            }
        }

        [Test]
        public void ForeignThingsUnderTheNameAreNeverRemoved()
        {
            string path = "/dev/shm/" + name;
            string elsewhere = path + ".elsewhere";
            File.WriteAllText(path, "a text that somebody needs");
            Assert.Throws<NameInUseException>(() => Channels.Factory.CreateInPlaceDuplexServer(name));
            Assert.That(File.ReadAllText(path), Is.EqualTo("a text that somebody needs"));
            Assert.Throws<CorruptedException>(() => Channels.Connect(name, Once));
            File.Delete(path);

            Directory.CreateDirectory(path);
            Assert.Throws<NameInUseException>(() => Channels.Factory.CreateInPlaceDuplexServer(name));
            Directory.Delete(path);

            File.WriteAllText(elsewhere, string.Empty);
            Assert.That(Native.Libc.Link(Native.Libc.AtWorkingFolder, elsewhere, Native.Libc.AtWorkingFolder, path, 0), Is.EqualTo(0));
            using (Channels.Factory.CreateInPlaceDuplexServer(name))
            {
                // An empty file is what a creator leaves that died between two calls.
                Assert.That(new FileInfo(path).Length, Is.GreaterThan(0));
            }

            File.Delete(elsewhere);
            Assert.That(Channels.Files(name), Is.Empty);
        }

        [Test]
        public void LivingV1BufferIsNameInUseAndADeadOneIsReplaced()
        {
            string path = "/dev/shm/" + name;
            var buffer = new byte[4096];
            buffer[0] = 128; // oieb_size of v1
            buffer[4] = 1;
            BitConverter.GetBytes((ulong)Process.GetCurrentProcess().Id).CopyTo(buffer, Wire.OiebV1ReaderPidOffset);
            File.WriteAllBytes(path, buffer);
            Assert.Throws<NameInUseException>(() => Channels.Factory.CreateInPlaceDuplexServer(name));
            var e = Assert.Throws<VersionMismatchException>(() => Channels.Connect(name, Once));
            Assert.That(e.Message, Contains.Substring("1.0.0"));

            // No process has this id: it is above the kernel's limit.
            BitConverter.GetBytes((ulong)int.MaxValue).CopyTo(buffer, Wire.OiebV1ReaderPidOffset);
            File.WriteAllBytes(path, buffer);
            using (Channels.Serve(name, Channels.Echo))
            using (InPlaceDuplexChannel client = Channels.Connect(name))
            {
                client.Call(Channels.Bytes(1)).Release();
            }
        }

        [Test]
        public void TooLargeForSharedMemoryIsOutOfMemory()
        {
            // More than any machine's, and refused before anything is reserved.
            Assert.Throws<ZeroDuplexOutOfMemoryException>(() => Channels.Factory.CreateInPlaceDuplexServer(name, new BufferConfig(0, 1L << 50)));
            Assert.That(Channels.Files(name), Is.Empty);
            using (Channels.Serve(name, Channels.Echo))
            {
                // The name is free for something smaller.
            }
        }

        [Test]
        public void SharedMemoryAllocatesOnce()
        {
            using (var memory = new SharedMemory())
            {
                Assert.That(memory.Address, Is.EqualTo(IntPtr.Zero));
                Assert.Throws<InvalidArgumentException>(() => memory.Allocate(name, 0, 384));
                Assert.Throws<InvalidNameException>(() => memory.Allocate("a/b", 64, 384));
                memory.Allocate(name, 8192, 384);
                Assert.That(memory.Size, Is.EqualTo(8192));
                Assert.That(memory.Address, Is.Not.EqualTo(IntPtr.Zero));
                Assert.Throws<InvalidArgumentException>(() => memory.Allocate(name, 8192, 384));
                Assert.That(Channels.Files(name), Is.Empty, "it has no name yet");
            }
        }

        [Test]
        public void ModeIsWhatWasAskedForWhateverTheUmask()
        {
            using (Channels.Serve(name, Channels.Echo, options: new ServerOptions { Mode = 438 }))
            {
                string[] files = Channels.Files(name);
                Assert.That(files.Length, Is.EqualTo(5));
                foreach (string file in files)
                {
                    Native.FileStatus status;
                    Assert.That(Native.FileSystem.TryStatus(file, out status));
                    Assert.That(status.Mode & 511, Is.EqualTo(438), file);
                }
            }
        }

        [Test]
        public void ObjectOfAnotherUserIsRefusedUnlessAllowed()
        {
            using (Channels.Serve(name, Channels.Echo))
            {
                Channels.GiveAway("/dev/shm/" + name);
                Assert.Throws<PermissionDeniedException>(() => Channels.Connect(name, Once));
                using (InPlaceDuplexChannel client = Channels.Connect(name, new ClientOptions { AllowOtherUsers = true }))
                {
                    client.Call(Channels.Bytes(1)).Release();
                }
            }
        }

        [Test]
        public void StopLeavesNothingBehind()
        {
            InPlaceDuplexServer server = Channels.Serve(name, Channels.Echo);
            Assert.That(Channels.Files(name).Length, Is.EqualTo(5));
            Assert.That(File.Exists("/tmp/zerobuffer/" + name + ".lock"));
            Assert.That(server.Stopped.IsCompleted, Is.False);
            server.Stop(TimeSpan.FromSeconds(5));
            server.Stop(TimeSpan.Zero);
            server.Dispose();
            Assert.That(server.Stopped.Wait(Channels.Patience));
            Assert.That(Channels.Files(name), Is.Empty);
            Assert.That(File.Exists("/tmp/zerobuffer/" + name + ".lock"), Is.False);
            Assert.Throws<ClosedException>(() => server.Start(Channels.Echo));
            Assert.Throws<ClosedException>(() => server.SetMetadata(Channels.Bytes(1)));
            Assert.Throws<ClosedException>(() => server.ClientMetadata());
        }

        [Test]
        public void ServerThatNeverStartedStops()
        {
            using (InPlaceDuplexServer server = Channels.Factory.CreateInPlaceDuplexServer(name))
            using (InPlaceDuplexChannel client = Channels.Connect(name))
            {
                ulong sequence = client.SendRequest(Channels.Bytes(1));
                Assert.Throws<InvalidArgumentException>(() => server.Start(null));
                server.Stop(TimeSpan.Zero);
                Assert.Throws<ServerDeadException>(() => client.ReceiveResponse(sequence));
            }
        }

        [Test]
        public void StartsOnce()
        {
            using (InPlaceDuplexServer server = Channels.Serve(name, Channels.Echo))
            {
                Assert.Throws<InvalidArgumentException>(() => server.Start(Channels.Echo));
                Assert.Throws<InvalidArgumentException>(() => server.Stop(TimeSpan.FromSeconds(-3)));
            }
        }

        [Test]
        public void RequestsWaitForStart()
        {
            using (InPlaceDuplexServer server = Channels.Factory.CreateInPlaceDuplexServer(name))
            using (InPlaceDuplexChannel client = Channels.Connect(name))
            {
                ulong sequence = client.SendRequest(Channels.Bytes(5));
                server.Start(Channels.Echo);
                client.ReceiveResponse(sequence).Release();
            }
        }

        [Test]
        public void TokenOfStartStopsTheServer()
        {
            var source = new CancellationTokenSource();
            using (InPlaceDuplexServer server = Channels.Factory.CreateInPlaceDuplexServer(name))
            {
                server.Start(Channels.Echo, source.Token);
                source.Cancel();
                Assert.That(server.Stopped.Wait(Channels.Patience));
                Assert.That(Channels.Files(name), Is.Empty);
            }
        }

        [Test]
        public void StopDrainsWhatWasTaken()
        {
            var taken = new ManualResetEvent(false);
            var gate = new ManualResetEvent(false);
            FrameHandler handler = frame =>
            {
                taken.Set();
                Channels.Await(gate, "the test opens the gate");
                frame.Data.Fill(77);
            };
            InPlaceDuplexServer server = Channels.Serve(name, handler);
            using (InPlaceDuplexChannel client = Channels.Connect(name))
            {
                ulong first = client.SendRequest(Channels.Bytes(1));
                ulong second = client.SendRequest(Channels.Bytes(1));
                Channels.Await(taken, "the first is taken");
                Thread stopping = Channels.Run(() => server.Stop(Channels.Patience));
                Channels.Until(() => server.IsDraining, "the server stops");
                gate.Set();
                using (Response response = client.ReceiveResponse(first))
                {
                    Assert.That(response.Data[0], Is.EqualTo(77));
                    Assert.That(server.Stopped.IsCompleted, Is.False, "it waits until the response is consumed");
                }

                Channels.Join(stopping);
                var e = Assert.Throws<ServerDeadException>(() => client.ReceiveResponse(second));
                Assert.That(e.Message, Contains.Substring("request " + second + " is lost"));
                Assert.Throws<ServerDeadException>(() => client.SendRequest(Channels.Bytes(1)));
                Assert.That(client.IsServerConnected, Is.False);
            }
        }

        [Test]
        public void StopThatRunsOutOfTimeSaysSo()
        {
            var taken = new ManualResetEvent(false);
            var gate = new ManualResetEvent(false);
            var told = new List<Exception>();
            FrameHandler handler = frame =>
            {
                taken.Set();
                Channels.Await(gate, "the test opens the gate");
            };
            var options = new ServerOptions { OnError = told.Add, StopTimeout = TimeSpan.FromMilliseconds(20) };
            InPlaceDuplexServer server = Channels.Serve(name, handler, options: options);
            using (InPlaceDuplexChannel client = Channels.Connect(name))
            {
                ulong sequence = client.SendRequest(Channels.Bytes(1));
                Channels.Await(taken, "it is taken");
                Assert.Throws<ZeroDuplexTimeoutException>(() => server.Stop(TimeSpan.FromMilliseconds(20)));
                Assert.Throws<ServerDeadException>(() => client.ReceiveResponse(sequence));
                server.Dispose();
                Assert.That(told.Count, Is.EqualTo(1));
                Assert.That(told[0], Is.InstanceOf<ZeroDuplexTimeoutException>());
                Assert.That(Channels.Files(name), Is.Empty);
                gate.Set(); // the late answer goes to memory that is still mapped
            }
        }

        [Test]
        public void AnswersThatAreReadyOutliveTheServer()
        {
            InPlaceDuplexServer server = Channels.Serve(name, Channels.Echo);
            using (InPlaceDuplexChannel client = Channels.Connect(name))
            {
                ulong sequence = client.SendRequest(Channels.Bytes(5));
                Channels.Until(() => client.IsAnswered(sequence), "it is answered");
                Assert.Throws<ZeroDuplexTimeoutException>(() => server.Stop(TimeSpan.FromMilliseconds(5)));
                Assert.That(client.IsServerConnected, Is.False);
                using (Response response = client.ReceiveResponse())
                {
                    Assert.That(response.Data.ToArray(), Is.EqualTo(Channels.Bytes(5)));
                }

                Assert.Throws<ServerDeadException>(() => client.ReceiveResponse());
            }
        }

        [Test]
        public void ServerThatStopsWakesAWaitingClientAtOnce()
        {
            InPlaceDuplexServer server = Channels.Factory.CreateInPlaceDuplexServer(name);
            using (InPlaceDuplexChannel client = Channels.Connect(name, new ClientOptions { Wait = WaitStrategy.Block }))
            {
                ulong sequence = client.SendRequest(Channels.Bytes(5));
                Exception error = null;
                Thread waiter = Channels.Run(() => error = Assert.Catch(() => client.ReceiveResponse(sequence, Channels.Patience)));
                Channels.Until(() => client.Waiting == 1, "it waits");
                server.Stop(TimeSpan.Zero);
                Channels.Join(waiter);
                Assert.That(error, Is.InstanceOf<ServerDeadException>());
            }
        }

        [Test]
        public void BusyServerOfAGoneClientGivesItsObjectUp()
        {
            var taken = new SemaphoreSlim(0);
            var gate = new ManualResetEvent(false);
            FrameHandler handler = frame =>
            {
                if (frame.Opcode == 1)
                {
                    taken.Release();
                    Channels.Await(gate, "the test opens the gate");
                }
            };
            var options = new ServerOptions { ResetTimeout = TimeSpan.FromMilliseconds(400) };
            using (InPlaceDuplexServer server = Channels.Serve(name, handler, options: options))
            {
                server.SetMetadata(Channels.Bytes(7));
                InPlaceDuplexChannel first = Channels.Connect(name);
                first.Send(new Request(Channels.Bytes(1)) { Opcode = 1 });
                Assert.That(taken.Wait(Channels.Patience));
                first.Close();
                var busy = Assert.Throws<ServerBusyException>(() => Channels.Connect(name, Once));
                Assert.That(busy.Message, Contains.Substring("a client that is gone"));

                // The handler never ends, but the name comes back with a new object.
                using (InPlaceDuplexChannel second = Channels.Connect(name))
                {
                    Assert.That(second.ServerMetadata(), Is.EqualTo(Channels.Bytes(7)));
                    second.Call(Channels.Bytes(9)).Release();
                    gate.Set(); // its late answer goes to the old mapping
                    second.Call(Channels.Bytes(9)).Release();
                }
            }

            Assert.That(Channels.Files(name), Is.Empty);
        }

        [Test]
        public void OneWayRequestsOfAClientThatLeftStillRun()
        {
            int oneWay = 0;
            int others = 0;
            InPlaceDuplexServer server = Channels.Factory.CreateInPlaceDuplexServer(name);
            using (InPlaceDuplexChannel client = Channels.Connect(name))
            {
                for (int i = 0; i < 10; i++)
                {
                    client.Send(new Request(Channels.Bytes(1)) { OneWay = i % 2 == 0, Opcode = 1 });
                }
            }

            using (server)
            {
                server.Start(frame =>
                {
                    oneWay += frame.OneWay ? 1 : 0;
                    others += frame.OneWay ? 0 : 1;
                });
                using (InPlaceDuplexChannel next = Channels.Connect(name))
                {
                    Assert.That(oneWay, Is.EqualTo(5));
                    Assert.That(others, Is.EqualTo(0), "nobody waits for their answers");
                }
            }
        }

        [Test]
        public void MetadataOfBothSides()
        {
            using (InPlaceDuplexServer server = Channels.Factory.CreateInPlaceDuplexServer(name, new BufferConfig(256, 4096)))
            {
                server.Start(Channels.Echo);
                using (InPlaceDuplexChannel client = Channels.Connect(name))
                {
                    Assert.That(server.ClientMetadata(), Is.Null);
                    Assert.That(client.ServerMetadata(), Is.Null);

                    // 256 bytes asked for end at a 64-byte boundary: the request block has 272, the response block 256; 8 are the prefix.
                    Assert.Throws<MetadataTooLargeException>(() => client.SetMetadata(Channels.Bytes(265)));
                    Assert.Throws<MetadataTooLargeException>(() => server.SetMetadata(Channels.Bytes(249)));
                    client.SetMetadata(Channels.Bytes(264));
                    server.SetMetadata(Channels.Bytes(248, 3));
                    Assert.That(server.ClientMetadata(), Is.EqualTo(Channels.Bytes(264)));
                    Assert.That(client.ServerMetadata(), Is.EqualTo(Channels.Bytes(248, 3)));
                    Assert.Throws<MetadataAlreadyWrittenException>(() => client.SetMetadata(Channels.Bytes(1)));
                    Assert.Throws<MetadataAlreadyWrittenException>(() => server.SetMetadata(Channels.Bytes(1)));
                }

                using (InPlaceDuplexChannel next = Channels.Connect(name))
                {
                    Assert.That(server.ClientMetadata(), Is.Null, "it left with its client");
                    Assert.That(next.ServerMetadata(), Is.EqualTo(Channels.Bytes(248, 3)));
                    next.SetMetadata(new byte[0]);
                    Assert.That(server.ClientMetadata(), Is.EqualTo(new byte[0]));
                }
            }
        }
    }
}
