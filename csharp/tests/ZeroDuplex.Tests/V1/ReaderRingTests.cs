using System;
using System.Collections.Generic;
using NUnit.Framework;
using ZeroDuplex.Ring;
using ZeroDuplex.V1;

namespace ZeroDuplex.Tests
{
    /// <summary>How v1 frames are read and given back, and what a reader refuses.</summary>
    [TestFixture]
    public unsafe class ReaderRingTests
    {
        private const ulong P = 1024;

        private delegate void Damage(BufferFixture ring);

        [Test]
        public void ReadingMovesPositionAndCountAndReleasingFrees()
        {
            using (var ring = new BufferFixture(P))
            {
                ring.Write(50);
                ring.Write(60);
                FrameLoan first = ring.Read();
                Assert.That(ring.State, Is.EqualTo(new ulong[] { 1024 - 66 - 76, 142, 66, 2, 1 }));
                FrameLoan second = ring.Read();
                Assert.That(first.Sequence, Is.EqualTo(1));
                Assert.That(second.Sequence, Is.EqualTo(2));
                Assert.That(ring.Reader.TryRead(), Is.Null, "a token without a frame is nobody's");
                Assert.That(ring.Reader.Release(first), Is.EqualTo(1));
                Assert.That(ring.State, Is.EqualTo(new ulong[] { 1024 - 76, 142, 142, 2, 2 }));
                Assert.That(ring.Reader.Release(second), Is.EqualTo(1));
                Assert.That(ring.State[0], Is.EqualTo(1024));
            }
        }

        [Test]
        public void MarkerIsReadWithTheFrameBehindIt()
        {
            using (var ring = new BufferFixture(P))
            {
                ring.MoveTo(924);
                ring.Write(200);
                FrameLoan frame = ring.Read();
                Assert.That(ring.State, Is.EqualTo(new ulong[] { 1024 - 216, 216, 216, 3, 3 }), "the tail is free again, the marker counts");
                ring.Reader.Release(frame);
                Assert.That(ring.State[0], Is.EqualTo(1024));
            }
        }

        [TestCase(1)]
        [TestCase(8)]
        [TestCase(15)]
        public void TailTooShortForAMarkerIsSkippedWithoutACount(int tail)
        {
            using (var ring = new BufferFixture(P))
            {
                // As published C++ writers leave it.
                ring.MoveTo(500);
                ulong rest = P - 500 - (ulong)tail;
                ring.Oieb->PayloadFreeBytes = P - rest;
                ring.Forge(rest - 16, 2);
                new Span<byte>(ring.Memory.Payload + 516, (int)rest - 16).Fill((byte)(rest - 16));
                ring.Reader.Release(ring.Read());
                ring.Oieb->PayloadWritePos = 0;
                ring.Oieb->PayloadFreeBytes = P - (ulong)tail - 116;
                ring.Forge(100, 3);
                new Span<byte>(ring.Memory.Payload + 16, 100).Fill(100);
                FrameLoan frame = ring.Read();
                Assert.That(ring.Oieb->PayloadReadCount, Is.EqualTo(3));
                Assert.That(ring.Oieb->PayloadFreeBytes, Is.EqualTo(P - 116));
                ring.Reader.Release(frame);
                Assert.That(ring.Oieb->PayloadFreeBytes, Is.EqualTo(P));
            }
        }

        [Test]
        public void FramesReleasedInAnyOrderAreFreedInTheirs()
        {
            using (var ring = new BufferFixture(P))
            {
                var frames = new List<FrameLoan>();
                for (int i = 0; i < 4; i++)
                {
                    ring.Write(84);
                    frames.Add(ring.Read());
                }

                Assert.That(ring.Reader.Release(frames[2]), Is.EqualTo(0));
                Assert.That(ring.Reader.Release(frames[1]), Is.EqualTo(0));
                Assert.That(ring.Oieb->PayloadFreeBytes, Is.EqualTo(P - 400), "the oldest is still held");
                Assert.That(ring.Reader.Release(frames[0]), Is.EqualTo(3));
                Assert.That(ring.Oieb->PayloadFreeBytes, Is.EqualTo(P - 100));
                Assert.That(ring.Reader.Release(frames[3]), Is.EqualTo(1));
                Assert.That(ring.Oieb->PayloadFreeBytes, Is.EqualTo(P));
            }
        }

