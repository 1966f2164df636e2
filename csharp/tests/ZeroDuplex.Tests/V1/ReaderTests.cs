using System;
using System.Diagnostics;
using System.IO;
using System.Threading;
using NUnit.Framework;

namespace ZeroDuplex.Tests
{
    /// <summary>Creating a v1 buffer, reading it, and closing it.</summary>
    [TestFixture]
    public class ReaderTests
    {
        private string name;

        [SetUp]
        public void SetUp()
        {
            name = Channels.NewName();
        }

        [Test]
        public void NewBufferHasItsBytes()
        {
            using (new Reader(name, new BufferConfig(100, 1000)))
            {
                byte[] image = File.ReadAllBytes("/dev/shm/" + name);
                var want = new byte[1280];
                new byte[] { 128, 0, 0, 0, 1 }.CopyTo(want, 0);
                want[8] = want[16] = 128; // metadata_size, metadata_free_bytes
                want[33] = want[41] = 4; // payload_size, payload_free_bytes
                BitConverter.GetBytes((ulong)Process.GetCurrentProcess().Id).CopyTo(want, 88);
                Assert.That(image, Is.EqualTo(want));
                Assert.That(Streams.Tokens("sem-w-" + name), Is.EqualTo(0));
                Assert.That(Streams.Tokens("sem-r-" + name), Is.EqualTo(0));
            }

            Assert.That(Channels.Files(name), Is.Empty);
            Assert.That(File.Exists("/tmp/zerobuffer/" + name + ".lock"), Is.False);
        }

        [Test]
        public void DefaultsAreThoseOfVersionOne()
        {
            Assert.That(BufferConfig.DefaultV1.MetadataSize, Is.EqualTo(4096));
            Assert.That(BufferConfig.DefaultV1.PayloadSize, Is.EqualTo(256 << 20));
            using (new Reader(name))
            {
                Assert.That(new FileInfo("/dev/shm/" + name).Length, Is.EqualTo(128 + 4096 + (256 << 20)));
            }
        }

        [Test]
        public void ModeIsTheOneAskedFor()
        {
            using (Streams.Read(name, null, new ReaderOptions { Mode = 438 }))
            {
                Native.FileStatus status;
                foreach (string file in Channels.Files(name))
                {
                    Assert.That(Native.FileSystem.TryStatus(file, out status));
                    Assert.That(status.Mode & 0x1FF, Is.EqualTo(438), file);
                }
            }
        }

        [TestCase(null)]
        [TestCase("")]
        [TestCase(".hidden")]
        [TestCase("sem.taken")]
        [TestCase("with/slash")]
        public void BadNamesAreInvalidName(string bad)
        {
            Assert.Throws<InvalidNameException>(() => new Reader(bad));
            Assert.Throws<InvalidNameException>(() => new Reader(new string('x', 201)));
        }

        [TestCase(-1, 4096)]
        [TestCase(4096, -1)]
        [TestCase((1L << 30) + 1, 4096)]
        [TestCase(4096, (1L << 62) + 1)]
        public void BadSizesAreInvalidArgument(long metadata, long payload)
        {
            Assert.Throws<InvalidArgumentException>(() => new Reader(name, new BufferConfig(metadata, payload)));
            Assert.That(Channels.Files(name), Is.Empty);
        }

        [Test]
        public void BadOptionsAreInvalidArgument()
        {
            foreach (ReaderOptions bad in new[]
            {
                new ReaderOptions { Wait = (WaitStrategy)9 }, new ReaderOptions { Mode = 292 }, new ReaderOptions { SpinWindow = TimeSpan.FromTicks(-1) },
                new ReaderOptions { ReadTimeout = TimeSpan.FromSeconds(-3) },
            })
            {
                Assert.Throws<InvalidArgumentException>(() => Streams.Read(name, null, bad));
            }

            using (Reader reader = Streams.Read(name))
            {
                Assert.Throws<InvalidArgumentException>(() => reader.ReadFrame(TimeSpan.FromSeconds(-3)));
            }
        }

