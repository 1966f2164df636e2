using System;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Threading;
using NUnit.Framework;
using ZeroDuplex.Native;

namespace ZeroDuplex.Tests
{
    /// <summary>Both ends of a v1 buffer, in processes of their own, that die, sleep and leave; and at full speed.</summary>
    [TestFixture]
    public class StreamProcessTests
    {
        private string name;

        [SetUp]
        public void SetUp()
        {
            name = Channels.NewName();
        }

        /// <summary>The next reader of a name removes what a killed one left.</summary>
        [TearDown]
        public void TearDown()
        {
            Streams.Read(name).Close();
            Assert.That(Channels.Files(name), Is.Empty);
        }

        [Test]
        public void FramesOfAKilledWriterAreReadFirst()
        {
            using (Reader reader = Streams.Read(name))
            {
                using (Helper writer = Helper.Writer(name, 3, 10))
                {
                    Assert.That(reader.IsWriterConnected);
                    writer.Kill();
                }

                for (ulong i = 1; i <= 3; i++)
                {
                    Streams.Expect(reader, i, new byte[10]);
                }

                Stopwatch watch = Stopwatch.StartNew();
                Assert.Throws<WriterDeadException>(() => reader.ReadFrame(Channels.Patience));
                Assert.That(watch.Elapsed, Is.LessThan(TimeSpan.FromSeconds(5)), "within a slice, not at the end of the timeout");
                Assert.That(reader.IsWriterConnected, Is.False);
                using (Streams.WriteAtOnce(name))
                {
                    Assert.That(reader.IsWriterConnected, "the dead one's place is free");
                }
            }
        }

        [Test]
        public void WaitingReadLearnsThatTheWriterWasKilled()
        {
            using (Reader reader = Streams.Read(name))
            using (Helper writer = Helper.Writer(name, 1, 10))
            {
                Streams.Expect(reader, 1, new byte[10]);
                Exception error = null;
                Thread waiting = Channels.Run(() => error = Assert.Catch(() => reader.ReadFrame(Channels.Patience)));
                Channels.Until(() => reader.Waiting == 1, "it waits");
                writer.Kill();
                Stopwatch watch = Stopwatch.StartNew();
                Channels.Join(waiting);
                Assert.That(error, Is.InstanceOf<WriterDeadException>());
                Assert.That(watch.Elapsed, Is.LessThan(TimeSpan.FromSeconds(5)));
            }
        }

        [Test]
        public void StoppedWriterIsNotDead()
        {
            using (Reader reader = Streams.Read(name))
            using (Helper writer = Helper.Writer(name, 1, 10))
            {
                Streams.Expect(reader, 1, new byte[10]);
                writer.Pause();
                Assert.Throws<ZeroDuplexTimeoutException>(() => reader.ReadFrame(TimeSpan.FromMilliseconds(300)));
                Assert.Throws<WriterAlreadyConnectedException>(() => Streams.WriteAtOnce(name));
            }
        }

        [Test]
        public void WaitingWriteLearnsThatTheReaderWasKilled()
        {
            using (Helper reader = Helper.Reader(name))
            using (Writer writer = Streams.WriteAtOnce(name))
            {
                writer.WriteFrame(Channels.Bytes(1008));
                Exception error = null;
                Thread writing = Channels.Run(() => error = Assert.Catch(() => writer.WriteFrame(Channels.Bytes(1), Channels.Patience)));
                Channels.Until(() => writer.Waiting == 1, "it waits");
                reader.Kill();
                Stopwatch watch = Stopwatch.StartNew();
                Channels.Join(writing);
                Assert.That(error, Is.InstanceOf<ReaderDeadException>());
                Assert.That(watch.Elapsed, Is.LessThan(TimeSpan.FromSeconds(5)));
                Assert.Throws<ReaderDeadException>(() => Streams.WriteAtOnce(name));
            }
        }

        [Test]
        public void WriteThatNeverWaitsLearnsItToo()
        {
            using (Helper reader = Helper.Reader(name))
            using (var writer = new Writer(name))
            {
                writer.WriteFrame(Channels.Bytes(1));
                reader.Kill();
                Exception error = null;
                Channels.Until(
                    () =>
                    {
                        try
                        {
                            writer.AcquireFrameBuffer(1).Abort();
                            return false;
                        }
                        catch (ReaderDeadException e)
                        {
                            error = e;
                            return true;
                        }
                    },
                    "the writer looks at its reader");
                Assert.That(error.Message, Contains.Substring("is dead"));
                Assert.That(writer.IsReaderConnected, Is.False);
            }
        }

