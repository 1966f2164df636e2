using System;
using System.Collections.Generic;
using System.IO;
using System.Threading;
using NUnit.Framework;
using ZeroDuplex.Native;

namespace ZeroDuplex.Tests
{
    /// <summary>Page faults and huge pages: what the options Prefault and HugePages do, and what the report says.</summary>
    [TestFixture]
    public unsafe class MemoryTests
    {
        private const int Mode = 384; // 0600
        private const int Payload = PageFaults.Pages * 4096;

        private static readonly PageWish Prefault = new PageWish { Prefault = true };
        private static readonly PageWish Huge = new PageWish { HugePages = true };

        [TearDown]
        public void TheKernelIsThisOneAgain()
        {
            Pages.Advise = Pages.AdviseKernel;
        }

        [TestCase(false)]
        [TestCase(true)]
        public void PrefaultedPagesTakeNoFaults(bool old)
        {
            BeOld(old);
            string name = Channels.NewName();
            using (SharedObject made = SharedObject.Create(name, Payload, Mode, Prefault))
            {
                AssertPrefaulted(made.Report);
                Assert.That(PageFaults.OfWriting(made.Address, Payload), Is.LessThan(PageFaults.Few), "who creates");
                Assert.That(made.Link(name));
                using (SharedObject other = SharedObject.Open(name))
                {
                    other.Map(Prefault);
                    other.PreparePages();
                    AssertPrefaulted(other.Report);
                    Assert.That(PageFaults.OfWriting(other.Address, Payload), Is.LessThan(PageFaults.Few), "who attaches");
                }

                made.RemoveIfNamed(name);
            }
        }

        [TestCase(false)]
        [TestCase(true)]
        public void PrefaultingLosesNothingOfWhatTheOtherSideWrites(bool old)
        {
            const int Count = 4;
            const int Times = 1000;
            BeOld(old);
            string name = Channels.NewName();
            using (SharedObject made = SharedObject.Create(name, Count * 4096, Mode))
            {
                Assert.That(made.Link(name));
                IntPtr start = made.Address;
                long rounds = 0;
                bool enough = false;
                Thread side = Channels.Run(() =>
                {
                    while (!Volatile.Read(ref enough))
                    {
                        CountUp(start, Count);
                        Volatile.Write(ref rounds, rounds + 1);
                    }
                });
                Channels.Until(() => Volatile.Read(ref rounds) > 0, "the other side works");
                for (int i = 0; i < Times; i++)
                {
                    using (SharedObject other = SharedObject.Open(name))
                    {
                        other.Map(Prefault);
                        other.PreparePages();
                    }
                }

                Volatile.Write(ref enough, true);
                Channels.Join(side);
                for (int page = 0; page < Count; page++)
                {
                    Assert.That(*(long*)((byte*)start + (page * 4096)), Is.EqualTo(rounds), "page " + page);
                }

                made.RemoveIfNamed(name);
            }
        }

        [TestCase(Libc.ErrnoNoMemory)]
        [TestCase(Libc.ErrnoBadAddress)]
        public void PagesThatCannotBeHadAreOutOfMemoryAndLeaveNothing(int errno)
        {
            string name = Channels.NewName();
            string stream = Channels.NewName();
            Answer(Libc.AdvisePopulateWrite, errno);
            foreach (ServerOptions options in new[] { new ServerOptions { Prefault = true }, new ServerOptions { HugePages = true } })
            {
                var error = Assert.Throws<ZeroDuplexOutOfMemoryException>(() => Channels.Serve(name, Channels.Echo, 65536, options));
                AssertReason(error.Message, "prefault");
                Assert.That(Channels.Files(name), Is.Empty);
            }

            using (Channels.Serve(name, Channels.Echo))
            {
                Assert.Throws<ZeroDuplexOutOfMemoryException>(() => Channels.Connect(name, new ClientOptions { Prefault = true }));
                using (InPlaceDuplexChannel client = Channels.Connect(name))
                {
                    AssertEmpty(client.MemoryReport); // and nobody was attached
                }
            }

            Assert.Throws<ZeroDuplexOutOfMemoryException>(
                () => new Reader(stream, new BufferConfig(0, 65536), new ReaderOptions { Prefault = true }));
            using (new Reader(stream, new BufferConfig(0, 65536)))
            {
                Assert.Throws<ZeroDuplexOutOfMemoryException>(() => new Writer(stream, new WriterOptions { Prefault = true }));
                using (new Writer(stream, new WriterOptions { ConnectTimeout = TimeSpan.Zero }))
                {
                    Assert.That(Channels.Files(stream), Is.Not.Empty);
                }
            }

            Assert.That(Channels.Files(name), Is.Empty);
            Assert.That(Channels.Files(stream), Is.Empty);
        }

