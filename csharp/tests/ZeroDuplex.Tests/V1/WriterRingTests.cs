using System;
using NUnit.Framework;
using ZeroDuplex.Ring;
using ZeroDuplex.V1;

namespace ZeroDuplex.Tests
{
    /// <summary>Where v1 frames go, and what of it shows in shared memory. The numbers are worked out by hand.</summary>
    [TestFixture]
    public unsafe class WriterRingTests
    {
        private const ulong P = 1024;

        [Test]
        public void OneFrame()
        {
            using (var ring = new BufferFixture(P))
            {
                Assert.That(ring.Write(100), Is.EqualTo(1));
                Assert.That(ring.State, Is.EqualTo(new ulong[] { 908, 116, 0, 1, 0 }));
                FrameHeaderV1 header = ring.Memory.ReadHeader(0);
                Assert.That(header.PayloadSize, Is.EqualTo(100));
                Assert.That(header.SequenceNumber, Is.EqualTo(1));
                Assert.That(ring.Write(1), Is.EqualTo(2));
                Assert.That(ring.State, Is.EqualTo(new ulong[] { 891, 133, 0, 2, 0 }), "nothing is aligned");
            }
        }

        [Test]
        public void TailOf100GetsAMarkerThatCounts()
        {
            using (var ring = new BufferFixture(P))
            {
                ring.Pass(400);
                ring.Pass(492);
                ring.Write(200);
                Assert.That(ring.State, Is.EqualTo(new ulong[] { 1024 - 100 - 216, 216, 924, 4, 2 }));
                FrameHeaderV1 marker = ring.Memory.ReadHeader(924);
                Assert.That(marker.PayloadSize, Is.EqualTo(0));
                Assert.That(marker.SequenceNumber, Is.EqualTo(0));
                Assert.That(ring.Memory.Payload[940], Is.EqualTo(0xEE), "only the marker is written");
            }
        }

        [Test]
        public void TailOf16HoldsAMarker()
        {
            using (var ring = new BufferFixture(P))
            {
                ring.Pass(400);
                ring.Pass(576); // up to 1008
                ring.Write(200);
                Assert.That(ring.State, Is.EqualTo(new ulong[] { 1024 - 16 - 216, 216, 1008, 4, 2 }));
            }
        }

        [Test]
        public void ExactFitStoresPositionZeroAndNeedsNoMarker()
        {
            using (var ring = new BufferFixture(P))
            {
                ring.Pass(484);
                ring.Pass(508);
                Assert.That(ring.State, Is.EqualTo(new ulong[] { 1024, 0, 0, 2, 2 }));
                ring.Pass(100);
                Assert.That(ring.State, Is.EqualTo(new ulong[] { 1024, 116, 116, 3, 3 }));
            }
        }

        [TestCase(15)]
        [TestCase(8)]
        [TestCase(1)]
        public void TailTooShortForAMarkerIsNeverLeft(int tail)
        {
            using (var ring = new BufferFixture(P))
            {
                ring.MoveTo(616);
                int size = (int)P - 616 - 16 - tail;
                ring.Write(size); // which would leave the tail behind it
                Assert.That(ring.State[1], Is.EqualTo((ulong)size + 16), "it went to the start");
                Assert.That(ring.State[3], Is.EqualTo(3), "behind a marker");
                Assert.That(ring.State[0], Is.EqualTo(P - 408 - (ulong)size - 16));
            }
        }

        [Test]
        public void TailOf16MayBeLeft()
        {
            using (var ring = new BufferFixture(P))
            {
                ring.MoveTo(616);
                ring.Write(1024 - 616 - 16 - 16);
                Assert.That(ring.State[1], Is.EqualTo(1008));
            }
        }

        [TestCase(1008, Placement.Placed)]
        [TestCase(1007, Placement.LeavesTail)]
        [TestCase(993, Placement.LeavesTail)]
        [TestCase(992, Placement.Placed)]
        [TestCase(1009, Placement.TooLarge)]
        public void LargestFrames(int size, object expected)
        {
            using (var ring = new BufferFixture(P))
            {
                Assert.That(ring.Place(size), Is.EqualTo(expected));
            }
        }

