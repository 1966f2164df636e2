using System;

namespace ZeroDuplex
{
    /// <summary>The named semaphores that belong to one segment or buffer.</summary>
    internal abstract class SemaphoreSet : IDisposable
    {
        private readonly SemaphoreKind[] kinds;
        private readonly Native.Semaphore[] all;

        private protected SemaphoreSet(SemaphoreKind[] kinds, Native.Semaphore[] all)
        {
            this.kinds = kinds;
            this.all = all;
        }

        /// <summary>Unlinks the names that still mean these semaphores.</summary>
        internal void Remove(string name)
        {
            Remove(kinds, all, name);
        }

        public void Dispose()
        {
            DisposeOf(all);
        }

        /// <summary>Puts fresh ones in place of whatever the names meant before.</summary>
        private protected static Native.Semaphore[] ReplaceAll(SemaphoreKind[] kinds, string name, uint mode)
        {
            return Make(
                kinds,
                kind => Native.Semaphore.Replace(kind.Path(name), Wire.TemporaryPath(name, kind.Temporary), mode),
                made => Remove(kinds, made, name));
        }

        private protected static Native.Semaphore[] OpenAll(SemaphoreKind[] kinds, string name)
        {
            return Make(kinds, kind => Native.Semaphore.Open(kind.Path(name)), made => { });
        }

        private static Native.Semaphore[] Make(SemaphoreKind[] kinds, Func<SemaphoreKind, Native.Semaphore> make, Action<Native.Semaphore[]> undo)
        {
            var made = new Native.Semaphore[kinds.Length];
            try
            {
                for (int i = 0; i < made.Length; i++)
                {
                    made[i] = make(kinds[i]);
                }

                return made;
            }
            catch
            {
                undo(made);
                DisposeOf(made);
                throw;
            }
        }

        private static void Remove(SemaphoreKind[] kinds, Native.Semaphore[] semaphores, string name)
        {
            for (int i = 0; i < semaphores.Length; i++)
            {
                if (semaphores[i] != null)
                {
                    semaphores[i].RemoveIfNamed(kinds[i].Path(name));
                }
            }
        }

        private static void DisposeOf(Native.Semaphore[] semaphores)
        {
            foreach (Native.Semaphore semaphore in semaphores)
            {
                if (semaphore != null)
                {
                    semaphore.Dispose();
                }
            }
        }
    }

    /// <summary>How the semaphores of one purpose are named.</summary>
    internal sealed class SemaphoreKind
    {
        private readonly Func<string, string> name;

        /// <summary>Makes a kind. Temporary tells what is still being built from other such files of the name.</summary>
        internal SemaphoreKind(Func<string, string> name, string temporary)
        {
            this.name = name;
            Temporary = temporary;
        }

        internal string Temporary { get; }

        internal string Path(string channel)
        {
            return Wire.SemaphorePath(name(channel));
        }
    }
}
