using System;
using System.Diagnostics;
using System.IO;
using System.Threading;
using NUnit.Framework;
using ZeroDuplex.Native;

namespace ZeroDuplex.Tests
{
    /// <summary>Attaching to a v1 buffer, writing to it, and letting go of it.</summary>
    [TestFixture]
    public class WriterTests
    {
        private static readonly WriterOptions Once = new WriterOptions { ConnectTimeout = TimeSpan.Zero };

        private string name;

        [SetUp]
        public void SetUp()
        {
            name = Channels.NewName();
        }

        [Test]
        public void BadNamesAndOptionsAreRefused()
        {
            Assert.Throws<InvalidNameException>(() => new Writer("with/slash"));
            foreach (WriterOptions bad in new[]
            {
                new WriterOptions { Wait = (WaitStrategy)9 }, new WriterOptions { ConnectTimeout = TimeSpan.FromSeconds(-3) },
                new WriterOptions { WriteTimeout = TimeSpan.FromSeconds(-3) }, new WriterOptions { SpinWindow = TimeSpan.FromTicks(-1) },
            })
            {
                Assert.Throws<InvalidArgumentException>(() => new Writer(name, bad));
            }
        }

        [Test]
        public void WhatIsNotReadyIsBufferNotFound()
        {
            Assert.Throws<BufferNotFoundException>(() => new Writer(name, Once), "no object");
            string path = "/dev/shm/" + name;
            File.WriteAllBytes(path, new byte[0]);
            Assert.Throws<BufferNotFoundException>(() => new Writer(name, Once), "an empty object");
            File.WriteAllBytes(path, new byte[100]);
            Assert.Throws<BufferNotFoundException>(() => new Writer(name, Once), "a short one");
            File.WriteAllBytes(path, new byte[4096]);
            Assert.Throws<BufferNotFoundException>(() => new Writer(name, Once), "one without an identity");
            File.Delete(path);
            using (Streams.Read(name))
            {
                File.Move("/dev/shm/sem.sem-r-" + name, "/dev/shm/aside-" + name);
                Assert.Throws<BufferNotFoundException>(() => new Writer(name, Once), "a missing semaphore");
                Assert.That(Streams.Word(name, Wire.OiebV1WriterPidOffset), Is.EqualTo(0), "and the writer's place is not taken");
                File.Move("/dev/shm/aside-" + name, "/dev/shm/sem.sem-r-" + name);
                Streams.SetWord(name, Wire.OiebV1ReaderPidOffset, 0);
                Assert.Throws<BufferNotFoundException>(() => new Writer(name, Once), "no reader");
                Streams.SetWord(name, Wire.OiebV1ReaderPidOffset, 0x7FFFFFF0);
                var e = Assert.Throws<ReaderDeadException>(() => new Writer(name, Once), "a dead reader");
                Assert.That(e.Retryable);
            }
        }

        [Test]
        public void WhatAPublishedReaderHasHalfMadeIsBufferNotFound()
        {
            using (Streams.Read(name))
            {
                Streams.SetWord(name, Wire.OiebV1ReaderPidOffset, 0);
                Streams.SetWord(name, Wire.OiebV1PayloadSizeOffset, 0);
                var e = Assert.Throws<BufferNotFoundException>(() => new Writer(name, Once), "no sizes yet");
                Assert.That(e.Message, Contains.Substring("or is not ready yet"));
                Streams.SetWord(name, 0, Wire.OiebV1Size);
                e = Assert.Throws<BufferNotFoundException>(() => new Writer(name, Once), "no version yet");
                Assert.That(e.Message, Contains.Substring("not ready yet"));
            }
        }

