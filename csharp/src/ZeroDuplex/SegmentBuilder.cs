using System;
using System.Threading;
using ZeroDuplex.Native;
using ZeroDuplex.Ring;

namespace ZeroDuplex
{
    /// <summary>Makes the segment of a server that holds the owner lock of the name.</summary>
    internal sealed unsafe class SegmentBuilder
    {
        internal const string Operation = "create in-place duplex server";

        /// <summary>Bounds the races that creation may lose against other creators of the name.</summary>
        private const int Attempts = 100;

        private readonly string name;
        private readonly SegmentV2 layout;
        private readonly int mode;
        private readonly byte[] metadata;

        private SegmentBuilder(string name, SegmentV2 layout, int mode, byte[] metadata)
        {
            this.name = name;
            this.layout = layout;
            this.mode = mode;
            this.metadata = metadata;
        }

        /// <summary>Makes a segment. Metadata of the server that is known already is there before any client is.</summary>
        internal static Segment Create(string name, BufferConfig config, IMemoryProvider provider, int mode, byte[] metadata, PageWish wish = default(PageWish))
        {
            var builder = new SegmentBuilder(name, config.Layout(Operation, name), mode, metadata);
            try
            {
                var own = (provider ?? new SharedMemory()) as SharedMemory;
                if (own != null)
                {
                    own.Wish = wish;
                }

                Segment made = own != null ? builder.CreateObject(own) : builder.CreateOver(provider);
                made.Report = MemoryReport.On(made.Provider, wish);
                return made;
            }
            catch (NativeException e)
            {
                throw Failures.System(Operation, name, e);
            }
        }

        /// <summary>
        /// Makes a named object: complete but for the first eight bytes before it gets its name, the semaphores next, those bytes last.
        /// </summary>
        private Segment CreateObject(SharedMemory own)
        {
            for (int i = 0; i < Attempts; i++)
            {
                ClearName();
                Segment built = TryBuild(own);
                if (built != null)
                {
                    return built;
                }
            }

            throw InUse("others keep creating it");
        }

        /// <summary>Null when somebody else was faster to take the name.</summary>
        private Segment TryBuild(SharedMemory own)
        {
            own.Allocate(name, (long)layout.Length, mode);
            Segment segment = null;
            bool linked = false;
            bool done = false;
            try
            {
                segment = new Segment(name, own, layout);
                Descriptor second = own.Object.Reopen(name);
                if (second == null)
                {
                    throw Failures.Make(ErrorCode.System, Operation, name, "the new object cannot be opened again");
                }

                var life = new LockLiveness(second);
                segment.Life = life;
                if (!life.TryTake(Wire.LockByteServer))
                {
                    throw Failures.Make(ErrorCode.System, Operation, name, "cannot lock a new object");
                }

                Initialise(segment);
                if (!own.Object.Link(name))
                {
                    return null;
                }

                linked = true;
                segment.Semaphores = SegmentSemaphores.Replace(name, (uint)mode);
                Announce(segment);
                done = true;
                return segment;
            }
            finally
            {
                if (!done)
                {
                    if (linked)
                    {
                        own.Object.RemoveIfNamed(name);
                    }

                    if (segment != null)
                    {
                        segment.Dispose();
                    }
                }
            }
        }

        /// <summary>Initialises a segment in memory that somebody else provides.</summary>
        private Segment CreateOver(IMemoryProvider provider)
        {
            ProvidedMemory.Prepare(provider, Operation, name, (long)layout.Length, mode);

            // The semaphores go by the name, so a living server's must not be replaced.
            ClearName();
            var segment = new Segment(name, provider, layout);
            Volatile.Write(ref segment.Request->Identity, Wire.IdentityNotReady);
            var start = (byte*)provider.Address;
            new Span<byte>(start, (int)layout.MetadataResponse.Offset).Clear();
            new Span<byte>(start + layout.MetadataResponse.Offset, (int)layout.MetadataResponse.Size).Clear();
            segment.Life = new ViewLiveness(segment.Request, segment.Response);
            segment.Semaphores = SegmentSemaphores.Replace(name, (uint)mode);
            try
            {
                Initialise(segment);
            }
            catch
            {
                segment.Semaphores.Remove(name);
                segment.Semaphores.Dispose();
                throw;
            }

            Announce(segment);
            return segment;
        }

        private static void Announce(Segment segment)
        {
            // Pairs with the acquire load of an attaching client: whoever sees the identity sees a whole segment.
            Volatile.Write(ref segment.Request->Identity, Wire.OiebV2IdentityWord);
        }

        /// <summary>Stores everything but the first eight bytes.</summary>
        private void Initialise(Segment segment)
        {
            segment.Request->MetadataSize = layout.MetadataRequest.Size;
            segment.Response->MetadataSize = layout.MetadataResponse.Size;
            segment.Request->PayloadSize = segment.Response->PayloadSize = layout.Payload.Size;
            segment.RequestMetadata.Reset();
            segment.ResponseMetadata.Reset();
            new ServerRing(segment.Memory).Reset();
            Volatile.Write(ref segment.Request->ReaderPid, Platform.ProcessId);
            Volatile.Write(ref segment.Response->WriterPid, Platform.ProcessId);
            Volatile.Write(ref segment.Response->Identity, Wire.OiebV2IdentityWord);
            if (metadata != null)
            {
                segment.ResponseMetadata.Write(name, metadata);
            }
        }

        private void ClearName()
        {
            PreviousObject.Clear(
                Operation,
                name,
                v1 => Platform.ProcessExists(v1.WriterPid) || Platform.ProcessExists(v1.ReaderPid) ? InUse("a ZeroBuffer v1 process lives there") : null);
        }

        private ZeroDuplexException InUse(string detail)
        {
            return Failures.Make(ErrorCode.NameInUse, Operation, name, detail);
        }
    }
}
