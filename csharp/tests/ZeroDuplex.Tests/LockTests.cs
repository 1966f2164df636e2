using System.IO;
using NUnit.Framework;
using ZeroDuplex.Native;

namespace ZeroDuplex.Tests
{
    [TestFixture]
    public class LockTests
    {
        [Test]
        public void BytesAreHeldByOpenFileDescriptions()
        {
            string path = Path.GetTempFileName();
            using (Descriptor mine = Descriptor.Open(path, Libc.OpenReadWrite, 0))
            using (Descriptor other = Descriptor.Open(path, Libc.OpenReadWrite, 0))
            {
                Assert.That(LockByte.TryTake(mine, 0));
                Assert.That(LockByte.TryTake(other, 0), Is.False);
                Assert.That(LockByte.IsHeld(other, 0));
                Assert.That(LockByte.IsHeld(other, 1), Is.False);
                Assert.That(LockByte.IsHeld(mine, 0), Is.False, "nobody else holds it");
                Assert.That(LockByte.TryTake(other, 1));
                LockByte.Release(mine, 0);
                Assert.That(LockByte.IsHeld(other, 0), Is.False);
            }

            File.Delete(path);
            Assert.Throws<NativeException>(() => Descriptor.Open(path, Libc.OpenReadOnly, 0));
        }

        [Test]
        public void OwnerLockIsHeldOnceAndGoesWithoutTrace()
        {
            string name = Channels.NewName();
            using (OwnerLock first = OwnerLock.TryAcquire(name))
            {
                Assert.That(first, Is.Not.Null);
                Assert.That(OwnerLock.TryAcquire(name), Is.Null);
            }

            Assert.That(File.Exists("/tmp/zerobuffer/" + name + ".lock"), Is.False);
            using (OwnerLock again = OwnerLock.TryAcquire(name))
            {
                Assert.That(again, Is.Not.Null);
            }
        }

        [Test]
        public void ObjectsGetTheirNameWhenTheyAreComplete()
        {
            string name = Channels.NewName();
            File.WriteAllText("/dev/shm/.zd-" + name + ".object", "left by somebody who died");
            using (SharedObject made = SharedObject.Create(name, 4096, 384))
            using (SharedObject second = SharedObject.Create(name, 4096, 384))
            {
                Assert.That(Channels.Files(name), Is.Empty, "what was left is gone");
                Assert.That(made.IsLinked, Is.False);
                Assert.That(made.Link(name));
                Assert.That(made.IsLinked);
                Assert.That(second.Link(name), Is.False, "the name is taken");
                second.RemoveIfNamed(name);
                Assert.That(Channels.Files(name).Length, Is.EqualTo(1));
                made.RemoveIfNamed(name);
                Assert.That(Channels.Files(name), Is.Empty);
            }
        }

        [Test]
        public void WithoutNamelessFilesATemporaryNameDoes()
        {
            string name = Channels.NewName();
            string temporary = "/dev/shm/.zd-" + name + ".object";
            using (SharedObject made = SharedObject.CreateTemporary(name, 4096, 384))
            {
                Assert.That(File.Exists(temporary));
                Assert.That(made.Link(name));
                Assert.That(Channels.Files(name), Is.EqualTo(new[] { "/dev/shm/" + name }));
                made.RemoveIfNamed(name);
            }

            SharedObject.CreateTemporary(name, 4096, 384).Dispose();
            Assert.That(Channels.Files(name), Is.Empty, "what never got a name is gone");
        }
    }
}