        /// <summary>Published readers for Python leave them behind, and the next one replaces them when its buffer looks complete already.</summary>
        [Test]
        public void AFormerReadersSemaphoresAreNotTaken()
        {
            string path = Wire.ObjectPath(name);
            string[] semaphores = { Wire.SemaphorePath(Wire.DataReadSemaphore(name)), Wire.SemaphorePath(Wire.DataWrittenSemaphore(name)) };
            using (Streams.Read(name))
            {
                byte[] image = File.ReadAllBytes(path);
                FileStatus left;
                FileStatus made;
                Assert.That(FileSystem.TryStatus(semaphores[1], out left));
                bool known = (left.Known & FileStatus.BirthKnown) != 0; // some kernels do not keep it
                do // the kernel's clock has ticks
                {
                    File.Delete(path);
                    File.WriteAllBytes(path, image);
                    Assert.That(FileSystem.TryStatus(path, out made));
                }
                while (known && !left.IsOlderThan(made));

                foreach (string semaphore in semaphores)
                {
                    if (known)
                    {
                        var e = Assert.Throws<BufferNotFoundException>(() => new Writer(name, Once));
                        Assert.That(e.Message, Contains.Substring("older than it"));
                        Assert.That(Streams.Word(name, Wire.OiebV1WriterPidOffset), Is.EqualTo(0));
                    }

                    byte[] content = File.ReadAllBytes(semaphore);
                    File.Delete(semaphore);
                    File.WriteAllBytes(semaphore, content);
                }

                new Writer(name, Once).Dispose();
                File.Delete(path);
                Array.ForEach(semaphores, File.Delete);
            }
        }

        [Test]
        public void WhichFileIsOlder()
        {
            var early = new FileStatus { Known = FileStatus.BirthKnown, BirthSeconds = 5, BirthNanoseconds = 999 };
            var later = new FileStatus { Known = FileStatus.BirthKnown, BirthSeconds = 6, BirthNanoseconds = 1 };
            var latest = new FileStatus { Known = FileStatus.BirthKnown, BirthSeconds = 6, BirthNanoseconds = 2 };
            Assert.That(early.IsOlderThan(later));
            Assert.That(later.IsOlderThan(latest));
            Assert.That(latest.IsOlderThan(later), Is.False);
            Assert.That(later.IsOlderThan(early), Is.False);
            Assert.That(early.IsOlderThan(early), Is.False, "made within a tick");
            var unknown = default(FileStatus);
            Assert.That(unknown.IsOlderThan(early), Is.False);
            Assert.That(early.IsOlderThan(unknown), Is.False);
        }

        [Test]
        public void AttachWaitsForTheReader()
        {
            Writer writer = null;
            Thread attaching = Channels.Run(() => writer = new Writer(name));
            using (Reader reader = Streams.Read(name))
            {
                Channels.Join(attaching);
                using (writer)
                {
                    Assert.That(writer.Name, Is.EqualTo(name));
                    Assert.That(writer.IsReaderConnected);
                    writer.WriteFrame(Channels.Bytes(10));
                    Streams.Expect(reader, 1, Channels.Bytes(10));
                }
            }
        }

        [Test]
        public void AttachCanBeCancelledAndTimesOutWithItsReason()
        {
            var source = new CancellationTokenSource();
            source.Cancel();
            Assert.Throws<OperationCanceledException>(() => new Writer(name, null, source.Token));
            Assert.Throws<BufferNotFoundException>(() => new Writer(name, new WriterOptions { ConnectTimeout = Streams.Soon }));
        }

        [Test]
        public void SecondWriterIsRefusedUntilTheFirstLeft()
        {
            using (Reader reader = Streams.Read(name))
            {
                Writer first = new Writer(name, Once);
                Assert.Throws<WriterAlreadyConnectedException>(() => new Writer(name, Once));
                first.WriteFrame(Channels.Bytes(3));
                Streams.Expect(reader, 1, Channels.Bytes(3));
                Writer second = null;
                Thread attaching = Channels.Run(() => second = new Writer(name));
                first.Close();
                Channels.Join(attaching);
                using (second)
                {
                    Assert.That(second.WriteFrame(Channels.Bytes(4)), Is.EqualTo(1));
                    Streams.Expect(reader, 1, Channels.Bytes(4));
                }

                Assert.That(Streams.Word(name, Wire.OiebV1WriterPidOffset), Is.EqualTo(0));
            }
        }

        [Test]
        public void PlaceOfADeadWriterIsTaken()
        {
            using (Reader reader = Streams.Read(name))
            {
                Streams.SetWord(name, Wire.OiebV1WriterPidOffset, 0x7FFFFFF0);
                Assert.That(reader.IsWriterConnected, Is.False);
                using (new Writer(name, Once))
                {
                    Assert.That(Streams.Word(name, Wire.OiebV1WriterPidOffset), Is.EqualTo(Process.GetCurrentProcess().Id));
                }
            }
        }

