using System;
using System.Collections.Generic;
using System.IO;
using System.IO.MemoryMappedFiles;
using System.Threading;
using NUnit.Framework;
using ZeroDuplex.Ring;

namespace ZeroDuplex.Tests
{
    /// <summary>What a peer writes that no correct peer writes.</summary>
    [TestFixture]
    public unsafe class CorruptionTests
    {
        private const ulong P = 1024;

        private delegate void Damage(OiebV2* request, FrameHeaderV2* header);

        [Test]
        public void ServerRefusesWhatNoClientPublishes()
        {
            var damages = new Dictionary<string, Damage>
            {
                { "capacity is no multiple of 64", (o, h) => h->Capacity = 65 },
                { "capacity beyond what was written", (o, h) => h->Capacity = 128 },
                { "capacity beyond the payload", (o, h) => h->Capacity = P },
                { "capacity that overflows", (o, h) => h->Capacity = ulong.MaxValue - 63 },
                { "size above the capacity", (o, h) => h->PayloadSize = 65 },
                { "another number", (o, h) => h->SequenceNumber = 2 },
                { "state FREE", (o, h) => h->State = (int)FrameState.Free },
                { "state PROCESSING", (o, h) => h->State = (int)FrameState.Processing },
                { "state RESPONSE", (o, h) => h->State = (int)FrameState.Response },
                { "no state", (o, h) => h->State = 99 },
                { "marker at the start", (o, h) => h->State = (int)FrameState.Wrap },
                { "written_bytes is no multiple of 64", (o, h) => o->PayloadWrittenBytes = 130 },
                { "written_bytes too far", (o, h) => o->PayloadWrittenBytes = 3 * P },
                { "written_bytes behind the cursor", (o, h) => o->PayloadWrittenBytes = ulong.MaxValue - 63 },
                { "nothing written", (o, h) => o->PayloadWrittenBytes = 0 },
                { "too little written", (o, h) => o->PayloadWrittenBytes = 64 },
            };
            foreach (KeyValuePair<string, Damage> damage in damages)
            {
                using (var ring = new RingFixture(P, true))
                {
                    ring.Send(64);
                    damage.Value(ring.Memory.Request, ring.Memory.HeaderAt(0));
                    ServedFrame f;
                    Assert.Throws<RingCorruptedException>(() => ring.Server.TryNext(out f), damage.Key);
                }
            }
        }

        [Test]
        public void ServerRefusesACountThatGoesBackAndTwoMarkersInARow()
        {
            using (var ring = new RingFixture(P, true))
            {
                ring.RoundTrip(0);
                ring.RoundTrip(0);
                ring.Memory.Request->PayloadWrittenCount = 1;
                ServedFrame f;
                Assert.Throws<RingCorruptedException>(() => ring.Server.TryNext(out f));
            }

            using (var ring = new RingFixture(P, false))
            {
                ClientFrame a = ring.Send(512 - 64);
                ring.Send(384 - 64);
                ring.Answer(ring.Take());
                ring.Consume(a);
                ring.Take();
                ring.Send(256 - 64); // behind a marker at 896
                ring.Memory.HeaderAt(0)->State = (int)FrameState.Wrap;
                ServedFrame f;
                Assert.Throws<RingCorruptedException>(() => ring.Server.TryNext(out f));
            }
        }

        [Test]
        public void ClientRefusesWhatNoServerStores()
        {
            using (var ring = new RingFixture(P, true))
            {
                ClientFrame f = ring.Send(64);
                ring.Answer(ring.Take());
                f.Header->PayloadSize = 65;
                Assert.Throws<RingCorruptedException>(() => ring.Client.Read(f));
                f.Header->PayloadSize = 64;
                f.Header->State = (int)FrameState.Request;
                Assert.Throws<RingCorruptedException>(() => ring.Client.Read(f));
            }

            using (var ring = new RingFixture(P, true))
            {
                ClientFrame f = ring.Send(64, 0, true);
                f.Header->State = (int)FrameState.Response;
                Assert.Throws<RingCorruptedException>(() => ring.Client.Reclaim());
            }
        }

        [Test]
        public void ServerThatFindsCorruptionTellsTheClientAndServesTheNext()
        {
            string name = Channels.NewName();
            var told = new SemaphoreSlim(0);
            Exception error = null;
            var options = new ServerOptions
            {
                OnError = e =>
                {
                    error = e;
                    told.Release();
                },
            };
            using (Channels.Serve(name, Channels.Echo, options: options))
            {
                using (InPlaceDuplexChannel client = Channels.Connect(name))
                {
                    client.Call(Channels.Bytes(1)).Release();
                    Write(name, Wire.OiebV2PayloadWrittenBytesOffset, 77);
                    Write(name, Wire.OiebV2PayloadWrittenCountOffset, 2);
                    Assert.That(told.Wait(Channels.Patience));
                    Assert.That(error, Is.InstanceOf<CorruptedException>());
                    Assert.Throws<CorruptedException>(() => client.ReceiveResponse(Channels.Patience));
                    Assert.That(client.IsServerConnected, Is.False);
                }

                using (InPlaceDuplexChannel next = Channels.Connect(name))
                {
                    next.Call(Channels.Bytes(1)).Release();
                }
            }
        }