        [Test]
        public void OtherErrorsKeepTheirMeaningAndASignalIsNone()
        {
            string name = Channels.NewName();
            Answer(Libc.AdvisePopulateWrite, Libc.ErrnoTooManyOpen);
            Assert.Throws<ZeroDuplexSystemException>(() => Channels.Serve(name, Channels.Echo, 65536, new ServerOptions { Prefault = true }));
            int signals = 3;
            Pages.Advise = (address, size, advice) => signals-- > 0 ? Libc.ErrnoInterrupted : Pages.AdviseKernel(address, size, advice);
            using (InPlaceDuplexServer server = Channels.Serve(name, Channels.Echo, 65536, new ServerOptions { Prefault = true }))
            {
                AssertPrefaulted(server.MemoryReport);
                Assert.That(signals, Is.LessThan(0));
            }
        }

        [TestCase("never")]
        [TestCase("advise")]
        [TestCase("within_size")]
        [TestCase("always")]
        public void HugePagesAreUsedWhereSharedMemoryIsMountedWithThem(string mounted)
        {
            RequireRoot();
            string policy = File.ReadAllText("/sys/kernel/mm/transparent_hugepage/shmem_enabled");
            using (Helper helper = Helper.Memory(Channels.NewName(), "huge=" + mounted))
            {
                for (int i = 0; i < 2; i++)
                {
                    string[] report = helper.ReadLine().Split(new[] { ' ' }, 3);
                    Assert.That(report[0], Is.EqualTo("True"), report[2]);
                    if (policy.Contains("[deny]"))
                    {
                        AssertReason(report[2], "is deny");
                    }
                    else if (!policy.Contains("[force]") && mounted == "never")
                    {
                        AssertReason(report[2], "mount -o remount,huge=advise /dev/shm");
                    }
                    else
                    {
                        // None may be free just now.
                        Assert.That(report[1] == "0", Is.EqualTo(report[2].Contains("or none were free")), report[2]);
                        Assert.That(report[2].Length == 0, Is.EqualTo(report[1] != "0"), report[2]);
                    }
                }

                int faults = int.Parse(helper.ReadLine());
                if (mounted == "never" && !policy.Contains("[force]"))
                {
                    Assert.That(faults, Is.GreaterThan(PageFaults.Pages * 9 / 10), "a first lap that nobody prefaulted");
                }

                Assert.That(helper.WaitForExit(), Is.EqualTo(0));
            }
        }

        [Test]
        public void HugePagesThatTheKernelDoesNotTakeOrTellOf()
        {
            string name = Channels.NewName();
            Answer(Libc.AdviseHugePage, Libc.ErrnoInvalid);
            using (SharedObject made = SharedObject.Create(name, 4096, Mode, Huge))
            {
                Assert.That(made.Report.Prefaulted);
                AssertReason(made.Report.Reason, "the kernel takes no wish for huge pages: invalid argument");
                Assert.That(made.Link(name));
                Pages.Advise = Pages.AdviseKernel;
                using (SharedObject other = SharedObject.Open(name))
                {
                    other.Map(Huge);
                    other.PreparePages();
                    Assert.That(other.Report.Prefaulted, Is.False);
                    AssertReason(other.Report.Reason, "only in memory that is prefaulted");
                }

                made.RemoveIfNamed(name);
            }
        }