        [Test]
        public void FullSharedMemoryLeavesNothing()
        {
            Assert.Throws<ZeroDuplexOutOfMemoryException>(() => new Reader(name, new BufferConfig(0, 1L << 50)));
            Assert.That(Channels.Files(name), Is.Empty);
            Assert.That(File.Exists("/tmp/zerobuffer/" + name + ".lock"), Is.False);
        }

        [Test]
        public void SecondReaderIsRefused()
        {
            using (Reader first = Streams.Read(name))
            {
                Assert.Throws<ReaderAlreadyConnectedException>(() => Streams.Read(name));
                using (Writer writer = Streams.WriteAtOnce(name))
                {
                    writer.WriteFrame(Channels.Bytes(10));
                    Streams.Expect(first, 1, Channels.Bytes(10));
                }
            }
        }

        /// <summary>Without its lock files, as when it belongs to another pid namespace's /tmp.</summary>
        [Test]
        public void LivingReaderIsAlsoToldByItsProcess()
        {
            using (Streams.Read(name))
            {
                File.Delete("/tmp/zerobuffer/" + name + ".lock");
                File.Delete(Path.Combine(Path.GetTempPath(), "zerobuffer/locks/" + name + ".lock"));
                var e = Assert.Throws<ReaderAlreadyConnectedException>(() => Streams.Read(name));
                Assert.That(e.Message, Contains.Substring("process " + Process.GetCurrentProcess().Id));
                Assert.That(File.Exists("/dev/shm/" + name));
            }
        }

        [Test]
        public void WhatADeadReaderLeftIsReplacedEvenIfItsWriterLives()
        {
            Reader first = Streams.Read(name);
            using (Writer writer = Streams.WriteAtOnce(name))
            {
                writer.WriteFrame(Channels.Bytes(10));
                byte[] image = File.ReadAllBytes("/dev/shm/" + name);
                first.Close();
                BitConverter.GetBytes(0x7FFFFFF0UL).CopyTo(image, Wire.OiebV1ReaderPidOffset); // a process that cannot exist
                File.WriteAllBytes("/dev/shm/" + name, image);
                using (Reader second = Streams.Read(name))
                {
                    Assert.Throws<ReaderDeadException>(() => writer.WriteFrame(Channels.Bytes(1)));
                    Assert.Throws<ZeroDuplexTimeoutException>(() => second.ReadFrame(TimeSpan.Zero));
                }
            }

            Assert.That(Channels.Files(name), Is.Empty);
        }

        [Test]
        public void NamesOfOtherThingsAreInUse()
        {
            using (Channels.Serve(name, Channels.Echo))
            {
                // Its owner lock keeps v1 readers away; without it the byte of the object does.
                Assert.Throws<NameInUseException>(() => Streams.Read(name));
                File.Delete("/tmp/zerobuffer/" + name + ".lock");
                File.Delete(Path.Combine(Path.GetTempPath(), "zerobuffer/locks/" + name + ".lock"));
                Assert.Throws<NameInUseException>(() => Streams.Read(name));
            }

            File.WriteAllText("/dev/shm/" + name, "somebody's file, long enough to hold more than eight bytes");
            Assert.Throws<NameInUseException>(() => Streams.Read(name));
            File.Delete("/dev/shm/" + name);
            Directory.CreateDirectory("/dev/shm/" + name);
            Assert.Throws<NameInUseException>(() => Streams.Read(name));
            Directory.Delete("/dev/shm/" + name);
        }

        [Test]
        public void DeadInPlaceObjectIsReplaced()
        {
            byte[] image = null;
            using (Channels.Serve(name, Channels.Echo))
            {
                image = File.ReadAllBytes("/dev/shm/" + name);
            }

            File.WriteAllBytes("/dev/shm/" + name, image);
            Streams.Read(name).Close();
            Assert.That(Channels.Files(name), Is.Empty);
        }

        [Test]
        public void LivingReaderKeepsInPlaceServersAway()
        {
            using (Streams.Read(name))
            {
                Assert.Throws<NameInUseException>(() => Channels.Factory.CreateInPlaceDuplexServer(name));
            }
        }