        /// <summary>A tail that is free while the frame before it is held would be taken for room next to the writer's position.</summary>
        [Test]
        public void FrameHeldAcrossAWrapIsNotWrittenOver()
        {
            using (var ring = new BufferFixture(P))
            {
                ring.MoveTo(500);
                ring.Write(384); // 500 to 900
                FrameLoan held = ring.Read();
                ring.Write(134); // at 0, behind a tail of 124
                FrameLoan behind = ring.Read();
                Assert.That(ring.Oieb->PayloadFreeBytes, Is.EqualTo(P - 400 - 124 - 150), "neither the held frame nor the tail behind it");
                Assert.That(ring.Place(340), Is.EqualTo(Placement.NoRoom), "350 bytes are left before the held frame");
                ring.Write(334);
                BufferFixture.Check(held);
                Assert.That(ring.Reader.Release(behind), Is.EqualTo(0));
                Assert.That(ring.Reader.Release(held), Is.EqualTo(2));
                ring.Reader.Release(ring.Read());
                Assert.That(ring.Oieb->PayloadFreeBytes, Is.EqualTo(P));
            }
        }

        [Test]
        public void HeadersThatCannotBeChangeNothing()
        {
            var damages = new Dictionary<string, Damage>
            {
                { "marker at 0", r => r.Forge(0, 0) },
                { "no size", r => r.Forge(0, 1) },
                { "size beyond the end", r => r.Forge(P - 15, 1) },
                { "size that overflows", r => r.Forge(ulong.MaxValue - 15, 1) },
                { "size and number of nobody", r => r.Forge(0xEEEEEEEEEEEEEEEE, 0xEEEEEEEEEEEEEEEE) },
            };
            foreach (KeyValuePair<string, Damage> damage in damages)
            {
                using (var ring = new BufferFixture(P))
                {
                    damage.Value(ring);
                    RefusesWithoutChange<RingCorruptedException>(ring, damage.Key);
                }
            }
        }

        [Test]
        public void MarkersThatCannotBeChangeNothing()
        {
            using (var ring = new BufferFixture(P))
            {
                ring.MoveTo(900);
                ring.Forge(0, 0);
                ring.Memory.WriteHeader(0, 0, 0);
                RefusesWithoutChange<RingCorruptedException>(ring, "two markers");
                ring.Memory.WriteHeader(0, P, 2);
                RefusesWithoutChange<RingCorruptedException>(ring, "a marker and nothing of use behind it");
                ring.Memory.WriteHeader(900, P - 900 - 15, 2);
                RefusesWithoutChange<RingCorruptedException>(ring, "size beyond the end");
            }

            using (var ring = new BufferFixture(0))
            {
                ring.Oieb->PayloadWrittenCount = 1;
                RefusesWithoutChange<RingCorruptedException>(ring, "no payload");
            }
        }

        [Test]
        public void OtherNumbersAreSequenceErrors()
        {
            using (var ring = new BufferFixture(P))
            {
                ring.Pass(100);
                ring.Forge(100, 3);
                var e = RefusesWithoutChange<RingSequenceException>(ring, "a gap");
                Assert.That(e.Expected, Is.EqualTo(2));
                Assert.That(e.Got, Is.EqualTo(3));
                Assert.That(ring.Reader.TryRecover(), Is.Null);
            }

            using (var ring = new BufferFixture(P))
            {
                ring.Forge(100, 2);
                RefusesWithoutChange<RingSequenceException>(ring, "not the first");
            }
        }

        [Test]
        public void NextWriterStartsAtOne()
        {
            using (var ring = new BufferFixture(P))
            {
                ring.Pass(100);
                ring.Pass(100);
                ring.Writer = new WriterRing(ring.Memory);
                ring.Write(50);
                FrameLoan frame = ring.Read();
                Assert.That(frame.Sequence, Is.EqualTo(1));
                ring.Reader.Release(frame);
                ring.Pass(60);
            }
        }