        [Test]
        public void NoFrameFitsAPayloadWithoutRoomForOne()
        {
            using (var ring = new BufferFixture(0))
            {
                Assert.That(ring.Place(1), Is.EqualTo(Placement.TooLarge));
                Assert.That(ring.Memory.Capacity, Is.EqualTo(0));
            }
        }

        [Test]
        public void FrameThatFitsNeitherBehindNorBeforeIsUnplaceableAtOnce()
        {
            using (var ring = new BufferFixture(P))
            {
                ring.MoveTo(500);
                Assert.That(ring.Place(584), Is.EqualTo(Placement.Unplaceable), "600 bytes, 524 behind and 500 before");
                Assert.That(ring.Place(509), Is.EqualTo(Placement.Unplaceable), "which would leave no tail for a marker");
                Assert.That(ring.Place(508), Is.EqualTo(Placement.Placed), "exactly up to the end");
                Assert.That(ring.Place(484), Is.EqualTo(Placement.Placed), "just before the position, which is no overlap");
                ring.Write(200);
                Assert.That(ring.Place(584), Is.EqualTo(Placement.NoRoom), "a smaller frame first, and it can be placed");
                ring.Reader.Release(ring.Read());
                Assert.That(ring.Place(584), Is.EqualTo(Placement.Placed));
            }
        }

        /// <summary>Header and data of at most half the payload less 8 bytes have a place at every position; one byte more has not.</summary>
        [Test]
        public void SmallFramesAlwaysHaveAPlace()
        {
            int unplaceable = 0;
            for (ulong position = 0; position < P; position++)
            {
                using (var ring = new BufferFixture(P))
                {
                    ring.Oieb->PayloadWritePos = position;
                    ring.Writer = new WriterRing(ring.Memory);
                    Assert.That(ring.Place(((int)P / 2) - 8 - 16), Is.EqualTo(Placement.Placed), "position " + position);
                    unplaceable += ring.Place(((int)P / 2) - 7 - 16) == Placement.Unplaceable ? 1 : 0;
                }
            }

            Assert.That(unplaceable, Is.EqualTo(1));
        }

        [Test]
        public void FreeBytesAreTheOnlyGate()
        {
            using (var ring = new BufferFixture(P))
            {
                for (int i = 0; i < 4; i++)
                {
                    ring.Write(240);
                }

                Assert.That(ring.Oieb->PayloadFreeBytes, Is.EqualTo(0));
                Assert.That(ring.Place(1), Is.EqualTo(Placement.NoRoom));
                FrameLoan first = ring.Read();
                Assert.That(ring.Place(1), Is.EqualTo(Placement.NoRoom), "read is not released");
                ring.Reader.Release(first);
                Assert.That(ring.Place(241), Is.EqualTo(Placement.NoRoom));
                ring.Write(240);
            }
        }

        [Test]
        public void WrapNeedsRoomForTheTailToo()
        {
            using (var ring = new BufferFixture(P))
            {
                ring.Pass(484); // 500
                ring.Write(384); // 900
                Assert.That(ring.Place(400), Is.EqualTo(Placement.Placed), "124 and 416 of 624");
                ring.Write(92); // 1008
                Assert.That(ring.Place(484), Is.EqualTo(Placement.Placed), "16 and 500 of 516");
                Assert.That(ring.Place(485), Is.EqualTo(Placement.NoRoom));
            }
        }