        [TestCase(WaitStrategy.Hybrid)]
        [TestCase(WaitStrategy.Spin)]
        [TestCase(WaitStrategy.Block)]
        public void ReadTimesOutWhileNobodyWrites(WaitStrategy wait)
        {
            using (Reader reader = Streams.Read(name, null, new ReaderOptions { Wait = wait, ReadTimeout = Streams.Soon }))
            {
                var e = Assert.Throws<ZeroDuplexTimeoutException>(() => reader.ReadFrame());
                Assert.That(e.Channel, Is.EqualTo(name));
                Assert.Throws<ZeroDuplexTimeoutException>(() => reader.ReadFrame(TimeSpan.Zero));
                Assert.That(reader.IsWriterConnected, Is.False);
                using (Writer writer = Streams.WriteAtOnce(name))
                {
                    Assert.That(reader.IsWriterConnected);
                    Assert.Throws<ZeroDuplexTimeoutException>(() => reader.ReadFrame(TimeSpan.Zero), "a living writer that writes nothing");
                    writer.WriteFrame(Channels.Bytes(3));
                    Assert.That(reader.ReadFrame(TimeSpan.Zero).Sequence, Is.EqualTo(1), "zero tries once");
                }
            }
        }

        [Test]
        public void WriterThatLeftIsDeadWhenAllIsRead()
        {
            using (Reader reader = Streams.Read(name))
            {
                using (Writer writer = Streams.WriteAtOnce(name))
                {
                    writer.WriteFrame(Channels.Bytes(10));
                    writer.WriteFrame(Channels.Bytes(20));
                }

                Streams.Expect(reader, 1, Channels.Bytes(10));
                Streams.Expect(reader, 2, Channels.Bytes(20));
                Stopwatch watch = Stopwatch.StartNew();
                Assert.Throws<WriterDeadException>(() => reader.ReadFrame(Channels.Patience));
                Assert.That(watch.Elapsed, Is.LessThan(Channels.Patience), "at once");
                Assert.Throws<WriterDeadException>(() => reader.ReadFrame(TimeSpan.Zero));
                using (Writer next = Streams.WriteAtOnce(name))
                {
                    Assert.Throws<ZeroDuplexTimeoutException>(() => reader.ReadFrame(TimeSpan.Zero), "there is a writer again");
                    next.WriteFrame(Channels.Bytes(30));
                    Streams.Expect(reader, 1, Channels.Bytes(30));
                }
            }
        }

        [Test]
        public void WaitingReadLearnsThatTheWriterLeft()
        {
            using (Reader reader = Streams.Read(name))
            {
                Writer writer = Streams.WriteAtOnce(name);
                writer.WriteFrame(Channels.Bytes(1));
                Streams.Expect(reader, 1, Channels.Bytes(1));
                Exception error = null;
                Thread waiting = Channels.Run(() => error = Assert.Catch(() => reader.ReadFrame(Channels.Patience)));
                Channels.Until(() => reader.Waiting == 1, "it waits");
                writer.Close();
                Stopwatch watch = Stopwatch.StartNew();
                Channels.Join(waiting);
                Assert.That(error, Is.InstanceOf<WriterDeadException>());
                Assert.That(watch.Elapsed, Is.LessThan(TimeSpan.FromSeconds(5)), "within a slice");
            }
        }

        /// <summary>The writer had published when it died, but not yet posted.</summary>
        [Test]
        public void FrameOfADeadWriterWithoutATokenIsDelivered()
        {
            using (Reader reader = Streams.Read(name))
            {
                using (Writer writer = Streams.WriteAtOnce(name))
                {
                    writer.WriteFrame(Channels.Bytes(10));
                    writer.WriteFrame(Channels.Bytes(20));
                    Streams.WithSemaphore("sem-w-" + name, s => s.Wait(TimeSpan.Zero));
                }

                Streams.Expect(reader, 1, Channels.Bytes(10));
                Streams.Expect(reader, 2, Channels.Bytes(20));
                Assert.Throws<WriterDeadException>(() => reader.ReadFrame(Channels.Patience));
            }
        }

