using System;
using System.Threading;
using ZeroDuplex.Native;

namespace ZeroDuplex.V1
{
    /// <summary>Makes the buffer of a reader that holds the owner lock of the name.</summary>
    internal sealed unsafe class BufferBuilder
    {
        /// <summary>Bounds the races that creation may lose against other creators of the name.</summary>
        private const int Attempts = 100;

        private readonly string operation;
        private readonly string name;
        private readonly SegmentV1 layout;
        private readonly uint mode;

        private BufferBuilder(string operation, string name, SegmentV1 layout, int mode)
        {
            this.operation = operation;
            this.name = name;
            this.layout = layout;
            this.mode = (uint)mode;
        }

        internal static MappedBuffer Create(string operation, string name, BufferConfig config, int mode, PageWish wish)
        {
            var builder = new BufferBuilder(operation, name, config.LayoutV1(operation, name), mode);
            try
            {
                var own = (config.Memory ?? new SharedMemory()) as SharedMemory;
                if (own != null)
                {
                    own.Wish = wish;
                }

                MappedBuffer made = own != null ? builder.CreateObject(own) : builder.CreateOver(config.Memory);
                made.Report = MemoryReport.On(made.Provider, wish);
                return made;
            }
            catch (NativeException e)
            {
                throw Failures.System(operation, name, e);
            }
        }

        /// <summary>Makes a named object.</summary>
        private MappedBuffer CreateObject(SharedMemory own)
        {
            for (int i = 0; i < Attempts; i++)
            {
                ClearName();
                own.Allocate(name, (long)layout.Length, (int)mode);
                var buffer = new MappedBuffer(own, layout);
                bool linked = false;
                bool done = false;
                try
                {
                    Initialise(buffer);
                    linked = own.Object.Link(name);
                    if (linked)
                    {
                        buffer.Semaphores = BufferSemaphores.Replace(name, mode);
                        Announce(buffer);
                        done = true;
                        return buffer;
                    }

                    // Somebody else was faster to take the name.
                }
                finally
                {
                    if (linked && !done)
                    {
                        own.Object.RemoveIfNamed(name);
                    }

                    if (!done)
                    {
                        buffer.Dispose();
                    }
                }
            }

            throw Failures.Make(ErrorCode.NameInUse, operation, name, "others keep creating it");
        }

        /// <summary>Initialises a buffer in memory that somebody else provides.</summary>
        private MappedBuffer CreateOver(IMemoryProvider provider)
        {
            ProvidedMemory.Prepare(provider, operation, name, (long)layout.Length, (int)mode);

            // The semaphores go by the name, so a living owner's must not be replaced.
            ClearName();
            var buffer = new MappedBuffer(provider, layout);
            Volatile.Write(ref buffer.Oieb->Identity, Wire.IdentityNotReady);
            Volatile.Write(ref buffer.Oieb->ReaderPid, Wire.PidNone);
            new Span<byte>(buffer.Oieb, (int)(layout.Metadata.Offset + layout.Metadata.Size)).Clear();
            buffer.Semaphores = BufferSemaphores.Replace(name, mode);
            Initialise(buffer);
            Announce(buffer);
            return buffer;
        }

        /// <summary>Stores everything but what says that it is there.</summary>
        private void Initialise(MappedBuffer buffer)
        {
            OiebV1* oieb = buffer.Oieb;
            oieb->MetadataSize = layout.Metadata.Size;
            oieb->PayloadSize = layout.Payload.Size;
            buffer.Metadata.Reset();
            Volatile.Write(ref oieb->PayloadFreeBytes, layout.Payload.Size);
        }

        private static void Announce(MappedBuffer buffer)
        {
            Volatile.Write(ref buffer.Oieb->ReaderPid, Platform.ProcessId);

            // Pairs with the acquire load of an attaching writer: whoever sees the identity sees a whole buffer.
            Volatile.Write(ref buffer.Oieb->Identity, Wire.OiebV1IdentityWord);
        }

        /// <summary>A buffer whose reader is dead goes also when its writer lives: nothing but the reader's death is left for it to find.</summary>
        private void ClearName()
        {
            PreviousObject.Clear(
                operation,
                name,
                v1 => Platform.ProcessExists(v1.ReaderPid)
                    ? Failures.Make(ErrorCode.ReaderAlreadyConnected, operation, name, "process " + v1.ReaderPid + " reads it")
                    : null);
        }
    }
}
