namespace ZeroDuplex.V1
{
    /// <summary>The two semaphores of a v1 buffer.</summary>
    internal sealed class BufferSemaphores : SemaphoreSet
    {
        private static readonly SemaphoreKind[] Kinds =
        {
            new SemaphoreKind(Wire.DataWrittenSemaphore, "data-written"), new SemaphoreKind(Wire.DataReadSemaphore, "data-read"),
        };

        private BufferSemaphores(Native.Semaphore[] all)
            : base(Kinds, all)
        {
            DataWritten = all[0];
            DataRead = all[1];
        }

        /// <summary>One token per frame written.</summary>
        internal Native.Semaphore DataWritten { get; }

        /// <summary>A token per frame released, but no more than a few.</summary>
        internal Native.Semaphore DataRead { get; }

        /// <summary>Puts fresh ones in place of whatever the names meant before.</summary>
        internal static BufferSemaphores Replace(string name, uint mode)
        {
            return new BufferSemaphores(ReplaceAll(Kinds, name, mode));
        }

        internal static BufferSemaphores Open(string name)
        {
            return new BufferSemaphores(OpenAll(Kinds, name));
        }
    }
}
