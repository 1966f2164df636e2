using System;
using System.Threading;
using ZeroDuplex.Native;

namespace ZeroDuplex.V1
{
    /// <summary>Attaches a writer to a v1 buffer.</summary>
    internal sealed unsafe class BufferAttacher
    {
        private readonly string operation;
        private readonly string name;

        internal BufferAttacher(string operation, string name)
        {
            this.operation = operation;
            this.name = name;
        }

        /// <summary>Whether time may heal an error of an attempt: another reader, or the same one when it is ready; the other writer's leave.</summary>
        internal static bool Heals(ErrorCode code)
        {
            return code == ErrorCode.BufferNotFound || code == ErrorCode.ReaderDead || code == ErrorCode.WriterAlreadyConnected;
        }

        /// <summary>Tries once. The buffer is in the view, or the object of the name when that is null. This process is its writer then.</summary>
        internal MappedBuffer Try(SharedMemoryView view, bool allowOtherUsers, PageWish wish)
        {
            IMemoryProvider memory = view;
            if (view == null)
            {
                SharedMemory own = SharedMemory.Open(operation, name, name, ErrorCode.BufferNotFound, allowOtherUsers);
                memory = own;
                if (own.Object.Size >= Wire.OiebV1Size)
                {
                    own.Object.Map(wish);
                }
            }

            MappedBuffer buffer = null;
            try
            {
                Recognise(memory);
                CheckReader((OiebV1*)memory.Address);
                buffer = new MappedBuffer(memory, Validate(memory));
                buffer.Semaphores = OpenSemaphores();
                CheckStillNamed(memory, buffer);
                Claim(buffer);
                PreparePages(buffer, wish);
                return buffer;
            }
            catch
            {
                if (buffer != null)
                {
                    buffer.Dispose();
                }
                else
                {
                    memory.Dispose();
                }

                throw;
            }
        }

        /// <summary>Gives the writer's place up, unless somebody has taken it already.</summary>
        internal static void Leave(MappedBuffer buffer)
        {
            // Pairs with the reader's and the next writer's loads: the tokens of all frames were posted before.
            ref long writer = ref *(long*)&buffer.Oieb->WriterPid;
            Interlocked.CompareExchange(ref writer, (long)Wire.PidNone, (long)Platform.ProcessId);
        }

        /// <summary>Only when this process is the writer: whoever is refused has not paid for the pages.</summary>
        private static void PreparePages(MappedBuffer buffer, PageWish wish)
        {
            var own = buffer.Provider as SharedMemory;
            try
            {
                if (own != null)
                {
                    own.Object.PreparePages();
                }
            }
            catch
            {
                Leave(buffer);
                throw;
            }

            buffer.Report = MemoryReport.On(buffer.Provider, wish);
        }

        private ZeroDuplexException Fail(ErrorCode code, string detail, Exception inner = null)
        {
            return Failures.Make(code, operation, name, detail, inner);
        }

        /// <summary>Whether it is a v1 buffer.</summary>
        private void Recognise(IMemoryProvider memory)
        {
            if (memory.Size < Wire.OiebV1Size)
            {
                throw Fail(ErrorCode.BufferNotFound, "it has only " + memory.Size + " bytes yet");
            }

            // Pairs with the creating reader's last store.
            ulong identity = Volatile.Read(ref ((OiebV1*)memory.Address)->Identity);
            uint size = ProtocolIdentity.SizeOf(identity);
            byte major = ProtocolIdentity.MajorOf(identity);

            // Published readers store size and version after each other.
            if (identity == Wire.IdentityNotReady || (size == Wire.OiebV1Size && major == 0))
            {
                throw Fail(ErrorCode.BufferNotFound, "it is not ready yet");
            }

            if (size != Wire.OiebV1Size || major != Wire.ProtocolV1Major)
            {
                throw Fail(
                    ErrorCode.VersionMismatch,
                    "it is " + ProtocolIdentity.VersionOf(identity) + " with a first block of " + size + " bytes, this writer speaks "
                        + ProtocolIdentity.VersionOf(Wire.OiebV1IdentityWord));
            }
        }

        /// <summary>Derives the layout from what is stored and checks it.</summary>
        private SegmentV1 Validate(IMemoryProvider memory)
        {
            // Stored sizes are the rounded ones: what rounding would change was not written by a correct reader.
            var oieb = (OiebV1*)memory.Address;
            ulong metadata = oieb->MetadataSize;
            ulong payload = oieb->PayloadSize;
            SegmentV1 layout;
            if (!Wire.TryResolveSegmentV1(metadata, payload, out layout) || layout.Metadata.Size != metadata || layout.Payload.Size != payload)
            {
                throw Fail(ErrorCode.Corrupted, "sizes " + metadata + " and " + payload + " make no buffer");
            }

            if (layout.Length > (ulong)memory.Size || (memory is SharedMemory && layout.Length != (ulong)memory.Size))
            {
                throw Fail(ErrorCode.Corrupted, "the buffer says " + layout.Length + " bytes, the memory has " + memory.Size);
            }

            return layout;
        }

        /// <summary>Published readers store their pid last: what they stored before is there only once it is.</summary>
        private void CheckReader(OiebV1* oieb)
        {
            // Pairs with the reader's stores when it is ready and when it closes.
            ulong pid = Volatile.Read(ref oieb->ReaderPid);
            if (pid == Wire.PidNone)
            {
                throw Fail(ErrorCode.BufferNotFound, "its reader has closed it, or is not ready yet");
            }

            if (!Platform.ProcessExists(pid))
            {
                throw Fail(ErrorCode.ReaderDead, "process " + pid + ", which read it, is dead");
            }
        }

        private BufferSemaphores OpenSemaphores()
        {
            try
            {
                return BufferSemaphores.Open(name);
            }
            catch (NativeException e) when (e.Errno == Libc.ErrnoNotFound)
            {
                throw Fail(ErrorCode.BufferNotFound, "a semaphore is missing", e);
            }
        }

        /// <summary>
        /// A living reader that was there before the semaphores were opened, of an object that has its name after, proves that they are this
        /// buffer's: a successor would have taken the name first.
        /// </summary>
        private void CheckStillNamed(IMemoryProvider memory, MappedBuffer buffer)
        {
            CheckReader(buffer.Oieb);
            var own = memory as SharedMemory;
            if (own == null)
            {
                return;
            }

            if (!own.Object.IsLinked)
            {
                throw Fail(ErrorCode.BufferNotFound, "it was removed meanwhile");
            }

            // Readers of the published packages make them last of all, and Python's leaves them behind when it closes.
            BufferSemaphores found = buffer.Semaphores;
            if (found.DataWritten.IsOlderThan(own.Object) || found.DataRead.IsOlderThan(own.Object))
            {
                throw Fail(ErrorCode.BufferNotFound, "the semaphores of its name are older than it; its reader has not made its own yet");
            }
        }

        private void Claim(MappedBuffer buffer)
        {
            // Pairs with the former writer's store in Leave.
            ref long writer = ref *(long*)&buffer.Oieb->WriterPid;
            long pid = Volatile.Read(ref writer);
            if (Platform.ProcessExists((ulong)pid)
                || Interlocked.CompareExchange(ref writer, (long)Platform.ProcessId, pid) != pid)
            {
                throw Fail(ErrorCode.WriterAlreadyConnected, "process " + Volatile.Read(ref writer) + " writes it");
            }
        }
    }
}