        [Test]
        public void FrameWithoutATokenIsDeliveredAlsoWhenTheNextWriterIsThere()
        {
            using (Reader reader = Streams.Read(name))
            {
                using (Writer writer = Streams.WriteAtOnce(name))
                {
                    writer.WriteFrame(Channels.Bytes(10));
                    Streams.WithSemaphore("sem-w-" + name, s => s.Wait(TimeSpan.Zero));
                    Assert.Throws<ZeroDuplexTimeoutException>(() => reader.ReadFrame(TimeSpan.Zero), "its writer may be about to post");
                    Streams.SetWord(name, Wire.OiebV1WriterPidOffset, 1); // another process, which lives
                    Streams.Expect(reader, 1, Channels.Bytes(10));
                }
            }
        }

        [Test]
        public void TokensThatAnnounceNothingAreIgnored()
        {
            using (Reader reader = Streams.Read(name))
            using (Writer writer = Streams.WriteAtOnce(name))
            {
                Streams.WithSemaphore("sem-w-" + name, s => s.PostBelow(9));
                Streams.WithSemaphore("sem-w-" + name, s => s.PostBelow(9));
                Assert.Throws<ZeroDuplexTimeoutException>(() => reader.ReadFrame(Streams.Soon));
                writer.WriteFrame(Channels.Bytes(5));
                Streams.Expect(reader, 1, Channels.Bytes(5));
            }
        }

        [Test]
        public void TokensWithoutEndDoNotHoldARead()
        {
            const uint Stored = 1000000;
            using (Reader reader = Streams.Read(name))
            using (Writer writer = Streams.WriteAtOnce(name))
            {
                Streams.StoreTokens("sem-w-" + name, Stored);
                Assert.Throws<ZeroDuplexTimeoutException>(() => reader.ReadFrame(TimeSpan.Zero));
                Assert.That(Streams.Tokens("sem-w-" + name), Is.GreaterThan(Stored - 100), "no look takes them all: there may be any number of them");
                writer.WriteFrame(Channels.Bytes(5));
                Streams.Expect(reader, 1, Channels.Bytes(5));
            }
        }

        [Test]
        public void EachFrameHasATokenAndReleasedOnesOnlyAFew()
        {
            using (Reader reader = Streams.Read(name))
            using (Writer writer = Streams.WriteAtOnce(name))
            {
                writer.WriteFrame(Channels.Bytes(10));
                writer.WriteFrame(Channels.Bytes(10));
                Assert.That(Streams.Tokens("sem-w-" + name), Is.EqualTo(2));
                Streams.Expect(reader, 1, Channels.Bytes(10));
                Assert.That(Streams.Tokens("sem-w-" + name), Is.EqualTo(1));
                Assert.That(Streams.Tokens("sem-r-" + name), Is.EqualTo(1));
                Streams.Expect(reader, 2, Channels.Bytes(10));
                for (ulong i = 3; i <= 200; i++)
                {
                    writer.WriteFrame(Channels.Bytes(10));
                    Streams.Expect(reader, i, Channels.Bytes(10));
                }

                Assert.That(Streams.Tokens("sem-r-" + name), Is.EqualTo(64));
                Assert.That(Streams.Tokens("sem-w-" + name), Is.EqualTo(0));
            }
        }

        [Test]
        public void CancelledReadLosesNoFrame()
        {
            using (Reader reader = Streams.Read(name))
            using (Writer writer = Streams.WriteAtOnce(name))
            {
                var source = new CancellationTokenSource();
                Exception error = null;
                Thread waiting = Channels.Run(() => error = Assert.Catch(() => reader.ReadFrame(Channels.Patience, source.Token)));
                Channels.Until(() => reader.Waiting == 1, "it waits");
                source.Cancel();
                Channels.Join(waiting);
                Assert.That(error, Is.InstanceOf<OperationCanceledException>());
                Assert.Throws<OperationCanceledException>(() => reader.ReadFrame(Channels.Patience, source.Token));
                for (ulong i = 1; i <= 5; i++)
                {
                    writer.WriteFrame(Channels.Bytes(7));
                    Streams.Expect(reader, i, Channels.Bytes(7));
                }
            }
        }

