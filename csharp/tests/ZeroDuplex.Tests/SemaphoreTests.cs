using System;
using System.Diagnostics;
using System.IO;
using System.Runtime.InteropServices;
using System.Threading;
using NUnit.Framework;
using ZeroDuplex.Native;
using Semaphore = ZeroDuplex.Native.Semaphore;

namespace ZeroDuplex.Tests
{
    /// <summary>Our semaphores against glibc's.</summary>
    [TestFixture]
    public unsafe class SemaphoreTests
    {
        private string name;
        private string path;

        [SetUp]
        public void SetUp()
        {
            name = Channels.NewName();
            path = "/dev/shm/sem." + name;
        }

        [TearDown]
        public void TearDown()
        {
            File.Delete(path);
            Assert.That(Channels.Files(name), Is.Empty);
        }

        [Test]
        public void PostsOnlyWhenZero()
        {
            using (Semaphore semaphore = Make())
            {
                Assert.That(semaphore.Wait(TimeSpan.Zero), Is.False);
                Assert.That(semaphore.Value, Is.EqualTo(0));
                semaphore.PostIfZero();
                semaphore.PostIfZero();
                Assert.That(semaphore.Value, Is.EqualTo(1));
                Assert.That(semaphore.Wait(TimeSpan.Zero));
                Assert.That(semaphore.Wait(TimeSpan.FromTicks(-5)), Is.False);
            }
        }

        [Test]
        public void WaitEndsInTimeAndCountsItselfOut()
        {
            using (Semaphore semaphore = Make())
            {
                Stopwatch watch = Stopwatch.StartNew();
                Assert.That(semaphore.Wait(TimeSpan.FromMilliseconds(30)), Is.False);
                Assert.That(watch.Elapsed, Is.GreaterThanOrEqualTo(TimeSpan.FromMilliseconds(30)));
                Assert.That(BitConverter.ToUInt64(File.ReadAllBytes(path), 0), Is.EqualTo(0), "value and sleepers");
            }
        }

        [Test]
        public void GlibcWakesUsAndWeWakeGlibc()
        {
            const int Rounds = 2000;
            IntPtr there = OpenSemaphore("/" + name, 0);
            Assert.That(there, Is.EqualTo(IntPtr.Zero), "there is none yet");
            using (Semaphore ours = Make())
            using (Semaphore back = Semaphore.Replace(path + "-back", path + "-new", 384))
            {
                there = OpenSemaphore("/" + name, 0);
                IntPtr home = OpenSemaphore("/" + name + "-back", 0);
                Assert.That(there, Is.Not.EqualTo(IntPtr.Zero));
                Thread glibc = Channels.Run(() =>
                {
                    for (int i = 0; i < Rounds; i++)
                    {
                        while (WaitSemaphore(there) != 0)
                        {
                            // A signal of the runtime interrupted it.
                        }

                        PostSemaphore(home);
                    }
                });
                for (int i = 0; i < Rounds; i++)
                {
                    ours.PostIfZero();
                    Assert.That(back.Wait(Channels.Patience), "round " + i);
                }

                Channels.Join(glibc);
                CloseSemaphore(there);
                CloseSemaphore(home);
                File.Delete(path + "-back");
            }
        }

        [Test]
        public void ReplacedSemaphoreIsAnotherAndOnlyOursIsRemoved()
        {
            using (Semaphore first = Make())
            using (Semaphore second = Make())
            {
                first.PostIfZero();
                Assert.That(second.Value, Is.EqualTo(0));
                first.RemoveIfNamed(path);
                Assert.That(File.Exists(path));
                second.RemoveIfNamed(path);
                Assert.That(File.Exists(path), Is.False);
                second.RemoveIfNamed(path);
            }
        }

        [Test]
        public void WhatIsNoSemaphoreIsRefused()
        {
            Assert.That(Assert.Throws<NativeException>(() => Semaphore.Open(path)).Errno, Is.EqualTo(Libc.ErrnoNotFound));
            File.WriteAllBytes(path, new byte[8]);
            Assert.Throws<NativeException>(() => Semaphore.Open(path), "too short to be mapped safely");
            File.WriteAllBytes(path, new byte[32]);
            Assert.Throws<NativeException>(() => Semaphore.Open(path), "a private one: the flag is 0");
        }

        private Semaphore Make()
        {
            return Semaphore.Replace(path, path + "-new", 384);
        }

        [DllImport("libc", EntryPoint = "sem_open")]
        private static extern IntPtr OpenSemaphore(string name, int flags);

        [DllImport("libc", EntryPoint = "sem_post")]
        private static extern int PostSemaphore(IntPtr semaphore);

        [DllImport("libc", EntryPoint = "sem_wait")]
        private static extern int WaitSemaphore(IntPtr semaphore);

        [DllImport("libc", EntryPoint = "sem_close")]
        private static extern int CloseSemaphore(IntPtr semaphore);
    }
}