        [Test]
        public void PlacingChangesNothingButTheFramesOwnBytes()
        {
            using (var ring = new BufferFixture(P))
            {
                ring.MoveTo(900);
                ulong[] before = ring.State;
                var head = new ReadOnlySpan<byte>(ring.Memory.Payload, 16).ToArray();
                var tail = new ReadOnlySpan<byte>(ring.Memory.Payload + 900, 124).ToArray();
                Assert.That(ring.Place(300), Is.EqualTo(Placement.Placed));
                Assert.That(ring.State, Is.EqualTo(before));
                Assert.That(new ReadOnlySpan<byte>(ring.Memory.Payload, 16).ToArray(), Is.EqualTo(head), "no header");
                Assert.That(new ReadOnlySpan<byte>(ring.Memory.Payload + 900, 124).ToArray(), Is.EqualTo(tail), "no marker");
                Assert.That(ring.Place(50), Is.EqualTo(Placement.Placed), "another takes its place: the first was aborted");
                Assert.That(ring.Writer.Publish(), Is.EqualTo(2), "without a gap");
                Assert.That(ring.State[1], Is.EqualTo(966));
            }
        }

        [Test]
        public void NextWriterGoesOnWhereTheLastStopped()
        {
            using (var ring = new BufferFixture(P))
            {
                ring.Pass(900);
                ring.Writer = new WriterRing(ring.Memory);
                Assert.That(ring.Write(200), Is.EqualTo(1), "it numbers its own");
                Assert.That(ring.State, Is.EqualTo(new ulong[] { 1024 - 108 - 216, 216, 916, 3, 1 }));
            }
        }

        [Test]
        public void InheritedPositionAtTheEndMeansTheStart()
        {
            using (var ring = new BufferFixture(P))
            {
                ring.Oieb->PayloadWritePos = P;
                ring.Writer = new WriterRing(ring.Memory);
                ring.Write(100);
                Assert.That(ring.State, Is.EqualTo(new ulong[] { 908, 116, 0, 1, 0 }));
            }
        }

        [Test]
        public void InheritedTailTooShortForAMarkerGetsNoneAndNoCount()
        {
            using (var ring = new BufferFixture(P))
            {
                ring.Oieb->PayloadWritePos = P - 8;
                ring.Writer = new WriterRing(ring.Memory);
                ring.Write(100);
                Assert.That(ring.State, Is.EqualTo(new ulong[] { 1024 - 8 - 116, 116, 0, 1, 0 }));
                Assert.That(ring.Memory.Payload[P - 1], Is.EqualTo(0xEE));
            }
        }

        [Test]
        public void PositionsAndFreeBytesBeyondThePayloadAreCorrupt()
        {
            using (var ring = new BufferFixture(P))
            {
                ring.Oieb->PayloadFreeBytes = P + 1;
                Assert.Throws<RingCorruptedException>(() => ring.Place(1));
                Assert.Throws<RingCorruptedException>(() => new WriterRing(ring.Memory));
                ring.Oieb->PayloadFreeBytes = ulong.MaxValue;
                Assert.Throws<RingCorruptedException>(() => ring.Place(1));
                ring.Oieb->PayloadFreeBytes = P;
                ring.Oieb->PayloadWritePos = P + 1;
                Assert.Throws<RingCorruptedException>(() => new WriterRing(ring.Memory));
            }
        }

        /// <summary>At every position of a small ring: what is said to be placeable is, and nothing larger of at most the wanted size is.</summary>
        [Test]
        public void LargestPlaceableIsTheLargest()
        {
            for (ulong position = 0; position < 192; position++)
            {
                using (var ring = new BufferFixture(192))
                {
                    ring.Oieb->PayloadWritePos = position;
                    ring.Writer = new WriterRing(ring.Memory);
                    for (int wanted = 1; wanted < 192; wanted++)
                    {
                        var best = (int)ring.Writer.LargestPlaceable((ulong)wanted);
                        int largest = wanted;
                        while (largest > 0 && ring.Place(largest) != Placement.Placed)
                        {
                            largest--;
                        }

                        Assert.That(best, Is.EqualTo(largest), "position " + position + ", wanted " + wanted);
                        Assert.That(best, Is.GreaterThan(0));
                    }
                }
            }
        }
    }
}