        [TestCase(WaitStrategy.Hybrid)]
        [TestCase(WaitStrategy.Spin)]
        [TestCase(WaitStrategy.Block)]
        public void CloseWakesEveryReadAndRemovesTheNames(WaitStrategy wait)
        {
            Reader reader = Streams.Read(name, null, new ReaderOptions { Wait = wait });
            var errors = new Exception[3];
            var threads = new Thread[errors.Length];
            for (int i = 0; i < threads.Length; i++)
            {
                int n = i;
                threads[i] = Channels.Run(() => errors[n] = Assert.Catch(() => reader.ReadFrame(Timeout.InfiniteTimeSpan)));
            }

            Channels.Until(() => reader.Waiting == threads.Length, "they wait");
            reader.Close();
            foreach (Thread thread in threads)
            {
                Channels.Join(thread);
            }

            Assert.That(errors, Is.All.InstanceOf<ClosedException>());
            Assert.Throws<ClosedException>(() => reader.ReadFrame());
            Assert.Throws<ClosedException>(() => reader.Metadata());
            Assert.That(reader.IsWriterConnected, Is.False);
            reader.Close();
            Assert.That(Channels.Files(name), Is.Empty);
            Streams.Read(name).Close();
        }

        [Test]
        public void NamesThatAreSomebodyElsesByNowStay()
        {
            Reader reader = Streams.Read(name);
            File.Delete("/dev/shm/" + name);
            File.WriteAllText("/dev/shm/" + name, "another's");
            reader.Close();
            Assert.That(Channels.Files(name), Is.EqualTo(new[] { "/dev/shm/" + name }));
            File.Delete("/dev/shm/" + name);
        }

        [Test]
        public void FrameOutlivesTheReaderAndFailsClearlyAfterItsRelease()
        {
            Reader reader = Streams.Read(name);
            using (Writer writer = Streams.WriteAtOnce(name))
            {
                writer.WriteFrame(Channels.Bytes(100));
                writer.WriteFrame(Channels.Bytes(50, 9));
                ReceivedFrame frame = reader.ReadFrame();
                ReceivedFrame copy = frame;
                ReceivedFrame second = reader.ReadFrame();
                reader.Close();
                Assert.That(frame.Data.ToArray(), Is.EqualTo(Channels.Bytes(100)));
                frame.Release();
                Assert.Throws<FrameReleasedException>(() => frame.Data.ToArray());
                Assert.Throws<FrameReleasedException>(() => copy.Data.ToArray());
                Assert.That(frame.Size, Is.EqualTo(100));
                Assert.That(second.Data.ToArray(), Is.EqualTo(Channels.Bytes(50, 9)));
                copy.Release();
                second.Dispose();
                second.Release();
                Assert.Throws<FrameReleasedException>(() => second.Data.ToArray());
                Assert.Throws<FrameReleasedException>(() => default(ReceivedFrame).Data.ToArray());
                default(ReceivedFrame).Release();
            }
        }

        [Test]
        public void StaleHandleDoesNotReleaseTheNextFrame()
        {
            using (Reader reader = Streams.Read(name))
            using (Writer writer = Streams.WriteAtOnce(name))
            {
                writer.WriteFrame(Channels.Bytes(10));
                writer.WriteFrame(Channels.Bytes(20));
                ReceivedFrame first = reader.ReadFrame();
                first.Release();
                ReceivedFrame second = reader.ReadFrame(); // which may use what the first used
                first.Release();
                Assert.That(second.Data.ToArray(), Is.EqualTo(Channels.Bytes(20)));
                Assert.That(Streams.Word(name, Wire.OiebV1PayloadFreeBytesOffset), Is.EqualTo(1024 - 36));
                second.Release();
                Assert.That(Streams.Word(name, Wire.OiebV1PayloadFreeBytesOffset), Is.EqualTo(1024));
            }
        }

        [Test]
        public void MetadataIsACopyOrNothing()
        {
            using (Reader reader = Streams.Read(name))
            {
                Assert.That(reader.Metadata(), Is.Null);
                using (Writer writer = Streams.WriteAtOnce(name))
                {
                    writer.SetMetadata(Channels.Bytes(45, 65));
                }

                Assert.That(reader.Metadata(), Is.EqualTo(Channels.Bytes(45, 65)));
            }

            using (Reader reader = Streams.Read(name))
            using (Writer writer = Streams.WriteAtOnce(name))
            {
                writer.SetMetadata(new byte[0]);
                Assert.That(reader.Metadata(), Is.EqualTo(new byte[0]), "written, though empty");
            }
        }