        [Test]
        public void ReaderInAnotherProcessReadsWhatIsWrittenHere()
        {
            using (Helper reader = Helper.Reader(name))
            {
                using (Writer writer = Streams.WriteAtOnce(name))
                {
                    for (int i = 1; i <= 20; i++)
                    {
                        writer.WriteFrame(Channels.Bytes(300));
                        reader.Tell("read");
                        reader.Expect("frame " + i);
                    }
                }

                Assert.That(reader.End(), Is.EqualTo(0));
                Assert.That(Channels.Files(name), Is.Empty);
            }
        }

        [TestCase("--frames 6000 --size 1-300 --seed 7", "--payload-size 4096 --hold 5", "--zero-copy", 906053)]
        [TestCase("--frames 5000 --sizes 100,1,400", "--payload-size 1024 --metadata-size 64", "--metadata-file /proc/sys/kernel/ostype", 834767)]
        [TestCase("--frames 500 --size 240", "--payload-size 1024", "", 120000)]
        public void StreamPeersVerifyEveryByte(string both, string readerFlags, string writerFlags, int bytes)
        {
            using (var reader = new Helper("StreamReader", "--name " + name + " --verify --json " + both + " " + readerFlags))
            {
                reader.Expect("ready");
                using (var writer = new Helper("StreamWriter", "--name " + name + " --json " + both + " " + writerFlags))
                {
                    string wrote = writer.ReadLine();
                    Assert.That(writer.WaitForExit(), Is.EqualTo(0));
                    string read = reader.ReadLine();
                    Assert.That(reader.WaitForExit(), Is.EqualTo(0));
                    Assert.That(wrote, Contains.Substring("\"role\":\"writer\""));
                    Assert.That(wrote, Contains.Substring("\"bytes\":" + bytes + ","));
                    Assert.That(read, Contains.Substring("\"bytes\":" + bytes + ","));
                    Assert.That(read, Contains.Substring("\"mismatches\":0,"));
                    Assert.That(read, Contains.Substring("\"metadata_bytes\":" + (writerFlags.Contains("metadata") ? 6 : 0) + "}"));
                    Assert.That(Number(read, "payload_free_bytes"), Is.EqualTo(Number(read, "payload_size")));
                    Assert.That(Number(read, "read_count"), Is.EqualTo(Number(read, "written_count")));
                    Assert.That(Number(wrote, "written_count"), Is.EqualTo(Number(read, "written_count")));
                }
            }
        }

        [TestCase("--frames 10 --size 5", "--frames 10 --size 6")]
        [TestCase("--frames 10 --size 5", "--frames 9 --size 5")]
        public void StreamReaderThatGetsSomethingElseFails(string readerFlags, string writerFlags)
        {
            using (var reader = new Helper("StreamReader", "--name " + name + " --payload-size 1024 --verify " + readerFlags))
            {
                reader.Expect("ready");
                using (var writer = new Helper("StreamWriter", "--name " + name + " " + writerFlags))
                {
                    Assert.That(writer.WaitForExit(), Is.EqualTo(0));
                    Assert.That(reader.WaitForExit(), Is.EqualTo(1));
                }
            }
        }

        [Test]
        public void ProcessThatNobodyWaitedForIsDead()
        {
            // The shell becomes a program that never waits for the child it got. Until then it would: the child ends when it is told to.
            var start = new ProcessStartInfo("sh", "-c \"exec 3<&0; read line <&3 & echo $!; exec sleep 1000\"")
            {
                UseShellExecute = false,
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
            };
            using (Process parent = Process.Start(start))
            {
                try
                {
                    ulong zombie = ulong.Parse(parent.StandardOutput.ReadLine(), CultureInfo.InvariantCulture);
                    Channels.Until(() => File.ReadAllText("/proc/" + parent.Id + "/comm") == "sleep\n", "it is no shell any more");
                    Assert.That(Platform.ProcessExists(zombie));
                    parent.StandardInput.WriteLine();
                    Channels.Until(() => !Platform.ProcessExists(zombie), "the child has ended");
                    Assert.That(File.Exists("/proc/" + zombie + "/stat"), "and is still known");
                    Assert.That(Platform.ProcessExists((ulong)parent.Id));
                    using (Streams.Read(name))
                    {
                        Streams.SetWord(name, Wire.OiebV1ReaderPidOffset, zombie);
                        Assert.Throws<ReaderDeadException>(() => Streams.WriteAtOnce(name));
                        Streams.SetWord(name, Wire.OiebV1ReaderPidOffset, (ulong)Process.GetCurrentProcess().Id);
                    }
                }
                finally
                {
                    parent.Kill();
                    parent.WaitForExit();
                }
            }
        }