        [Test]
        public void ClientThatFindsCorruptionDetaches()
        {
            string name = Channels.NewName();
            SegmentV2 layout;
            Wire.TryResolveSegmentV2(256, 256, 65536, out layout);
            using (Channels.Serve(name, Channels.Echo))
            {
                using (InPlaceDuplexChannel client = Channels.Connect(name))
                {
                    ulong sequence = client.SendRequest(Channels.Bytes(64));
                    Channels.Until(() => client.IsAnswered(sequence), "it is answered");
                    Write(name, (long)layout.Payload.Offset, 65); // the response's size, above its capacity
                    Assert.Throws<CorruptedException>(() => client.ReceiveResponse(sequence));
                    Assert.Throws<CorruptedException>(() => client.SendRequest(Channels.Bytes(1)));

                    // It has left already: the next one may come before it is closed.
                    using (InPlaceDuplexChannel next = Channels.Connect(name))
                    {
                        Assert.That(next.IsServerConnected);
                    }
                }
            }
        }

        [Test]
        public void CorruptMetadataIsCorrupted()
        {
            string name = Channels.NewName();
            using (InPlaceDuplexServer server = Channels.Serve(name, Channels.Echo))
            using (InPlaceDuplexChannel client = Channels.Connect(name))
            {
                client.SetMetadata(Channels.Bytes(10));
                Write(name, Wire.OiebV2MetadataWrittenBytesOffset, 7);
                Assert.Throws<CorruptedException>(() => server.ClientMetadata());
                Write(name, Wire.OiebV2MetadataWrittenBytesOffset, 1 << 20);
                Assert.Throws<CorruptedException>(() => server.ClientMetadata());
                Write(name, Wire.OiebV2MetadataWrittenBytesOffset, 19);
                Assert.Throws<CorruptedException>(() => server.ClientMetadata());
            }
        }

        [Test]
        public void SegmentsThatCannotBeAreRefused()
        {
            const ulong VersionThree = (ulong)Wire.OiebV2Size | (3UL << 32);
            Refused<VersionMismatchException>(0, VersionThree);
            Refused<CorruptedException>(0, 99);
            Refused<ServerNotFoundException>(0, 0);
            Refused<CorruptedException>(Wire.OiebV2MetadataSizeOffset, 4113);
            Refused<CorruptedException>(Wire.OiebV2MetadataSizeOffset, ulong.MaxValue);
            Refused<CorruptedException>(Wire.OiebV2PayloadSizeOffset, 65536 + 64);
            Refused<CorruptedException>(Wire.OiebV2Size + Wire.OiebV2PayloadSizeOffset, 65536 + 64);
            Refused<CorruptedException>(Wire.OiebV2Size + Wire.OiebV2MetadataSizeOffset, 0);
            Refused<CorruptedException>(Wire.OiebV2Size, VersionThree);
        }

        [TestCase(100, false)]
        [TestCase(200, true)]
        [TestCase(66000, true)]
        public void TruncatedObjectsAreRefused(int length, bool isMapped)
        {
            string name = Channels.NewName();
            using (Channels.Serve(name, Channels.Echo))
            {
                byte[] image = File.ReadAllBytes("/dev/shm/" + name);
                Array.Resize(ref image, length);
                string copy = name + "-cut";
                File.WriteAllBytes("/dev/shm/" + copy, image);
                Assert.Throws<CorruptedException>(() => Channels.Connect(copy, new ClientOptions { ConnectTimeout = TimeSpan.Zero }), "mapped: " + isMapped);
                File.Delete("/dev/shm/" + copy);
            }
        }

        private static void Refused<T>(long offset, ulong value)
            where T : Exception
        {
            string name = Channels.NewName();
            using (Channels.Serve(name, Channels.Echo))
            {
                Write(name, offset, value);
                Assert.Throws<T>(() => Channels.Connect(name, new ClientOptions { ConnectTimeout = TimeSpan.Zero }), "offset " + offset);
            }
        }

        private static void Write(string name, long offset, ulong value)
        {
            using (MemoryMappedFile file = MemoryMappedFile.CreateFromFile("/dev/shm/" + name, FileMode.Open))
            using (MemoryMappedViewAccessor view = file.CreateViewAccessor())
            {
                view.Write(offset, value);
            }
        }
    }
}
