using System;
using System.Runtime.InteropServices;

namespace ZeroDuplex.Tests.Hostile
{
    /// <summary>
    /// Memory between two pages that nobody may touch: an access behind its end is a fault, and a write before what was given is found.
    /// </summary>
    internal sealed unsafe class Arena : IDisposable
    {
        private const byte Canary = 0xA5;
        private const int ProtectNone = 0;
        private const int ProtectReadWrite = 3;
        private const int MapPrivateAnonymous = 0x22;

        private readonly IntPtr mapping;
        private readonly int page;
        private readonly int size;
        private readonly byte* start;
        private int given;

        internal Arena(int least)
        {
            page = Environment.SystemPageSize;
            size = (least + page - 1) / page * page;
            mapping = mmap(IntPtr.Zero, Mapped, ProtectReadWrite, MapPrivateAnonymous, -1, IntPtr.Zero);
            if (mapping == new IntPtr(-1))
            {
                throw new OutOfMemoryException("no memory for an arena");
            }

            start = (byte*)mapping + page;
            Guard(mapping);
            Guard((IntPtr)(start + size));
        }

        private UIntPtr Mapped
        {
            get { return (UIntPtr)(uint)(size + (2 * page)); }
        }

        public void Dispose()
        {
            munmap(mapping, Mapped);
        }

        /// <summary>So many zeroed bytes that end where the guard begins. What was given before is void.</summary>
        internal byte* Give(int length)
        {
            given = length;
            new Span<byte>(start, size - length).Fill(Canary);
            new Span<byte>(start + size - length, length).Clear();
            return start + size - length;
        }

        /// <summary>Whether nothing was written before what was given.</summary>
        internal bool IsIntact()
        {
            foreach (byte b in new ReadOnlySpan<byte>(start, size - given))
            {
                if (b != Canary)
                {
                    return false;
                }
            }

            return true;
        }

        private void Guard(IntPtr at)
        {
            if (mprotect(at, (UIntPtr)(uint)page, ProtectNone) != 0)
            {
                throw new InvalidOperationException("no guard page for an arena");
            }
        }

        [DllImport("libc", SetLastError = true)]
        private static extern IntPtr mmap(IntPtr address, UIntPtr length, int protection, int flags, int descriptor, IntPtr offset);

        [DllImport("libc", SetLastError = true)]
        private static extern int munmap(IntPtr address, UIntPtr length);

        [DllImport("libc", SetLastError = true)]
        private static extern int mprotect(IntPtr address, UIntPtr length, int protection);
    }
}