        [Test]
        public void ReasonsThatThereAreNoHugePages()
        {
            const string Without =
                "22 1 0:20 / / rw - ext4 /dev/root rw\n31 22 0:27 / /dev/shm rw,nosuid shared:9 - tmpfs tmpfs rw,size=65536k\n";
            const string With = Without + "40 31 0:44 / /dev/shm rw - tmpfs tmpfs rw,huge=advise\n";
            const string Policy = "always within_size advise [never] deny force\n";
            const string Size = "2097152\n";
            const long Large = 4 << 20;
            AssertReason(HugePages.WhyNone(4096, Size, Policy, With), "the mapping of 4096 bytes is smaller than a huge page of 2097152");
            AssertReason(HugePages.WhyNone(Large, Size, "always never [deny] force", With), "an administrator can write never into it");
            AssertReason(HugePages.WhyNone(Large, Size, Policy, Without), "mount -o remount,huge=advise /dev/shm");
            AssertReason(
                HugePages.WhyNone(Large, Size, Policy, With + "41 40 0:45 / /dev/shm rw - tmpfs tmpfs rw,huge=never\n"), "mounted without huge pages");
            AssertReason(HugePages.WhyNone(Large, Size, Policy, With), "the kernel gave small pages");
            AssertReason(HugePages.WhyNone(Large, string.Empty, string.Empty, string.Empty), "mounted without huge pages");
        }

        [Test]
        public void TheKernelCountsHugePages()
        {
            string[] smaps =
            {
                "7f0000000000-7f0000400000 rw-s 00000000 00:1b 7 /dev/shm/before",
                "ShmemPmdMapped:     4096 kB",
                "7f0000400000-7f0000800000 rw-s 00000000 00:1b 8 /dev/shm/ours",
                "Rss:                4096 kB",
                "ShmemPmdMapped:     2048 kB",
                "FilePmdMapped:         4 kB",
                "VmFlags: rd wr hg",
                "7f0000800000-7f0000c00000 rw-s 00000000 00:1b 9 /dev/shm/after",
                "ShmemPmdMapped:     8192 kB",
            };
            Assert.That(HugePages.ParseSmaps(smaps, 0x7f0000000000), Is.EqualTo(4L << 20));
            Assert.That(HugePages.ParseSmaps(smaps, 0x7f0000400000), Is.EqualTo((2L << 20) + 4096));
            Assert.That(HugePages.ParseSmaps(smaps, 0x7f0000800000), Is.EqualTo(8L << 20));
            Assert.That(HugePages.ParseSmaps(smaps, 0x1000), Is.Null);
        }

        [Test]
        public void TheFirstLapOfAPrefaultedClientTakesNoFaults()
        {
            string name = Channels.NewName();
            InPlaceDuplexServer server = Channels.Serve(name, Channels.Echo, Payload, new ServerOptions { Prefault = true });
            InPlaceDuplexChannel client = Channels.Connect(name, new ClientOptions { Prefault = true, Lap = LapMode.Needed });
            Assert.That(PageFaults.OfLap(client, Payload), Is.LessThan(PageFaults.Few));
            client.Close();
            server.Dispose();
            AssertPrefaulted(server.MemoryReport);
            AssertPrefaulted(client.MemoryReport);
        }

        [Test]
        public void HugePagesAreAWish()
        {
            string name = Channels.NewName();
            using (InPlaceDuplexServer server = Channels.Serve(name, Channels.Echo, Payload, new ServerOptions { HugePages = true }))
            using (InPlaceDuplexChannel client = Channels.Connect(name, new ClientOptions { HugePages = true, Prefault = true }))
            {
                foreach (MemoryReport report in new[] { server.MemoryReport, client.MemoryReport })
                {
                    Assert.That(report.Prefaulted);
                    Assert.That(report.HugePageBytes == 0, Is.EqualTo(report.Reason.Length != 0), report.Reason);
                }

                client.Call(new byte[] { 1 }).Dispose();
            }
        }