        [TestCase(WaitStrategy.Hybrid, 1, 300, 4096, 8)]
        [TestCase(WaitStrategy.Block, 1, 300, 4096, 1)]
        [TestCase(WaitStrategy.Spin, 1, 2000, 4096, 1)]
        [TestCase(WaitStrategy.Hybrid, 240, 240, 1024, 1)]
        [TestCase(WaitStrategy.Hybrid, 5000, 60000, 131072, 1)]
        public void EverythingArrivesInOrderAtFullSpeed(WaitStrategy wait, int least, int most, int payload, int hold)
        {
            const int Frames = 5000;
            using (var reader = new Reader(name, new BufferConfig(0, payload), new ReaderOptions { Wait = wait }))
            using (var writer = new Writer(name, new WriterOptions { Wait = wait }))
            {
                Exception error = null;
                Thread writing = Channels.Run(() => error = Caught(() => WriteAll(writer, Frames, least, most)));
                ReadAll(reader, Frames, hold);
                Channels.Join(writing);
                Assert.That(error, Is.Null);
                Assert.That(Streams.Word(name, Wire.OiebV1PayloadFreeBytesOffset), Is.EqualTo((ulong)payload));
                Assert.That(
                    Streams.Word(name, Wire.OiebV1PayloadWrittenCountOffset), Is.EqualTo(Streams.Word(name, Wire.OiebV1PayloadReadCountOffset)));
                Assert.That(Streams.Tokens("sem-w-" + name), Is.EqualTo(0));
                Assert.That(Streams.Tokens("sem-r-" + name), Is.LessThan(65));
            }
        }

        [Test]
        public void ManyThreadsShareBothEnds()
        {
            const int Threads = 4;
            const int Each = 500;
            using (var reader = new Reader(name, new BufferConfig(0, 2048)))
            using (Writer writer = Streams.WriteAtOnce(name))
            {
                var counts = new int[Threads];
                var threads = new Thread[2 * Threads];
                Exception error = null;
                for (int i = 0; i < Threads; i++)
                {
                    var mine = (byte)i;
                    threads[i] = Channels.Run(() => error = Caught(() => WriteSame(writer, Each, mine)) ?? error);
                    threads[Threads + i] = Channels.Run(() => error = Caught(() => CountAll(reader, Each, counts)) ?? error);
                }

                foreach (Thread thread in threads)
                {
                    Channels.Join(thread);
                }

                Assert.That(error, Is.Null);
                Assert.That(counts, Is.EqualTo(new[] { Each, Each, Each, Each }));
            }
        }

        private static string Number(string json, string field)
        {
            string rest = json.Substring(json.IndexOf("\"" + field + "\":", StringComparison.Ordinal) + field.Length + 3);
            return rest.Substring(0, rest.IndexOfAny(new[] { ',', '}' }));
        }

        private static Exception Caught(Action body)
        {
            try
            {
                body();
                return null;
            }
            catch (Exception e)
            {
                return e;
            }
        }

        private static void WriteAll(Writer writer, int frames, int least, int most)
        {
            var random = new Random(least);
            for (int i = 1; i <= frames; i++)
            {
                byte[] content = Channels.Bytes(random.Next(least, most + 1), i);
                if (i % 2 == 0)
                {
                    writer.WriteFrame(content);
                    continue;
                }

                using (FrameBuffer buffer = writer.AcquireFrameBuffer(content.Length))
                {
                    content.CopyTo(buffer.Data);
                    buffer.Commit();
                }
            }
        }

        /// <summary>Holds so many frames before it releases them, the newest first.</summary>
        private static void ReadAll(Reader reader, int frames, int hold)
        {
            var held = new System.Collections.Generic.Stack<ReceivedFrame>();
            for (int i = 1; i <= frames; i++)
            {
                held.Push(reader.ReadFrame());
                if (held.Count < hold && i < frames)
                {
                    continue;
                }

                for (int n = i; held.Count > 0; n--)
                {
                    ReceivedFrame frame = held.Pop();
                    if (frame.Sequence != (ulong)n || !frame.Data.SequenceEqual(Channels.Bytes(frame.Size, n)))
                    {
                        Assert.Fail("frame " + frame.Sequence + " of " + frame.Size + " bytes is not what was written");
                    }

                    frame.Release();
                }
            }
        }

        private static void WriteSame(Writer writer, int frames, byte content)
        {
            for (int i = 0; i < frames; i++)
            {
                var data = new byte[1 + (i % 200)];
                new Span<byte>(data).Fill(content);
                writer.WriteFrame(data);
            }
        }

        private static void CountAll(Reader reader, int frames, int[] counts)
        {
            for (int i = 0; i < frames; i++)
            {
                using (ReceivedFrame frame = reader.ReadFrame())
                {
                    Interlocked.Increment(ref counts[frame.Data[0]]);
                    if (frame.Data[frame.Size - 1] != frame.Data[0])
                    {
                        Assert.Fail("a frame was written over");
                    }
                }
            }
        }
    }
}
