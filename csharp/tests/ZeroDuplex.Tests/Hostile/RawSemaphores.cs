using System;
using ZeroDuplex.Native;

namespace ZeroDuplex.Tests.Hostile
{
    /// <summary>The semaphores of an in-place channel, mapped for somebody who writes into them.</summary>
    internal sealed unsafe class RawSemaphores : IDisposable
    {
        internal const int Count = 4;

        private readonly Mapping[] mappings = new Mapping[Count];

        internal RawSemaphores(string name)
        {
            string[] names =
            {
                Wire.RequestReadySemaphore(name), Wire.ResponseReadySemaphore(name), Wire.ResponseConsumedSemaphore(name),
                Wire.SpaceAvailableSemaphore(name),
            };
            for (int i = 0; i < Count; i++)
            {
                using (Descriptor file = Descriptor.Open(Wire.SemaphorePath(names[i]), Libc.OpenReadWrite, 0))
                {
                    mappings[i] = Mapping.Map(file, Wire.NamedSemaphoreSize);
                }
            }
        }

        public void Dispose()
        {
            foreach (Mapping mapping in mappings)
            {
                mapping.Dispose();
            }
        }

        /// <summary>The value or the number of sleepers of one of them.</summary>
        internal Word Choose(Decisions decisions)
        {
            var semaphore = (NamedSemaphore*)mappings[decisions.Below(Count)].Address;
            return new Word((byte*)(decisions.Byte() % 2 == 0 ? &semaphore->Value : &semaphore->Waiters), true);
        }
    }
}
