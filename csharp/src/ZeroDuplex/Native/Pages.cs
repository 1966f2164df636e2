using System;
using System.Runtime.InteropServices;
using System.Threading;

namespace ZeroDuplex.Native
{
    /// <summary>The pages of one mapping and what became of a wish for them. Not thread-safe.</summary>
    internal sealed unsafe class Pages
    {
        /// <summary>Gives an advice and returns the error number. Replaced by tests, which play kernels that lack memory or do not know an advice.</summary>
        internal static Func<IntPtr, long, int, int> Advise = AdviseKernel;

        /// <summary>Bounds one reservation, which a signal would otherwise make start all over.</summary>
        private const long ReserveChunk = 16L << 20;

        private readonly Descriptor descriptor;
        private readonly IntPtr address;
        private readonly long size;
        private PageWish wish;
        private bool prefaulted;
        private long hugePageBytes;
        private string reason = string.Empty;

        /// <summary>Asks for huge pages, before anything is touched: what is touched before stays small.</summary>
        internal Pages(Descriptor descriptor, IntPtr address, long size, PageWish wish)
        {
            this.descriptor = descriptor;
            this.address = address;
            this.size = size;
            this.wish = wish;
            int errno = wish.HugePages ? Advise(address, size, Libc.AdviseHugePage) : 0;
            if (errno != 0)
            {
                reason = new NativeException("the kernel takes no wish for huge pages", errno).Message;
            }
        }

        internal MemoryReport Report
        {
            get { return new MemoryReport(prefaulted, hugePageBytes, reason); }
        }

        internal static int AdviseKernel(IntPtr address, long size, int advice)
        {
            return Libc.Advise(address, new UIntPtr((ulong)size), advice) == 0 ? 0 : Marshal.GetLastWin32Error();
        }

        /// <summary>Reserves every page of a new object.</summary>
        internal void Reserve()
        {
            if (wish.HugePages)
            {
                // Huge ones can only be had through the mapping that asked for them, and not after small ones were reserved.
                wish.Prefault = true;
                prefaulted = Populate();
            }

            ReserveAll();
        }

        /// <summary>Fulfils the wish.</summary>
        internal void Prepare()
        {
            if (wish.Prefault && !prefaulted)
            {
                if (!Populate())
                {
                    // A page that is not reserved, as published v1 processes leave them, would be a SIGBUS where there is no memory for it.
                    ReserveAll();
                    Touch();
                }

                prefaulted = true;
            }

            if (!wish.HugePages || reason.Length != 0)
            {
                return;
            }

            if (prefaulted)
            {
                hugePageBytes = Native.HugePages.Look(address, size, out reason);
            }
            else
            {
                reason = "huge pages are asked for; whether the kernel gives them shows only in memory that is prefaulted";
            }
        }

        private void ReserveAll()
        {
            for (long done = 0; done < size;)
            {
                long n = Math.Min(size - done, ReserveChunk);
                int errno = Libc.Reserve(descriptor, done, n);
                if (errno == 0)
                {
                    done += n;
                }
                else if (errno != Libc.ErrnoInterrupted)
                {
                    throw new NativeException("reserve " + size + " bytes", errno);
                }
            }
        }

        /// <summary>Makes every page present and writable. False: this kernel does not do that on demand (before 5.14, or it is filtered).</summary>
        private bool Populate()
        {
            int errno;
            do
            {
                errno = Advise(address, size, Libc.AdvisePopulateWrite);
            }
            while (errno == Libc.ErrnoInterrupted);

            switch (errno)
            {
                case 0:
                    return true;
                case Libc.ErrnoInvalid:
                case Libc.ErrnoNoSystemCall:
                case Libc.ErrnoPermission:
                    return false;
                case Libc.ErrnoBadAddress: // what would be a SIGBUS for whoever touches the page
                    errno = Libc.ErrnoNoMemory;
                    break;
            }

            throw new NativeException("prefault " + size + " bytes", errno);
        }

        /// <summary>
        /// Writes to every page without changing it: the other side may work there, and an atomic addition of nothing loses none of its stores.
        /// </summary>
        private void Touch()
        {
            for (long offset = 0; offset < size; offset += Environment.SystemPageSize)
            {
                // The whole last page is mapped, however little of it the object has.
                Interlocked.Add(ref *(long*)((byte*)address + offset), 0);
            }
        }
    }
}