        [Test]
        public void ClosingLeavesAnotherWritersPlaceAlone()
        {
            using (Streams.Read(name))
            {
                Writer writer = new Writer(name, Once);
                Streams.SetWord(name, Wire.OiebV1WriterPidOffset, 1);
                writer.Close();
                writer.Close();
                Assert.That(Streams.Word(name, Wire.OiebV1WriterPidOffset), Is.EqualTo(1));
            }
        }

        [Test]
        public void OtherVersionsAreAMismatch()
        {
            using (Streams.Read(name))
            {
                Streams.SetWord(name, 0, 128 | (2UL << 32));
                var e = Assert.Throws<VersionMismatchException>(() => new Writer(name, Once));
                Assert.That(e.Message, Contains.Substring("v2.0.0"));
                Assert.That(e.Message, Contains.Substring("v1.0.0"));
                Streams.SetWord(name, 0, 64 | (1UL << 32));
                Assert.Throws<VersionMismatchException>(() => new Writer(name, Once));
                Streams.SetWord(name, 0, 128 | (1UL << 32) | (7UL << 40));
                new Writer(name, Once).Close(); // a minor version is no other protocol
            }

            string channel = Channels.NewName();
            using (Channels.Serve(channel, Channels.Echo))
            {
                Assert.Throws<VersionMismatchException>(() => new Writer(channel, Once));
            }
        }

        [Test]
        public void BuffersThatCannotBeAreCorrupted()
        {
            Refused(Wire.OiebV1MetadataSizeOffset, 257);
            Refused(Wire.OiebV1MetadataSizeOffset, ulong.MaxValue);
            Refused(Wire.OiebV1PayloadSizeOffset, 1024 + 64);
            Refused(Wire.OiebV1PayloadSizeOffset, 1024 - 64);
            Refused(Wire.OiebV1PayloadSizeOffset, ulong.MaxValue);
            Refused(Wire.OiebV1PayloadFreeBytesOffset, 1025);
            Refused(Wire.OiebV1PayloadWritePosOffset, 1025);
        }

        [Test]
        public void OtherUsersAndOtherThingsAreRefused()
        {
            string path = "/dev/shm/" + name;
            using (Reader reader = Streams.Read(name))
            {
                Channels.GiveAway(path);
                Assert.Throws<PermissionDeniedException>(() => new Writer(name, Once));
                using (var writer = new Writer(name, new WriterOptions { AllowOtherUsers = true }))
                {
                    writer.WriteFrame(Channels.Bytes(1));
                    Streams.Expect(reader, 1, Channels.Bytes(1));
                }
            }

            Directory.CreateDirectory(path);
            Assert.Throws<ZeroDuplexSystemException>(() => new Writer(name, Once));
            Directory.Delete(path);
        }

        [Test]
        public void SizesThatNoFrameHasFailAtOnce()
        {
            using (Streams.Read(name))
            using (Writer writer = new Writer(name, Once))
            {
                Assert.Throws<InvalidFrameSizeException>(() => writer.WriteFrame(new byte[0]));
                Assert.Throws<InvalidFrameSizeException>(() => writer.AcquireFrameBuffer(0));
                Assert.Throws<InvalidArgumentException>(() => writer.AcquireFrameBuffer(-1));
                Assert.Throws<FrameTooLargeException>(() => writer.WriteFrame(new byte[1009]));
                Assert.Throws<FrameTooLargeException>(() => writer.AcquireFrameBuffer(int.MaxValue));
                var e = Assert.Throws<FrameTooLargeException>(() => writer.WriteFrame(new byte[1000]));
                Assert.That(e.Message, Contains.Substring("tail"));
                Assert.That(e.Code, Is.EqualTo(ErrorCode.FrameTooLarge));
                Assert.That(writer.WriteFrame(new byte[1008]), Is.EqualTo(1), "and nothing is lost by them");
            }
        }

