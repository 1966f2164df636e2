using System;
using System.Threading;
using ZeroDuplex.Native;

namespace ZeroDuplex
{
    /// <summary>Attaches a client to an in-place duplex segment.</summary>
    internal sealed unsafe class Attacher
    {
        private readonly string name;
        private readonly ClientOptions options;
        private readonly Retry retry;

        internal Attacher(string name, ClientOptions options, Retry retry)
        {
            this.name = name;
            this.options = options;
            this.retry = retry;
        }

        /// <summary>Whether time may heal an error of an attempt.</summary>
        internal static bool Heals(ErrorCode code)
        {
            return code == ErrorCode.ServerNotFound || code == ErrorCode.ServerBusy || code == ErrorCode.WriterAlreadyConnected;
        }

        /// <summary>Tries once; it waits for a reset only, until the time of the retries is over.</summary>
        internal Segment Try()
        {
            if (options.Memory != null)
            {
                Segment given = TryView(options.Memory);
                given.Report = MemoryReport.On(options.Memory, options.Pages);
                return given;
            }

            SharedMemory own = SharedMemory.Open(Connector.Operation, name, name, ErrorCode.ServerNotFound, options.AllowOtherUsers);
            try
            {
                return TryObject(own);
            }
            catch
            {
                own.Dispose();
                throw;
            }
        }

        private ZeroDuplexException Fail(ErrorCode code, string detail, Exception inner = null)
        {
            return Failures.Make(code, Connector.Operation, name, detail, inner);
        }

        private Segment TryObject(SharedMemory own)
        {
            SharedObject found = own.Object;
            if (found.Size == 0)
            {
                throw Fail(ErrorCode.ServerNotFound, "the object is still empty");
            }

            if (found.Size < Wire.OiebV1Size)
            {
                throw Fail(ErrorCode.Corrupted, "the object has only " + found.Size + " bytes");
            }

            found.Map(options.Pages);
            SegmentV2 layout = Validate(own, true);
            Descriptor second = found.Reopen(name);
            if (second == null)
            {
                throw Fail(ErrorCode.ServerNotFound, "the object is gone again");
            }

            var life = new LockLiveness(second);
            bool locked = false;
            var segment = new Segment(name, own, layout) { Life = life };
            try
            {
                if (!life.ServerAlive)
                {
                    throw Fail(ErrorCode.ServerNotFound, "its server is dead");
                }

                if (!life.TryTake(Wire.LockByteClient))
                {
                    throw Fail(ErrorCode.WriterAlreadyConnected, "another client is attached");
                }

                locked = true;
                AwaitReset(segment);
                found.PreparePages(); // only now: whoever is refused has not paid for the pages
                segment.Report = found.Report;
                segment.Semaphores = OpenSemaphores();

                // A living owner of a named object proves that the semaphores, which only go by the name, are this object's.
                if (!found.IsLinked || !life.ServerAlive)
                {
                    throw Fail(ErrorCode.ServerNotFound, "no living server holds the object");
                }
            }
            catch
            {
                if (locked)
                {
                    life.ReleaseClient();
                }

                segment.Dispose();
                throw;
            }

            Volatile.Write(ref segment.Response->ReaderPid, Platform.ProcessId);

            // Pairs with the server's acquire load: from here on the fields are ours.
            Volatile.Write(ref segment.Request->WriterPid, Platform.ProcessId);
            return segment;
        }

        /// <summary>Attaches to a segment in existing memory.</summary>
        private Segment TryView(SharedMemoryView view)
        {
            if (view.Size < Wire.OiebV1Size)
            {
                throw Fail(ErrorCode.InvalidArgument, "the view has only " + view.Size + " bytes");
            }

            var segment = new Segment(name, view, Validate(view, false));
            var life = new ViewLiveness(segment.Request, segment.Response);
            segment.Life = life;
            ulong pid = Volatile.Read(ref segment.Request->WriterPid);
            if (!life.ServerAlive)
            {
                throw Fail(ErrorCode.ServerNotFound, "its server has stopped");
            }

            if (pid == Wire.ResetWanted)
            {
                throw Fail(ErrorCode.ServerBusy, "the server has not reset the segment yet");
            }

            // Claim first: without a lock this is what keeps a second client out. Pairs with the leaving client's and the resetting server's stores.
            ref long writer = ref *(long*)&segment.Request->WriterPid;
            if (pid != Wire.PidNone || Interlocked.CompareExchange(ref writer, (long)Platform.ProcessId, (long)Wire.PidNone) != (long)Wire.PidNone)
            {
                throw Fail(ErrorCode.WriterAlreadyConnected, "another client is attached");
            }

            try
            {
                segment.Semaphores = OpenSemaphores();
            }
            catch
            {
                Volatile.Write(ref segment.Request->WriterPid, Wire.ResetWanted);
                throw;
            }

            Volatile.Write(ref segment.Response->ReaderPid, Platform.ProcessId);
            return segment;
        }