        [Test]
        public void CountersTellWhatTheBufferHolds()
        {
            Reader reader = Streams.Read(name);
            Writer writer = Streams.WriteAtOnce(name);
            writer.WriteFrame(Channels.Bytes(100));
            writer.WriteFrame(Channels.Bytes(50));
            ReceivedFrame frame = reader.ReadFrame();
            foreach (BufferCounters counters in new[] { reader.Counters, writer.Counters })
            {
                Assert.That(counters.PayloadSize, Is.EqualTo(1024));
                Assert.That(counters.FreeBytes, Is.EqualTo(1024 - 116 - 66));
                Assert.That(counters.WrittenCount, Is.EqualTo(2));
                Assert.That(counters.ReadCount, Is.EqualTo(1));
            }

            frame.Release();
            reader.Close();
            Assert.Throws<ClosedException>(() => Assert.That(reader.Counters.ReadCount, Is.EqualTo(1)));
            Assert.That(writer.Counters.FreeBytes, Is.EqualTo(1024 - 66));
            writer.Close();
            Assert.Throws<ClosedException>(() => Assert.That(writer.Counters.ReadCount, Is.EqualTo(1)));
        }

        [Test]
        public void CorruptMetadataIsCorrupted()
        {
            using (Reader reader = Streams.Read(name))
            using (Writer writer = Streams.WriteAtOnce(name))
            {
                writer.SetMetadata(Channels.Bytes(10));
                foreach (ulong bad in new ulong[] { 1, 7, 17, 257, ulong.MaxValue })
                {
                    Streams.SetWord(name, Wire.OiebV1MetadataWrittenBytesOffset, bad);
                    Assert.Throws<CorruptedException>(() => reader.Metadata(), "written " + bad);
                }

                Streams.SetWord(name, Wire.OiebV1MetadataWrittenBytesOffset, 256);
                Assert.That(reader.Metadata(), Is.EqualTo(Channels.Bytes(10)), "the prefix may say less");
                Streams.SetWord(name, Wire.OiebV1Size, ulong.MaxValue);
                Assert.Throws<CorruptedException>(() => reader.Metadata());
            }
        }

        [Test]
        public void CorruptFramesAndSequenceErrorsStay()
        {
            using (Reader reader = Streams.Read(name))
            using (Writer writer = Streams.WriteAtOnce(name))
            {
                writer.WriteFrame(Channels.Bytes(10));
                Streams.Expect(reader, 1, Channels.Bytes(10));
                writer.WriteFrame(Channels.Bytes(10));
                Streams.SetWord(name, 128 + 256 + 26 + 8, 7); // not aligned
                for (int i = 0; i < 3; i++)
                {
                    var e = Assert.Throws<SequenceException>(() => reader.ReadFrame(TimeSpan.Zero));
                    Assert.That(e.Code, Is.EqualTo(ErrorCode.Sequence));
                    Assert.That(e.Expected, Is.EqualTo(2));
                    Assert.That(e.Got, Is.EqualTo(7));
                }
            }

            using (Reader reader = Streams.Read(name))
            using (Writer writer = Streams.WriteAtOnce(name))
            {
                writer.WriteFrame(Channels.Bytes(10));
                Streams.SetWord(name, 128 + 256, ulong.MaxValue - 15);
                for (int i = 0; i < 3; i++)
                {
                    var e = Assert.Throws<CorruptedException>(() => reader.ReadFrame(TimeSpan.Zero));
                    Assert.That(e.Code, Is.EqualTo(ErrorCode.Corrupted));
                    Assert.That(e.Message, Contains.Substring((ulong.MaxValue - 15).ToString()));
                }
            }
        }

        [Test]
        public void FreeBytesBeyondThePayloadAreToldByTheNextRead()
        {
            using (Reader reader = Streams.Read(name))
            using (Writer writer = Streams.WriteAtOnce(name))
            {
                writer.WriteFrame(Channels.Bytes(10));
                ReceivedFrame frame = reader.ReadFrame();
                Streams.SetWord(name, Wire.OiebV1PayloadFreeBytesOffset, 1024);
                frame.Release();
                Assert.Throws<CorruptedException>(() => reader.ReadFrame());
            }
        }
    }
}