        [Test]
        public void UnplaceableFrameFailsAtOnceAndFitsAfterASmallerOne()
        {
            using (Reader reader = Streams.Read(name))
            using (Writer writer = new Writer(name, Once))
            {
                writer.WriteFrame(Channels.Bytes(484));
                Streams.Expect(reader, 1, Channels.Bytes(484));
                var e = Assert.Throws<FrameUnplaceableException>(() => writer.WriteFrame(Channels.Bytes(584), Timeout.InfiniteTimeSpan));
                Assert.That(e, Is.InstanceOf<FrameTooLargeException>());
                Assert.That(e.Retryable);
                Assert.That(e.Message, Contains.Substring("position is 500"));
                writer.WriteFrame(Channels.Bytes(100));
                Streams.Expect(reader, 2, Channels.Bytes(100));
                writer.WriteFrame(Channels.Bytes(584));
                Streams.Expect(reader, 3, Channels.Bytes(584));
            }
        }

        [TestCase(WaitStrategy.Hybrid)]
        [TestCase(WaitStrategy.Spin)]
        [TestCase(WaitStrategy.Block)]
        public void FullBufferIsBufferFullAndThenRoom(WaitStrategy wait)
        {
            using (Reader reader = Streams.Read(name))
            using (var writer = new Writer(name, new WriterOptions { Wait = wait, WriteTimeout = Streams.Soon }))
            {
                writer.WriteFrame(Channels.Bytes(1008));
                ReceivedFrame frame = reader.ReadFrame();
                var e = Assert.Throws<BufferFullException>(() => writer.WriteFrame(Channels.Bytes(1)));
                Assert.That(e.Message, Contains.Substring("0 of 1024"));
                Assert.Throws<BufferFullException>(() => writer.WriteFrame(Channels.Bytes(1), TimeSpan.Zero));

                // Tokens that stand for nothing neither let it in nor make it wait longer.
                Streams.WithSemaphore("sem-r-" + name, s => s.PostBelow(9));
                Streams.WithSemaphore("sem-r-" + name, s => s.PostBelow(9));
                Assert.Throws<BufferFullException>(() => writer.AcquireFrameBuffer(1));
                ulong sequence = 0;
                Thread writing = Channels.Run(() => sequence = writer.WriteFrame(Channels.Bytes(500), Channels.Patience));
                Channels.Until(() => writer.Waiting == 1, "it waits");
                frame.Release();
                Channels.Join(writing);
                Assert.That(sequence, Is.EqualTo(2));
                Streams.Expect(reader, 2, Channels.Bytes(500));
            }
        }

        [Test]
        public void WaitingWriteCanBeCancelled()
        {
            using (Streams.Read(name))
            using (Writer writer = new Writer(name, Once))
            {
                writer.WriteFrame(Channels.Bytes(1008));
                var source = new CancellationTokenSource();
                Exception error = null;
                Thread writing = Channels.Run(() => error = Assert.Catch(() => writer.WriteFrame(Channels.Bytes(1), Channels.Patience, source.Token)));
                Channels.Until(() => writer.Waiting == 1, "it waits");
                source.Cancel();
                Channels.Join(writing);
                Assert.That(error, Is.InstanceOf<OperationCanceledException>());
                Assert.Throws<OperationCanceledException>(() => writer.AcquireFrameBuffer(1, null, source.Token));
            }
        }

        [Test]
        public void ReaderThatClosedIsDeadAtOnceAndForAWaitingWrite()
        {
            Reader reader = Streams.Read(name);
            using (Writer writer = new Writer(name, Once))
            {
                writer.WriteFrame(Channels.Bytes(1008));
                Exception error = null;
                Thread writing = Channels.Run(() => error = Assert.Catch(() => writer.WriteFrame(Channels.Bytes(1), Channels.Patience)));
                Channels.Until(() => writer.Waiting == 1, "it waits");
                reader.Close();
                Stopwatch watch = Stopwatch.StartNew();
                Channels.Join(writing);
                Assert.That(error, Is.InstanceOf<ReaderDeadException>());
                Assert.That(watch.Elapsed, Is.LessThan(TimeSpan.FromSeconds(5)), "within a slice");
                Assert.Throws<ReaderDeadException>(() => writer.WriteFrame(Channels.Bytes(1)));
                Assert.Throws<ReaderDeadException>(() => writer.SetMetadata(Channels.Bytes(1)));
                Assert.That(writer.IsReaderConnected, Is.False);
            }
        }

