using System;
using System.Runtime.InteropServices;
using NUnit.Framework;

namespace ZeroDuplex.Tests
{
    /// <summary>Channels in existing memory, both ends in this process.</summary>
    [TestFixture]
    public class ViewTests
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
        public void ChannelOverAView()
        {
            var options = new ClientOptions { Memory = view, ConnectTimeout = TimeSpan.Zero };
            var config = new BufferConfig(0, view);
            Assert.That(config.PayloadSize, Is.EqualTo(Size - 192));
            InPlaceDuplexServer server = Channels.Factory.CreateInPlaceDuplexServer(name, config);
            server.Start(frame => frame.Data.Reverse());
            Assert.That(System.IO.File.Exists("/dev/shm/" + name), Is.False);
            InPlaceDuplexChannel client = Channels.Connect(name, options);
            using (Response response = client.Call(new byte[] { 1, 2, 3 }))
            {
                Assert.That(response.Data.ToArray(), Is.EqualTo(new byte[] { 3, 2, 1 }));
            }

            Assert.Throws<WriterAlreadyConnectedException>(() => Channels.Connect(name, options));
            client.Close();
            using (InPlaceDuplexChannel next = Channels.Connect(name, new ClientOptions { Memory = view }))
            {
                next.Call(Channels.Bytes(1000)).Release();
                server.Stop(TimeSpan.FromSeconds(5));
                Assert.Throws<ServerDeadException>(() => next.ReceiveResponse());
            }

            Assert.Throws<ServerNotFoundException>(() => Channels.Connect(name, options));
            Assert.That(Channels.Files(name), Is.Empty);
        }

        [Test]
        public void ViewsRefuseWhatTheyCannotDo()
        {
            Assert.Throws<InvalidArgumentException>(() => view.Allocate(name, 64, 384));
            Assert.Throws<InvalidArgumentException>(() => new SharedMemoryView(IntPtr.Zero, 64));
            Assert.Throws<InvalidArgumentException>(() => new SharedMemoryView(view.Address, 0));
            Assert.Throws<InvalidArgumentException>(() => new SharedMemoryView(view.Address + 8, 64));
            Assert.Throws<InvalidArgumentException>(() => new BufferConfig(0, null as SharedMemoryView));
            var small = new SharedMemoryView(view.Address, 256);
            Assert.Throws<InvalidArgumentException>(() => Channels.Factory.CreateInPlaceDuplexServer(name, new BufferConfig(0, small)));
            Assert.Throws<InvalidArgumentException>(() => Channels.Factory.CreateInPlaceDuplexServer(name, new BufferConfig(0, Size, view)));
            var tiny = new SharedMemoryView(view.Address, 64);
            Assert.Throws<InvalidArgumentException>(() => Channels.Connect(name, new ClientOptions { Memory = tiny, ConnectTimeout = TimeSpan.Zero }));
        }

        [Test]
        public void NameOfALivingServerIsRefusedOverAViewToo()
        {
            using (Channels.Serve(name, Channels.Echo))
            using (InPlaceDuplexChannel client = Channels.Connect(name))
            {
                Assert.Throws<NameInUseException>(() => Channels.Factory.CreateInPlaceDuplexServer(name, new BufferConfig(0, view)));
                client.Call(Channels.Bytes(1)).Release();
            }
        }
    }
}