        [Test]
        public void PagesOfTheApplicationsMemoryAreItsOwn()
        {
            string name = Channels.NewName();
            var memory = new byte[65536 + 64];
            fixed (byte* start = memory)
            {
                var view = new SharedMemoryView(new IntPtr(((long)start + 63) & ~63L), 65536);
                using (InPlaceDuplexServer server = Channels.Factory.CreateInPlaceDuplexServer(
                    name, new BufferConfig(0, view), new ServerOptions { Prefault = true }))
                using (InPlaceDuplexChannel client = Channels.Connect(name, new ClientOptions { Memory = view, HugePages = true }))
                {
                    foreach (MemoryReport report in new[] { server.MemoryReport, client.MemoryReport })
                    {
                        Assert.That(report.Prefaulted, Is.False);
                        AssertReason(report.Reason, "application's own");
                    }
                }
            }
        }

        [Test]
        public void ReportsOfV1()
        {
            string name = Channels.NewName();
            var config = new BufferConfig(256, 65536);
            using (var reader = new Reader(name, config, new ReaderOptions { Prefault = true }))
            using (var writer = new Writer(name, new WriterOptions { Prefault = true }))
            {
                AssertPrefaulted(reader.MemoryReport);
                AssertPrefaulted(writer.MemoryReport);
            }

            using (ImmutableDuplexServer server = Channels.Factory.CreateImmutableServer(name, config, new ServerOptions { Prefault = true }))
            {
                AssertPrefaulted(server.MemoryReport);
                server.Start(Channels.Echo);
                using (IDuplexClient client = Channels.Factory.CreateClient(name, new ClientOptions { Prefault = true, ResponseConfig = config }))
                {
                    client.Call(new byte[] { 1 }).Dispose();
                    AssertPrefaulted(client.MemoryReport);
                    AssertPrefaulted(server.MemoryReport);
                }
            }
        }

        [Test]
        public void TheReportOnTwoMappings()
        {
            var done = new MemoryReport(true, 5, string.Empty);
            var failed = new MemoryReport(false, 0, "why");
            Assert.That(done.And(done).Prefaulted);
            Assert.That(done.And(done).HugePageBytes, Is.EqualTo(10));
            Assert.That(done.And(failed).Prefaulted, Is.False);
            Assert.That(done.And(failed).Reason, Is.EqualTo("why"));
            Assert.That(failed.And(failed).Reason, Is.EqualTo("why"));
            Assert.That(failed.And(new MemoryReport(false, 0, "also")).Reason, Is.EqualTo("why; also"));
        }

        /// <summary>Adds to the first word of each page. No read-modify-write: what another one's load and store would overwrite stays lost.</summary>
        private static void CountUp(IntPtr start, int pages)
        {
            for (int page = 0; page < pages; page++)
            {
                ref long word = ref *(long*)((byte*)start + (page * 4096));
                Volatile.Write(ref word, Volatile.Read(ref word) + 1);
            }
        }

        /// <summary>A kernel that answers an advice with an error instead of following it.</summary>
        private static void Answer(int advice, int errno)
        {
            Pages.Advise = (address, size, given) => given == advice ? errno : Pages.AdviseKernel(address, size, given);
        }

        private static void BeOld(bool old)
        {
            if (old)
            {
                Answer(Libc.AdvisePopulateWrite, Libc.ErrnoInvalid);
            }
        }

        private static void RequireRoot()
        {
            if (Libc.EffectiveUser() != 0)
            {
                Assert.Ignore("only root can mount memory");
            }
        }

        private static void AssertPrefaulted(MemoryReport report)
        {
            Assert.That(report.Prefaulted);
            Assert.That(report.HugePageBytes, Is.EqualTo(0));
            Assert.That(report.Reason, Is.Empty);
        }

        private static void AssertEmpty(MemoryReport report)
        {
            Assert.That(report.Prefaulted, Is.False);
            Assert.That(report.HugePageBytes, Is.EqualTo(0));
            Assert.That(report.Reason, Is.Empty);
        }

        private static void AssertReason(string reason, string part)
        {
            Assert.That(reason.Contains(part), reason);
        }
    }
}