        [Test]
        public void FrameWithoutATokenIsRecoveredWhenItIsTheNext()
        {
            using (var ring = new BufferFixture(P))
            {
                Assert.That(ring.Reader.TryRecover(), Is.Null, "nothing is published");
                ring.MoveTo(924);
                ring.Write(200);
                FrameLoan frame = ring.Reader.TryRecover();
                Assert.That(frame.Sequence, Is.EqualTo(2));
                BufferFixture.Check(frame);
                Assert.That(ring.Oieb->PayloadReadCount, Is.EqualTo(3));
                Assert.That(ring.Reader.TryRecover(), Is.Null);
                ring.Forge(100, 1);
                Assert.That(ring.Reader.TryRecover(), Is.Null, "not another writer's");
                ring.Forge(P, 3);
                Assert.That(ring.Reader.TryRecover(), Is.Null, "nor what is no frame");
            }
        }

        [Test]
        public void FreeBytesBeyondThePayloadAreCorrupt()
        {
            using (var ring = new BufferFixture(P))
            {
                ring.Write(100);
                FrameLoan frame = ring.Read();
                ring.Oieb->PayloadFreeBytes = P - 115;
                Assert.Throws<RingCorruptedException>(() => ring.Reader.Release(frame));
            }
        }

        /// <summary>Random sizes in a ring that they wrap all the time, random numbers of frames held and released in random order.</summary>
        [TestCase(1, 300)]
        [TestCase(2, 300)]
        [TestCase(3, 1900)]
        [TestCase(4, 40)]
        public void NothingIsLostOrWrittenOver(int seed, int largest)
        {
            var random = new Random(seed);
            using (var ring = new BufferFixture(4096))
            {
                var held = new List<FrameLoan>();
                int size = 0;
                ulong written = 0;
                ulong read = 0;
                int unplaceable = 0;
                while (read < 6000)
                {
                    size = size == 0 ? random.Next(1, largest + 1) : size;
                    Placement found = random.Next(3) > 0 ? ring.Place(size) : Placement.NoRoom;
                    if (found == Placement.Placed)
                    {
                        written++;
                        Assert.That(ring.Writer.Publish(), Is.EqualTo(written));
                        size = 0;
                    }
                    else if (found == Placement.Unplaceable)
                    {
                        unplaceable++;
                        size = 1; // the remedy
                    }
                    else if (read < written && random.Next(2) > 0)
                    {
                        FrameLoan frame = ring.Read();
                        read++;
                        Assert.That(frame.Sequence, Is.EqualTo(read));
                        held.Add(frame);
                    }
                    else if (held.Count > 0)
                    {
                        FrameLoan frame = held[random.Next(held.Count)];
                        held.Remove(frame);
                        BufferFixture.Check(frame);
                        ring.Reader.Release(frame);
                    }
                }

                while (read < written || held.Count > 0)
                {
                    if (read < written)
                    {
                        held.Add(ring.Read());
                        read++;
                    }

                    BufferFixture.Check(held[0]);
                    ring.Reader.Release(held[0]);
                    held.RemoveAt(0);
                }

                Assert.That(ring.Oieb->PayloadFreeBytes, Is.EqualTo(4096));
                Assert.That(ring.Oieb->PayloadReadCount, Is.EqualTo(ring.Oieb->PayloadWrittenCount));
                Assert.That(ring.Oieb->PayloadReadPos, Is.EqualTo(ring.Oieb->PayloadWritePos));
                Assert.That(unplaceable, Is.EqualTo(0), "frames of at most half the payload always have a place");
            }
        }

        private static T RefusesWithoutChange<T>(BufferFixture ring, string what)
            where T : Exception
        {
            ulong[] before = ring.State;
            var e = Assert.Throws<T>(() => ring.Reader.TryRead(), what);
            Assert.That(ring.State, Is.EqualTo(before), what);
            return e;
        }
    }
}
