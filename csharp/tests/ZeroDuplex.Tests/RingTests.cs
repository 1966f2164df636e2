using System;
using System.Collections.Generic;
using System.Threading;
using NUnit.Framework;
using ZeroDuplex.Ring;

namespace ZeroDuplex.Tests
{
    [TestFixture]
    public unsafe class RingTests
    {
        private const int P = 1024;

        [TestCase(true)]
        [TestCase(false)]
        public void FrameOfTheWholePayloadFitsAtEveryPosition(bool eager)
        {
            for (int first = 0; first <= P - 64; first += 64)
            {
                using (var ring = new RingFixture(P, eager))
                {
                    ring.RoundTrip(first);
                    ring.RoundTrip(P - 64); // v1's dead zone does not exist
                    ring.RoundTrip(P - 64);
                    Assert.That(ring.Client.Free, Is.EqualTo(P));
                }
            }
        }

        [Test]
        public void MarkedWrapAtEveryPosition()
        {
            for (int first = 0; first <= P - 192; first += 64)
            {
                for (int second = 0; second <= P - 64; second += 64)
                {
                    using (var ring = new RingFixture(P, true))
                    {
                        // One frame stays in flight until the frame behind it has been sent.
                        ClientFrame a = ring.Send(first);
                        ClientFrame b = ring.Send(0);
                        ring.Answer(ring.Take());
                        ring.Consume(a);
                        ClientFrame c = ring.TrySend(second);
                        int room = P - (first + 128);
                        bool fits = 64 + second <= room || second + 64 <= first + 64;
                        Assert.That(c != null, Is.EqualTo(fits), "first " + first + ", second " + second);
                        ring.Answer(ring.Take());
                        ring.Consume(b);
                        if (c != null)
                        {
                            ring.Answer(ring.Take());
                            ring.Consume(c);
                        }

                        Assert.That(ring.Client.Free, Is.EqualTo(P));
                        Assert.That(ring.Client.InFlight, Is.EqualTo(0));
                        Assert.That(Volatile.Read(ref ring.Memory.Request->PayloadFreeBytes), Is.EqualTo(P));
                        Assert.That(Volatile.Read(ref ring.Memory.Response->PayloadFreeBytes), Is.EqualTo(P));
                    }
                }
            }
        }

        [Test]
        public void EagerLapStaysAtTheStartAndNeededWalks()
        {
            using (var eager = new RingFixture(P, true))
            using (var needed = new RingFixture(P, false))
            {
                for (int i = 0; i < 20; i++)
                {
                    ClientFrame f = eager.Send(64);
                    Assert.That(f.Position, Is.EqualTo(0));
                    eager.Answer(eager.Take());
                    eager.Consume(f);

                    f = needed.Send(64);
                    Assert.That(f.Position, Is.EqualTo((ulong)(i * 128 % P)));
                    needed.Answer(needed.Take());
                    needed.Consume(f);
                }
            }
        }

        [Test]
        public void WasteIsFreeOnceTheCursorPassedTheFrameBehindIt()
        {
            using (var ring = new RingFixture(P, false))
            {
                ClientFrame a = ring.Send(512 - 64);
                ClientFrame b = ring.Send(384 - 64);
                ring.Answer(ring.Take());
                ring.Consume(a); // 512 free at the start, 128 at the end
                ClientFrame c = ring.Send(256 - 64); // wraps and wastes 128
                Assert.That(c.Position, Is.EqualTo(0));
                Assert.That(ring.Client.Free, Is.EqualTo(P - 384 - 128 - 256));
                ring.Answer(ring.Take());
                ring.Consume(b);
                Assert.That(ring.Client.Free, Is.EqualTo(P - 128 - 256), "the server has not passed it yet");
                ring.Take();
                ring.Client.Reclaim();
                Assert.That(ring.Client.Free, Is.EqualTo(P - 256));
            }
        }