        private SegmentSemaphores OpenSemaphores()
        {
            try
            {
                return SegmentSemaphores.Open(name);
            }
            catch (NativeException e) when (e.Errno != Libc.ErrnoTooManyOpen && e.Errno != Libc.ErrnoTooManyInSystem)
            {
                throw Fail(ErrorCode.ServerNotFound, "its semaphores cannot be opened", e);
            }
        }

        /// <summary>Derives the layout from what is stored and checks it. Exact: the segment must fill the memory.</summary>
        private SegmentV2 Validate(IMemoryProvider memory, bool exact)
        {
            var request = (OiebV2*)memory.Address;

            // Pairs with the creating server's last store.
            ulong identity = Volatile.Read(ref request->Identity);
            CheckIdentity(identity);
            SegmentV2 layout;
            Wire.TryResolveSegmentV2(0, 0, Wire.MinPayloadSize, out layout);
            if (memory.Size < (long)layout.Length)
            {
                throw Fail(ErrorCode.Corrupted, "the memory has only " + memory.Size + " bytes");
            }

            var response = (OiebV2*)((byte*)request + layout.OiebResponse.Offset);
            ulong requestMetadata = request->MetadataSize;
            ulong responseMetadata = response->MetadataSize;
            ulong payload = request->PayloadSize;
            ulong payloadAgain = response->PayloadSize;
            ulong identityAgain = Volatile.Read(ref response->Identity);
            if (identityAgain != identity)
            {
                throw Fail(ErrorCode.Corrupted, "the two blocks are " + ProtocolIdentity.VersionOf(identity) + " and " + ProtocolIdentity.VersionOf(identityAgain));
            }

            if (payload != payloadAgain)
            {
                throw Fail(ErrorCode.Corrupted, "the two blocks say " + payload + " and " + payloadAgain + " bytes of payload");
            }

            // Stored sizes are the rounded ones: what rounding would change was not written by a correct server.
            if (!Wire.TryResolveSegmentV2(requestMetadata, responseMetadata, payload, out layout)
                || layout.MetadataRequest.Size != requestMetadata
                || layout.MetadataResponse.Size != responseMetadata
                || layout.Payload.Size != payload)
            {
                throw Fail(ErrorCode.Corrupted, "sizes " + requestMetadata + ", " + responseMetadata + ", " + payload + " make no segment");
            }

            if (layout.Length > (ulong)memory.Size || (exact && layout.Length != (ulong)memory.Size))
            {
                throw Fail(ErrorCode.Corrupted, "the segment says " + layout.Length + " bytes, the memory has " + memory.Size);
            }

            return layout;
        }

        private void CheckIdentity(ulong identity)
        {
            if (identity == Wire.IdentityNotReady)
            {
                throw Fail(ErrorCode.ServerNotFound, "the segment is not ready yet");
            }

            string mine = ", this client speaks " + ProtocolIdentity.VersionOf(Wire.OiebV2IdentityWord);
            if (ProtocolIdentity.SizeOf(identity) == Wire.OiebV1Size)
            {
                throw Fail(ErrorCode.VersionMismatch, "the segment is ZeroBuffer " + ProtocolIdentity.VersionOf(identity) + mine);
            }

            if (ProtocolIdentity.SizeOf(identity) != Wire.OiebV2Size)
            {
                throw Fail(ErrorCode.Corrupted, "oieb_size " + ProtocolIdentity.SizeOf(identity) + " is none we know");
            }

            if (ProtocolIdentity.MajorOf(identity) != Wire.ProtocolV2Major)
            {
                throw Fail(ErrorCode.VersionMismatch, "the segment is " + ProtocolIdentity.VersionOf(identity) + mine);
            }
        }

        /// <summary>Gets the segment from the server that a former client has left in whatever state. Called with byte 1 held.</summary>
        private void AwaitReset(Segment segment)
        {
            // Pairs with the server's release store at the end of a reset.
            if (Volatile.Read(ref segment.Request->WriterPid) == Wire.PidNone)
            {
                return;
            }

            // Pairs with the server's acquire load.
            Volatile.Write(ref segment.Request->WriterPid, Wire.ResetWanted);
            Fence.Full();
            WakeServer();
            long check = Ticks.Now + Ticks.Slice;
            while (Volatile.Read(ref segment.Request->WriterPid) != Wire.PidNone)
            {
                if (!retry.Wait())
                {
                    throw Fail(ErrorCode.ServerBusy, "the server has not let go of a client that is gone: a handler still works for it, or the server has not started");
                }

                if (Ticks.Now >= check)
                {
                    check = Ticks.Now + Ticks.Slice;
                    if (!segment.Life.ServerAlive)
                    {
                        throw Fail(ErrorCode.ServerNotFound, "no living server holds the object");
                    }
                }
            }

            retry.Hurry();
        }

        /// <summary>Only a hint: the semaphore may be an old one, and a sleeping server looks once a slice anyway.</summary>
        private void WakeServer()
        {
            try
            {
                using (Native.Semaphore semaphore = Native.Semaphore.Open(Wire.SemaphorePath(Wire.RequestReadySemaphore(name))))
                {
                    semaphore.PostIfZero();
                }
            }
            catch (NativeException)
            {
                // Without the hint the server finds out by itself.
            }
        }
    }
}
