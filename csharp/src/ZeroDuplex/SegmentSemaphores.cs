namespace ZeroDuplex
{
    /// <summary>The four semaphores of a segment, named after what they announce.</summary>
    internal sealed class SegmentSemaphores : SemaphoreSet
    {
        private static readonly SemaphoreKind[] Kinds =
        {
            new SemaphoreKind(Wire.RequestReadySemaphore, "request-ready"),
            new SemaphoreKind(Wire.ResponseReadySemaphore, "response-ready"),
            new SemaphoreKind(Wire.ResponseConsumedSemaphore, "response-consumed"),
            new SemaphoreKind(Wire.SpaceAvailableSemaphore, "space-available"),
        };

        private SegmentSemaphores(Native.Semaphore[] all)
            : base(Kinds, all)
        {
            RequestReady = all[0];
            ResponseReady = all[1];
            ResponseConsumed = all[2];
            SpaceAvailable = all[3];
        }

        internal Native.Semaphore RequestReady { get; }

        internal Native.Semaphore ResponseReady { get; }

        internal Native.Semaphore ResponseConsumed { get; }

        internal Native.Semaphore SpaceAvailable { get; }

        /// <summary>Puts fresh ones in place of whatever the names meant before.</summary>
        internal static SegmentSemaphores Replace(string name, uint mode)
        {
            return new SegmentSemaphores(ReplaceAll(Kinds, name, mode));
        }

        internal static SegmentSemaphores Open(string name)
        {
            return new SegmentSemaphores(OpenAll(Kinds, name));
        }
    }
}
