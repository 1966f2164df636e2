using System;
using System.IO;
using System.IO.MemoryMappedFiles;

namespace ZeroDuplex.Tests
{
    /// <summary>What tests of v1 buffers need.</summary>
    internal static class Streams
    {
        internal static readonly BufferConfig Small = new BufferConfig(256, 1024);

        internal static readonly TimeSpan Soon = TimeSpan.FromMilliseconds(20);

        internal static Reader Read(string name, BufferConfig config = null, ReaderOptions options = null)
        {
            return new Reader(name, config ?? Small, options);
        }

        /// <summary>Attaches once, without retries.</summary>
        internal static Writer WriteAtOnce(string name)
        {
            return new Writer(name, new WriterOptions { ConnectTimeout = TimeSpan.Zero });
        }

        /// <summary>Reads a frame, checks number and contents, and releases it.</summary>
        internal static void Expect(Reader reader, ulong sequence, byte[] content)
        {
            using (ReceivedFrame frame = reader.ReadFrame(Channels.Patience))
            {
                if (frame.Sequence != sequence || frame.Size != content.Length || !frame.Data.SequenceEqual(content))
                {
                    throw new InvalidDataException("frame " + frame.Sequence + " of " + frame.Size + " bytes, expected " + sequence + " of " + content.Length);
                }
            }
        }

        /// <summary>A word of the buffer's block.</summary>
        internal static ulong Word(string name, int offset)
        {
            ulong value = 0;
            Access(name, view => value = view.ReadUInt64(offset));
            return value;
        }

        internal static void SetWord(string name, long offset, ulong value)
        {
            Access(name, view => view.Write(offset, value));
        }

        /// <summary>Value of one of the buffer's semaphores.</summary>
        internal static uint Tokens(string semaphore)
        {
            using (Native.Semaphore opened = Native.Semaphore.Open(Wire.SemaphorePath(semaphore)))
            {
                return opened.Value;
            }
        }

        /// <summary>Gives a semaphore a value, as a broken peer may.</summary>
        internal static void StoreTokens(string semaphore, uint value)
        {
            using (FileStream file = File.OpenWrite(Wire.SemaphorePath(semaphore)))
            {
                file.Write(BitConverter.GetBytes(value), 0, sizeof(uint));
            }
        }

        internal static void WithSemaphore(string semaphore, Action<Native.Semaphore> use)
        {
            using (Native.Semaphore opened = Native.Semaphore.Open(Wire.SemaphorePath(semaphore)))
            {
                use(opened);
            }
        }

        private static void Access(string name, Action<MemoryMappedViewAccessor> use)
        {
            using (MemoryMappedFile file = MemoryMappedFile.CreateFromFile("/dev/shm/" + name, FileMode.Open))
            using (MemoryMappedViewAccessor view = file.CreateViewAccessor())
            {
                use(view);
            }
        }
    }
}
