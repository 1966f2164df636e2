using System;
using System.IO;
using NUnit.Framework;

namespace ZeroDuplex.Tests
{
    /// <summary>The bytes of a segment, against numbers written down by hand from the protocol.</summary>
    [TestFixture]
    public unsafe class LayoutTests
    {
        [Test]
        public void StructsHaveTheirSizes()
        {
            Assert.That(sizeof(OiebV2), Is.EqualTo(88));
            Assert.That(sizeof(FrameHeaderV2), Is.EqualTo(64));
            Assert.That(sizeof(OiebV1), Is.EqualTo(128));
            Assert.That(sizeof(FrameHeaderV1), Is.EqualTo(16));
            Assert.That(sizeof(NamedSemaphore), Is.EqualTo(32));
        }

        [Test]
        public void ExampleOfTheProtocol()
        {
            SegmentV2 s;
            Assert.That(Wire.TryResolveSegmentV2(4096, 4096, 1 << 20, out s));
            Assert.That(s.OiebRequest.Offset, Is.EqualTo(0));
            Assert.That(s.OiebResponse.Offset, Is.EqualTo(0x58));
            Assert.That(s.MetadataRequest.Offset, Is.EqualTo(0xB0));
            Assert.That(s.MetadataRequest.Size, Is.EqualTo(4112));
            Assert.That(s.MetadataResponse.Offset, Is.EqualTo(0x10C0));
            Assert.That(s.Payload.Offset, Is.EqualTo(0x20C0));
            Assert.That(s.Length, Is.EqualTo(1056960));
            Assert.That(Wire.TryResolveSegmentV2(0, 0, 1000, out s));
            Assert.That(s.MetadataRequest.Size, Is.EqualTo(16));
            Assert.That(s.MetadataResponse.Size, Is.EqualTo(0));
            Assert.That(s.Payload.Offset, Is.EqualTo(0xC0));
            Assert.That(s.Payload.Size, Is.EqualTo(1024));
            Assert.That(s.Length, Is.EqualTo(1216));
        }

        [Test]
        public void SegmentAfterOneCommittedRequest()
        {
            string name = Channels.NewName();
            using (InPlaceDuplexServer server = Channels.Factory.CreateInPlaceDuplexServer(name, new BufferConfig(0, 1000)))
            using (InPlaceDuplexChannel client = Channels.Connect(name))
            {
                using (RequestBuffer buffer = client.AcquireRequestBuffer(5, 100))
                {
                    buffer.Data.Fill(9);
                    buffer.SetOpcode(0x01020304);
                    buffer.SetOneWay();
                    buffer.Commit();
                }

                byte[] image = File.ReadAllBytes("/dev/shm/" + name);
                ulong me = (ulong)System.Diagnostics.Process.GetCurrentProcess().Id;
                Assert.That(image.Length, Is.EqualTo(1216));
                Assert.That(Words(image, 0, 11), Is.EqualTo(new ulong[] { 88 | (2UL << 32), 16, 16, 0, 1024, 832, 192, 1, 0, me, me }));
                Assert.That(Words(image, 0x58, 11), Is.EqualTo(new ulong[] { 88 | (2UL << 32), 0, 0, 0, 1024, 832, 0, 0, 0, me, me }));
                Assert.That(Words(image, 0xC0, 8), Is.EqualTo(new ulong[] { 5, 1, 128, 1, 5, 0x01020304 | (1UL << 32), 0, 0 }));
                Assert.That(image[0x100], Is.EqualTo(9));
                Assert.That(image[0x104], Is.EqualTo(9));
                server.Stop(TimeSpan.Zero);
            }
        }

        private static ulong[] Words(byte[] image, int offset, int count)
        {
            var words = new ulong[count];
            for (int i = 0; i < count; i++)
            {
                words[i] = BitConverter.ToUInt64(image, offset + (8 * i));
            }

            return words;
        }
    }
}