        [Test]
        public void ReclaimIsInRingOrder()
        {
            using (var ring = new RingFixture(P, true))
            {
                ClientFrame[] f = { ring.Send(64), ring.Send(64), ring.Send(64) };
                for (int i = 0; i < 3; i++)
                {
                    ring.Answer(ring.Take());
                }

                ring.Consume(f[2]);
                ring.Consume(f[1]);
                Assert.That(ring.Client.Free, Is.EqualTo(P - 384));
                ring.Consume(f[0]);
                Assert.That(ring.Client.Free, Is.EqualTo(P));
            }
        }

        [Test]
        public void CancelledAndOneWayFramesAreReclaimedWhenTheServerIsDone()
        {
            using (var ring = new RingFixture(P, true))
            {
                ClientFrame cancelled = ring.Send(64);
                ring.Send(64, 0, true);
                Assert.That(ring.Client.Cancel(cancelled));
                Assert.That(ring.Client.Cancel(cancelled), Is.False);
                ring.Client.Reclaim();
                Assert.That(ring.Client.InFlight, Is.EqualTo(2));
                ServedFrame f = ring.Take();
                Assert.That(f.Sequence, Is.EqualTo(2));
                ring.Client.Reclaim();
                Assert.That(ring.Client.InFlight, Is.EqualTo(1), "the cancelled one was skipped");
                ring.Answer(f);
                ring.Client.Reclaim();
                Assert.That(ring.Client.InFlight, Is.EqualTo(0));
                Assert.That(Volatile.Read(ref ring.Memory.Request->PayloadReadCount), Is.EqualTo(2));
                Assert.That(Volatile.Read(ref ring.Memory.Response->PayloadWrittenCount), Is.EqualTo(0));
            }
        }

        [Test]
        public void CancelAfterTheLookWins()
        {
            using (var ring = new RingFixture(P, true))
            {
                ClientFrame f = ring.Send(64);
                ServedFrame seen;
                Assert.That(ring.Server.TryNext(out seen));
                Assert.That(ring.Client.Cancel(f));
                Assert.That(ring.Server.Take(ref seen), Is.False);
                Assert.That(ring.Server.TryNext(out seen) && seen.Cancelled);
                ring.Server.Skip(ref seen);
                Assert.That(ring.Server.TryNext(out seen), Is.False);
            }
        }

        [Test]
        public void BytesOfACancelledFrameAreKeptUntilItsWaiterKnows()
        {
            using (var ring = new RingFixture(P, true))
            {
                ClientFrame cancelled = ring.Send(64);
                cancelled.Taken = true;
                ring.Client.Cancel(cancelled);
                ServedFrame f;
                Assert.That(ring.Server.TryNext(out f));
                ring.Server.Skip(ref f);
                ring.Client.Reclaim();
                Assert.That(ring.Client.InFlight, Is.EqualTo(1), "somebody still looks at its header");
                Assert.That(cancelled.Answered, Is.False);
                cancelled.Taken = false;
                ring.Client.Reclaim();
                Assert.That(ring.Client.InFlight, Is.EqualTo(0));
            }
        }

        [Test]
        public void AbandonedFramesAreReleasedWhenTheirAnswerComes()
        {
            using (var ring = new RingFixture(P, true))
            {
                ClientFrame late = ring.Send(64);
                ClientFrame early = ring.Send(64);
                ServedFrame first = ring.Take();
                ring.Answer(ring.Take());
                Assert.That(ring.Client.Abandon(early), "its answer was there");
                Assert.That(ring.Client.Abandon(late), Is.False);
                Assert.That(ring.Client.Reclaim(), Is.False);
                Assert.That(first.Abandoned);
                ring.Answer(first);
                Assert.That(ring.Client.Reclaim(), "a late answer was released");
                Assert.That(ring.Client.InFlight, Is.EqualTo(0));
                Assert.That(Volatile.Read(ref ring.Memory.Response->PayloadReadCount), Is.EqualTo(2));
                Assert.That(Volatile.Read(ref ring.Memory.Response->PayloadWrittenBytes), Is.EqualTo(128));
            }
        }