        [Test]
        public void ReaderThatDiesDuringAWriteIsToldByTheNext()
        {
            Reader reader = Streams.Read(name);
            using (Writer writer = new Writer(name, Once))
            {
                FrameBuffer buffer = writer.AcquireFrameBuffer(10);
                reader.Close();
                Assert.That(buffer.Commit(), Is.EqualTo(1));
                Assert.Throws<ReaderDeadException>(() => writer.WriteFrame(Channels.Bytes(1)));
            }
        }

        [Test]
        public void AcquiredBufferIsCommittedOrAbortedOnce()
        {
            using (Reader reader = Streams.Read(name))
            using (Writer writer = new Writer(name, Once))
            {
                FrameBuffer buffer = writer.AcquireFrameBuffer(100);
                Assert.That(buffer.Size, Is.EqualTo(100));
                Channels.Bytes(100).CopyTo(buffer.Data);
                Assert.That(Streams.Word(name, Wire.OiebV1PayloadFreeBytesOffset), Is.EqualTo(1024), "nothing shows before the commit");
                Assert.That(Streams.Word(name, Wire.OiebV1PayloadWritePosOffset), Is.EqualTo(0));
                Assert.That(buffer.Commit(), Is.EqualTo(1));
                Assert.Throws<FrameReleasedException>(() => buffer.Commit());
                Assert.Throws<FrameReleasedException>(() => buffer.Data.Clear());
                buffer.Abort();
                Streams.Expect(reader, 1, Channels.Bytes(100));

                using (writer.AcquireFrameBuffer(50))
                {
                    // Leaving it aborts.
                }

                buffer = writer.AcquireFrameBuffer(60);
                buffer.Abort();
                buffer.Abort();
                Assert.Throws<FrameReleasedException>(() => buffer.Data.Clear());
                Assert.That(writer.WriteFrame(Channels.Bytes(9)), Is.EqualTo(2), "without a gap");
                Streams.Expect(reader, 2, Channels.Bytes(9));
                Assert.Throws<FrameReleasedException>(() => default(FrameBuffer).Data.Clear());
                default(FrameBuffer).Abort();
            }
        }

        [Test]
        public void OneBufferIsOutAtATimeAndOthersTakeTurns()
        {
            using (Reader reader = Streams.Read(name))
            using (Writer writer = new Writer(name, Once))
            {
                FrameBuffer buffer = writer.AcquireFrameBuffer(10);
                var e = Assert.Throws<AcquisitionOpenException>(() => writer.WriteFrame(Channels.Bytes(1), Streams.Soon));
                Assert.That(e, Is.InstanceOf<BufferFullException>());
                var sequences = new ulong[3];
                var threads = new Thread[sequences.Length];
                for (int i = 0; i < threads.Length; i++)
                {
                    int n = i;
                    threads[i] = Channels.Run(() => sequences[n] = writer.WriteFrame(Channels.Bytes(n + 1)));
                    Channels.Until(() => writer.Queued == n + 1, "it waits for its turn");
                }

                buffer.Data.Fill(7);
                buffer.Commit();
                foreach (Thread thread in threads)
                {
                    Channels.Join(thread);
                }

                Assert.That(sequences, Is.EqualTo(new ulong[] { 2, 3, 4 }), "first come, first served");
                Streams.Expect(reader, 1, new byte[] { 7, 7, 7, 7, 7, 7, 7, 7, 7, 7 });
                Streams.Expect(reader, 2, Channels.Bytes(1));
                Streams.Expect(reader, 3, Channels.Bytes(2));
                Streams.Expect(reader, 4, Channels.Bytes(3));
            }
        }

