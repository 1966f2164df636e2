using System;
using ZeroDuplex.Native;

namespace ZeroDuplex
{
    /// <summary>The four semaphores of a segment, named after what they announce.</summary>
    internal sealed class SegmentSemaphores : IDisposable
    {
        private static readonly Func<string, string>[] Names =
        {
            Wire.RequestReadySemaphore, Wire.ResponseReadySemaphore, Wire.ResponseConsumedSemaphore, Wire.SpaceAvailableSemaphore,
        };

        private static readonly string[] Kinds = { "request-ready", "response-ready", "response-consumed", "space-available" };

        private readonly Semaphore[] all;

        private SegmentSemaphores(Semaphore[] all)
        {
            this.all = all;
            RequestReady = all[0];
            ResponseReady = all[1];
            ResponseConsumed = all[2];
            SpaceAvailable = all[3];
        }

        internal Semaphore RequestReady { get; }

        internal Semaphore ResponseReady { get; }

        internal Semaphore ResponseConsumed { get; }

        internal Semaphore SpaceAvailable { get; }

        /// <summary>Puts fresh ones in place of whatever the names meant before.</summary>
        internal static SegmentSemaphores Replace(string name, uint mode)
        {
            return Make(i => Semaphore.Replace(Path(name, i), Wire.TemporaryPath(name, Kinds[i]), mode), made => Remove(name, made));
        }

        internal static SegmentSemaphores Open(string name)
        {
            return Make(i => Semaphore.Open(Path(name, i)), made => { });
        }

        /// <summary>Unlinks the names that still mean these semaphores.</summary>
        internal void Remove(string name)
        {
            Remove(name, all);
        }

        public void Dispose()
        {
            DisposeOf(all);
        }

        private static string Path(string name, int index)
        {
            return Wire.SemaphorePath(Names[index](name));
        }

        private static SegmentSemaphores Make(Func<int, Semaphore> make, Action<Semaphore[]> undo)
        {
            var made = new Semaphore[Names.Length];
            try
            {
                for (int i = 0; i < made.Length; i++)
                {
                    made[i] = make(i);
                }

                return new SegmentSemaphores(made);
            }
            catch
            {
                undo(made);
                DisposeOf(made);
                throw;
            }
        }

        private static void Remove(string name, Semaphore[] semaphores)
        {
            for (int i = 0; i < semaphores.Length; i++)
            {
                if (semaphores[i] != null)
                {
                    semaphores[i].RemoveIfNamed(Path(name, i));
                }
            }
        }

        private static void DisposeOf(Semaphore[] semaphores)
        {
            foreach (Semaphore semaphore in semaphores)
            {
                if (semaphore != null)
                {
                    semaphore.Dispose();
                }
            }
        }
    }
}
