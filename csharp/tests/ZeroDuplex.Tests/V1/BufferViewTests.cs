using System;
using System.Runtime.InteropServices;
using NUnit.Framework;

namespace ZeroDuplex.Tests
{
    /// <summary>v1 buffers in existing memory, both ends in this process.</summary>
    [TestFixture]
    public class BufferViewTests
    {
        private const int Size = 8192;

        private IntPtr allocated;
        private SharedMemoryView view;
        private string name;

        [SetUp]
        public void SetUp()
        {
            name = Channels.NewName();
            allocated = Marshal.AllocHGlobal(Size + 64);
            view = new SharedMemoryView(new IntPtr((allocated.ToInt64() + 63) & ~63L), Size);
        }

        [TearDown]
        public void TearDown()
        {
            Marshal.FreeHGlobal(allocated);
        }

        [Test]
        public void BufferOverAView()
        {
            var options = new WriterOptions { Memory = view, ConnectTimeout = TimeSpan.Zero };
            using (var reader = new Reader(name, new BufferConfig(100, view)))
            {
                Assert.That(System.IO.File.Exists("/dev/shm/" + name), Is.False);
                using (var writer = new Writer(name, options))
                {
                    writer.SetMetadata(Channels.Bytes(120));
                    Assert.Throws<WriterAlreadyConnectedException>(() => new Writer(name, options));
                    Assert.Throws<FrameTooLargeException>(() => writer.WriteFrame(new byte[Size - 256 - 15]));
                    writer.WriteFrame(new byte[Size - 256 - 16]); // all that OIEB and metadata leave
                    Streams.Expect(reader, 1, new byte[Size - 256 - 16]);
                    writer.WriteFrame(Channels.Bytes(1000));
                    Streams.Expect(reader, 2, Channels.Bytes(1000));
                    Assert.That(reader.Metadata(), Is.EqualTo(Channels.Bytes(120)));
                    reader.Close();
                    Assert.Throws<ReaderDeadException>(() => writer.WriteFrame(Channels.Bytes(1)));
                }
            }

            Assert.Throws<BufferNotFoundException>(() => new Writer(name, options));
            Assert.That(Channels.Files(name), Is.Empty);
        }

        [Test]
        public void ViewIsUsedAgainByTheNextReader()
        {
            for (int i = 0; i < 3; i++)
            {
                using (var reader = new Reader(name, new BufferConfig(0, 1024, view)))
                using (var writer = new Writer(name, new WriterOptions { Memory = view }))
                {
                    Assert.That(reader.Metadata(), Is.Null);
                    writer.WriteFrame(Channels.Bytes(100));
                    Streams.Expect(reader, 1, Channels.Bytes(100));
                    Assert.Throws<FrameTooLargeException>(() => writer.WriteFrame(new byte[1009]), "the payload asked for, not all");
                }
            }
        }

        [Test]
        public void ViewsThatAreTooSmallAreRefused()
        {
            Assert.Throws<InvalidArgumentException>(() => new Reader(name, new BufferConfig(0, new SharedMemoryView(view.Address, 64))));
            Assert.Throws<InvalidArgumentException>(() => new Reader(name, new BufferConfig(0, Size, view)));
            Assert.Throws<InvalidArgumentException>(() => new Reader(name, new BufferConfig(-1, view)));
            var tiny = new SharedMemoryView(view.Address, 64);
            Assert.Throws<BufferNotFoundException>(() => new Writer(name, new WriterOptions { Memory = tiny, ConnectTimeout = TimeSpan.Zero }));
        }

        [Test]
        public void NameOfALivingReaderIsRefusedOverAViewToo()
        {
            using (Reader reader = Streams.Read(name))
            using (Writer writer = Streams.WriteAtOnce(name))
            {
                Assert.Throws<ReaderAlreadyConnectedException>(() => new Reader(name, new BufferConfig(0, view)));
                writer.WriteFrame(Channels.Bytes(1));
                Streams.Expect(reader, 1, Channels.Bytes(1));
            }
        }
    }
}