        [Test]
        public void AbortPutsTheHeadBack()
        {
            using (var ring = new RingFixture(P, false))
            {
                ring.RoundTrip(64);
                byte* data;
                Assert.That(ring.Client.Reserve(500, 0, out data), Is.EqualTo(ReserveResult.Reserved));
                ring.Client.Abort();
                Assert.That(ring.Client.Free, Is.EqualTo(P));
                Assert.That(ring.Send(64).Position, Is.EqualTo(128));
            }
        }

        [Test]
        public void LookupKnowsWhatIsInFlight()
        {
            using (var ring = new RingFixture(1 << 16, true))
            {
                var sent = new List<ClientFrame>();
                for (int i = 0; i < 100; i++)
                {
                    sent.Add(ring.Send(i));
                }

                for (ulong n = 1; n <= 100; n++)
                {
                    Assert.That(ring.Client.Lookup(n), Is.SameAs(sent[(int)n - 1]));
                }

                Assert.That(ring.Client.Lookup(0), Is.Null);
                Assert.That(ring.Client.Lookup(101), Is.Null);
                ring.Answer(ring.Take());
                ring.Consume(sent[0]);
                Assert.That(ring.Client.Lookup(1), Is.Null);
                Assert.That(ring.Client.Lookup(2), Is.SameAs(sent[1]));
            }
        }

        /// <summary>Random histories: whatever happens in whatever order, every byte is right, and nothing is lost.</summary>
        [TestCase(1)]
        [TestCase(2)]
        [TestCase(3)]
        public void RandomHistories(int seed)
        {
            var random = new Random(seed);
            for (int history = 0; history < 60; history++)
            {
                ulong payload = 64 * (ulong)random.Next(2, 20);
                using (var ring = new RingFixture(payload, random.Next(2) == 0))
                {
                    RandomHistory(ring, random, (int)payload);
                    Assert.That(ring.Client.Free, Is.EqualTo(payload));
                }
            }
        }

        private static void RandomHistory(RingFixture ring, Random random, int payload)
        {
            var sent = new List<ClientFrame>(); // two-way, not consumed
            var taken = new List<ServedFrame>();
            int waiting = 0; // published and not taken
            for (int step = 0; step < 400 || sent.Count + taken.Count + waiting > 0; step++)
            {
                ServedFrame served;
                switch (step < 400 ? random.Next(6) : random.Next(1, 4))
                {
                    case 0:
                        bool oneWay = random.Next(4) == 0;
                        ClientFrame f = ring.TrySend(random.Next(payload - 63), 0, oneWay);
                        waiting += f == null ? 0 : 1;
                        if (f != null && !oneWay)
                        {
                            sent.Add(f);
                        }

                        break;
                    case 1:
                        if (ring.Server.TryNext(out served))
                        {
                            waiting--;
                            if (served.Cancelled)
                            {
                                ring.Server.Skip(ref served);
                            }
                            else
                            {
                                Assert.That(ring.Server.Take(ref served));
                                taken.Add(served);
                            }
                        }
                        else
                        {
                            Assert.That(waiting, Is.EqualTo(0));
                        }

                        break;
                    case 2:
                        if (taken.Count > 0)
                        {
                            int i = random.Next(taken.Count);
                            ring.Answer(taken[i]);
                            taken.RemoveAt(i);
                        }

                        break;
                    case 3:
                        ClientFrame answered = sent.Find(x => x.Answered);
                        if (answered != null)
                        {
                            sent.Remove(answered);
                            ring.Consume(answered);
                        }

                        break;
                    case 4:
                        if (sent.Count > 0)
                        {
                            ClientFrame victim = sent[random.Next(sent.Count)];
                            if (ring.Client.Cancel(victim))
                            {
                                sent.Remove(victim);
                            }
                            else if (random.Next(2) == 0)
                            {
                                ring.Client.Abandon(victim);
                                sent.Remove(victim);
                            }
                        }

                        break;
                    default:
                        ring.Client.Reclaim();
                        break;
                }
            }

            ring.Client.Reclaim();
            Assert.That(ring.Client.InFlight, Is.EqualTo(0));
        }
    }
}
