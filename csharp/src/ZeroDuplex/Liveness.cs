using System;
using System.Threading;
using ZeroDuplex.Native;

namespace ZeroDuplex
{
    /// <summary>Tells who lives, and says of its own side that it does not any more.</summary>
    internal abstract class Liveness : IDisposable
    {
        internal abstract bool ServerAlive { get; }

        internal abstract bool ClientAlive { get; }

        /// <summary>Ends this side's claim to be alive, explicitly: a forked child may keep descriptors open.</summary>
        internal abstract void ReleaseServer();

        /// <summary>As <see cref="ReleaseServer"/>, for a client.</summary>
        internal abstract void ReleaseClient();

        public abstract void Dispose();
    }

    /// <summary>
    /// By open-file-description locks on bytes of the object, through a description that is never mapped: such a lock lives as long as a
    /// mapping of its description does.
    /// </summary>
    internal sealed class LockLiveness : Liveness
    {
        private readonly Descriptor descriptor;

        internal LockLiveness(Descriptor descriptor)
        {
            this.descriptor = descriptor;
        }

        internal override bool ServerAlive
        {
            get { return LockByte.IsHeld(descriptor, Wire.LockByteServer); }
        }

        internal override bool ClientAlive
        {
            get { return LockByte.IsHeld(descriptor, Wire.LockByteClient); }
        }

        internal bool TryTake(ulong offset)
        {
            return LockByte.TryTake(descriptor, offset);
        }

        internal override void ReleaseServer()
        {
            LockByte.Release(descriptor, Wire.LockByteServer);
        }

        internal override void ReleaseClient()
        {
            LockByte.Release(descriptor, Wire.LockByteClient);
        }

        public override void Dispose()
        {
            descriptor.Dispose();
        }
    }

    /// <summary>For existing memory, where no lock exists: it believes what the sides say of themselves.</summary>
    internal sealed unsafe class ViewLiveness : Liveness
    {
        private readonly OiebV2* request;
        private readonly OiebV2* response;

        internal ViewLiveness(OiebV2* request, OiebV2* response)
        {
            this.request = request;
            this.response = response;
        }

        internal override bool ServerAlive
        {
            // Pairs with the stopping server's store in InPlaceDuplexServer.TearDown.
            get { return Volatile.Read(ref response->WriterPid) != Wire.PidNone; }
        }

        internal override bool ClientAlive
        {
            get
            {
                // Pairs with the leaving client's store in InPlaceDuplexChannel.DetachIfIdle and the attaching one's compare-and-swap.
                ulong pid = Volatile.Read(ref request->WriterPid);
                return pid != Wire.PidNone && pid != Wire.ResetWanted;
            }
        }

        internal override void ReleaseServer()
        {
        }

        internal override void ReleaseClient()
        {
        }

        public override void Dispose()
        {
        }
    }
}