        [Test]
        public void CloseWakesWaitingWritesAndWaitsForTheBuffer()
        {
            using (Reader reader = Streams.Read(name))
            {
                Writer writer = new Writer(name, Once);
                FrameBuffer buffer = writer.AcquireFrameBuffer(10);
                Exception error = null;
                Thread writing = Channels.Run(() => error = Assert.Catch(() => writer.WriteFrame(Channels.Bytes(1))));
                Channels.Until(() => writer.Queued == 1, "it waits for its turn");
                writer.Close();
                Channels.Join(writing);
                Assert.That(error, Is.InstanceOf<ClosedException>());
                Assert.That(reader.IsWriterConnected, "its buffer is still out");
                Assert.Throws<ClosedException>(() => buffer.Commit());
                Assert.That(reader.IsWriterConnected, Is.False);
                Assert.Throws<ClosedException>(() => writer.WriteFrame(Channels.Bytes(1)));
                Assert.Throws<ClosedException>(() => writer.SetMetadata(Channels.Bytes(1)));
                Assert.Throws<ZeroDuplexTimeoutException>(() => reader.ReadFrame(TimeSpan.Zero), "nothing was published, and no writer was seen");

                writer = new Writer(name, Once);
                writer.WriteFrame(Channels.Bytes(1008));
                writing = Channels.Run(() => error = Assert.Catch(() => writer.WriteFrame(Channels.Bytes(1))));
                Channels.Until(() => writer.Waiting == 1, "it waits for room");
                writer.Close();
                Channels.Join(writing);
                Assert.That(error, Is.InstanceOf<ClosedException>());
            }
        }

        [Test]
        public void MetadataIsWrittenOncePerBuffer()
        {
            using (Reader reader = Streams.Read(name))
            {
                using (Writer writer = new Writer(name, Once))
                {
                    Assert.Throws<MetadataTooLargeException>(() => writer.SetMetadata(Channels.Bytes(249)));
                    writer.SetMetadata(Channels.Bytes(248));
                    Assert.That(Streams.Word(name, Wire.OiebV1MetadataWrittenBytesOffset), Is.EqualTo(256));
                    Assert.That(Streams.Word(name, Wire.OiebV1MetadataFreeBytesOffset), Is.EqualTo(0));
                    Assert.Throws<MetadataAlreadyWrittenException>(() => writer.SetMetadata(Channels.Bytes(1)));
                }

                using (Writer next = new Writer(name, Once))
                {
                    Assert.Throws<MetadataAlreadyWrittenException>(() => next.SetMetadata(Channels.Bytes(1)));
                }

                Assert.That(reader.Metadata(), Is.EqualTo(Channels.Bytes(248)));
            }

            using (new Reader(name, new BufferConfig(0, 1024)))
            using (Writer writer = new Writer(name, Once))
            {
                Assert.Throws<MetadataTooLargeException>(() => writer.SetMetadata(new byte[0]));
                writer.WriteFrame(Channels.Bytes(1));
            }
        }

        [Test]
        public void FullSemaphoreIsASystemError()
        {
            using (Reader reader = Streams.Read(name))
            using (Writer writer = new Writer(name, Once))
            {
                Streams.SetWord("sem.sem-w-" + name, 0, int.MaxValue);
                Assert.Throws<ZeroDuplexSystemException>(() => writer.WriteFrame(Channels.Bytes(1)));
                Streams.SetWord("sem.sem-w-" + name, 0, 1);
                Streams.Expect(reader, 1, Channels.Bytes(1));
                Assert.That(writer.WriteFrame(Channels.Bytes(1)), Is.EqualTo(2));
            }
        }

        [Test]
        public void CorruptFreeBytesEndTheWriter()
        {
            using (Streams.Read(name))
            using (Writer writer = new Writer(name, Once))
            {
                Streams.SetWord(name, Wire.OiebV1PayloadFreeBytesOffset, 1025);
                Assert.Throws<CorruptedException>(() => writer.WriteFrame(Channels.Bytes(1)));
                Streams.SetWord(name, Wire.OiebV1PayloadFreeBytesOffset, 1024);
                Assert.Throws<CorruptedException>(() => writer.WriteFrame(Channels.Bytes(1)));
            }
        }

        private void Refused(int offset, ulong value)
        {
            using (Streams.Read(name))
            {
                Streams.SetWord(name, offset, value);
                Assert.Throws<CorruptedException>(() => new Writer(name, Once), "offset " + offset + " value " + value);
                Assert.That(Streams.Word(name, Wire.OiebV1WriterPidOffset), Is.EqualTo(0), "the writer's place is given back");
            }
        }
    }
}
