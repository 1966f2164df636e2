using System;
using System.Collections.Generic;
using System.Threading;
using NUnit.Framework;
using ZeroDuplex.Ring;

namespace ZeroDuplex.Tests
{
    /// <summary>What the client's end does in one step while nothing else is in flight.</summary>
    [TestFixture]
    public unsafe class RingAloneTests
    {
        [Test]
        public void OneStepIsWhatSeveralAre([Values(true, false)] bool eager, [Values(128, 192, 640)] int payload)
        {
            List<byte[]> steps = Images(payload, eager, false);
            List<byte[]> alone = Images(payload, eager, true);
            Assert.That(alone.Count, Is.EqualTo(steps.Count));
            for (int i = 0; i < steps.Count; i++)
            {
                Assert.That(alone[i], Is.EqualTo(steps[i]), "image " + i);
            }
        }

        [Test]
        public void WhatIsNotAloneIsDoneStepByStep()
        {
            using (var ring = new RingFixture(512, true))
            {
                Assert.That(Sends(ring, 512), Is.False, "it can never fit");
                byte* data;
                Assert.That(ring.Client.Reserve(64, 64, out data), Is.EqualTo(ReserveResult.Reserved));
                Assert.That(Sends(ring, 64), Is.False, "a claim is open");
                ring.Client.Abort();
                ClientFrame a = ring.Send(64);
                Assert.That(Sends(ring, 64), Is.False, "a frame is in flight");
                ClientFrame b = ring.Send(64);
                Assert.That(b.Sequence, Is.EqualTo(2), "nothing was done meanwhile");
                ring.Answer(ring.Take());
                ring.Answer(ring.Take());
                Assert.That(ring.Client.ReleaseAlone(a), Is.False, "another one is in flight");
                Assert.That(Volatile.Read(ref ring.Memory.Response->PayloadReadCount), Is.EqualTo(0), "nothing was done");
                ring.Consume(a);
                Assert.That(ring.Client.Reserve(64, 64, out data), Is.EqualTo(ReserveResult.Reserved));
                Assert.That(ring.Client.ReleaseAlone(b), Is.False, "a claim is open");
                ring.Client.Abort();
                Assert.That(ring.Client.ReleaseAlone(b));
                Assert.That(ring.Client.Free, Is.EqualTo(512));
                Assert.That(Sends(ring, 64), "nothing is in flight any more");
            }
        }

        [Test]
        public void AbandonedFrameIsNotReleasedInOneStep()
        {
            using (var ring = new RingFixture(512, true))
            {
                ClientFrame f = ring.Send(64);
                ServedFrame served = ring.Take();
                Assert.That(ring.Client.Abandon(f), Is.False, "it is not answered yet");
                ring.Answer(served);
                Assert.That(ring.Client.ReleaseAlone(f), Is.False);
                Assert.That(ring.Client.Reclaim(), "it is released late");
                Assert.That(ring.Client.Free, Is.EqualTo(512));
            }
        }

        [Test]
        public void SizeIsOfAGoodResponseOnly()
        {
            using (var ring = new RingFixture(512, true))
            {
                ClientFrame f = ring.Send(64);
                Assert.That(f.Size, Is.EqualTo(-1), "it is a request");
                ServedFrame served = ring.Take();
                Assert.That(f.Size, Is.EqualTo(-1), "the server has it");
                served.Answer(10, 0, false);
                Assert.That(f.Size, Is.EqualTo(10));
                served.Answer(65, 0, false);
                Assert.That(f.Size, Is.EqualTo(-1), "more than its capacity");
                served.Answer(10, 1, true);
                Assert.That(f.Size, Is.EqualTo(-1), "it failed");
            }
        }

        private static bool Sends(RingFixture ring, int capacity)
        {
            return ring.Client.PublishAlone(new byte[64], (ulong)capacity, 0) != null;
        }

        /// <summary>The memory after each step of many round trips.</summary>
        private static List<byte[]> Images(int payload, bool eager, bool alone)
        {
            var images = new List<byte[]>();
            using (var ring = new RingFixture((ulong)payload, eager))
            {
                for (int i = 0; i < 40; i++)
                {
                    int size = i * 29 % (payload - 63);
                    ClientFrame f;
                    if (alone)
                    {
                        var data = new byte[size];
                        new Span<byte>(data).Fill((byte)(i + 1)); // which is its sequence number
                        f = ring.Client.PublishAlone(data, RingMemory.RoundUp((ulong)size), 0);
                    }
                    else
                    {
                        f = ring.Send(size);
                    }

                    Assert.That(f.Sequence, Is.EqualTo(i + 1));
                    images.Add(ring.Image());
                    ring.Answer(ring.Take());
                    if (alone)
                    {
                        Assert.That(ring.Client.ReleaseAlone(f));
                        Assert.That(ring.Client.ReleaseAlone(f), Is.False, "it is not in flight any more");
                    }
                    else
                    {
                        ring.Consume(f);
                    }

                    images.Add(ring.Image());
                    Assert.That(ring.Client.Free, Is.EqualTo(payload));
                    Assert.That(ring.Server.Drained);
                }
            }

            return images;
        }
    }
}
