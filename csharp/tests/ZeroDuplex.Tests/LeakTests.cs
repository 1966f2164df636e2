using System;
using System.Globalization;
using System.IO;
using NUnit.Framework;

namespace ZeroDuplex.Tests
{
    /// <summary>What is used again and again does not grow: descriptors, mappings and memory of this process, files in shared memory.</summary>
    [TestFixture]
    public class LeakTests
    {
        private const int Cycles = 10000;
        private const int Calls = 100000;
        private const int Window = 20; // calls under way at the same time

        private string name;

        [SetUp]
        public void SetUp()
        {
            name = Channels.NewName();
        }

        [Test]
        public void AttachingInPlace()
        {
            using (Channels.Serve(name, Channels.Echo))
            {
                byte[] request = Channels.Bytes(100);
                StaysFlat(Cycles, () =>
                {
                    using (InPlaceDuplexChannel client = Channels.Connect(name))
                    {
                        client.Call(request).Release();
                    }
                });
            }
        }

        [Test]
        public void ServingInPlace()
        {
            StaysFlat(Cycles / 10, () => Channels.Serve(name, Channels.Echo).Dispose());
        }

        [Test]
        public void CallingInPlace()
        {
            using (Channels.Serve(name, Channels.Echo))
            using (InPlaceDuplexChannel client = Channels.Connect(name))
            {
                byte[] request = Channels.Bytes(100);
                StaysFlat(Calls / Window, () => Exchange(client, request));
            }
        }

        [Test]
        public void AttachingWriters()
        {
            using (Reader reader = Streams.Read(name))
            {
                byte[] frame = Channels.Bytes(100);
                StaysFlat(Cycles, () =>
                {
                    using (var writer = new Writer(name))
                    {
                        writer.WriteFrame(frame);
                    }

                    reader.ReadFrame().Release();
                });
            }
        }

        [Test]
        public void CreatingReaders()
        {
            StaysFlat(Cycles / 10, () => Streams.Read(name).Close());
        }

        [Test]
        public void Streaming()
        {
            using (Reader reader = Streams.Read(name))
            using (var writer = new Writer(name))
            {
                byte[] frame = Channels.Bytes(100);
                StaysFlat(Calls, () =>
                {
                    writer.WriteFrame(frame);
                    reader.ReadFrame().Release();
                });
            }
        }

        [Test]
        public void AttachingToDualBuffers()
        {
            using (DualBuffers.Serve(name, Channels.Echo))
            {
                byte[] request = Channels.Bytes(100);
                StaysFlat(Cycles, () =>
                {
                    using (DualBufferDuplexChannel client = DualBuffers.Connect(name))
                    {
                        client.SendRequest(request); // whose response nobody receives
                        client.Call(request).Release();
                    }
                });
            }
        }

        [Test]
        public void ServingDualBuffers()
        {
            StaysFlat(Cycles / 10, () => DualBuffers.Serve(name, Channels.Echo).Dispose());
        }

        [Test]
        public void CallingThroughDualBuffers()
        {
            using (DualBuffers.Serve(name, Channels.Echo))
            using (DualBufferDuplexChannel client = DualBuffers.Connect(name))
            {
                byte[] request = Channels.Bytes(100);
                StaysFlat(Calls / Window, () => Exchange(client, request));
            }
        }

        [Test]
        public void FailedAttempts()
        {
            var once = new ClientOptions { ConnectTimeout = TimeSpan.Zero };
            using (DualBuffers.Serve(name, Channels.Echo))
            using (DualBuffers.Connect(name))
            {
                StaysFlat(Cycles / 10, () =>
                {
                    Assert.Throws<WriterAlreadyConnectedException>(() => Channels.Factory.CreateClient(name, once));
                    Assert.Throws<NameInUseException>(() => DualBuffers.Create(name));
                });
            }
        }

        private static void Exchange(IDuplexClient client, byte[] request)
        {
            for (int i = 0; i < Window; i++)
            {
                client.SendRequest(request);
            }

            for (int i = 0; i < Window; i++)
            {
                client.ReceiveResponse().Release();
            }
        }

        private static void StaysFlat(int times, Action action)
        {
            // What is made once, or grows to its size, does so before.
            Repeat(Math.Max(times / 10, 100), action);
            var before = new Footprint();
            Repeat(times, action);
            Footprint after = null;
            Channels.Until(
                () =>
                {
                    after = new Footprint(); // threads that have done their work may still be about to end
                    return after.IsFlat(before);
                },
                () => "nothing is left over; before " + before + ", after " + after);
        }

        private static void Repeat(int times, Action action)
        {
            for (int i = 0; i < times; i++)
            {
                action();
            }
        }

        /// <summary>What this process uses now.</summary>
        private sealed class Footprint
        {
            private readonly int descriptors;
            private readonly int files; // of this process in shared memory
            private readonly int mappings; // of shared memory
            private readonly long managed; // bytes
            private readonly long resident; // kilobytes

            internal Footprint()
            {
                managed = GC.GetTotalMemory(true);
                descriptors = Directory.GetFileSystemEntries("/proc/self/fd").Length;
                files = Channels.Files(Channels.Prefix).Length;
                foreach (string line in File.ReadAllLines("/proc/self/maps"))
                {
                    mappings += line.Contains("/dev/shm") ? 1 : 0;
                }

                foreach (string line in File.ReadAllLines("/proc/self/status"))
                {
                    if (line.StartsWith("VmRSS:", StringComparison.Ordinal))
                    {
                        resident = long.Parse(line.Substring(6).Replace("kB", string.Empty).Trim(), CultureInfo.InvariantCulture);
                    }
                }
            }

            public override string ToString()
            {
                return descriptors + " descriptors, " + files + " files and " + mappings + " mappings of shared memory, " + managed + " bytes managed, "
                    + resident + " kB resident";
            }

            /// <summary>Descriptors, files and mappings are counted; of memory a hundred bytes of each time, or a page, would show.</summary>
            internal bool IsFlat(Footprint before)
            {
                return descriptors <= before.descriptors && files <= before.files && mappings <= before.mappings
                    && managed - before.managed < 1 << 20 && resident - before.resident < 24 << 10;
            }
        }
    }
}
