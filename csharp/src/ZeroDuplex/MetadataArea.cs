using System;
using System.Threading;

namespace ZeroDuplex
{
    /// <summary>A metadata block of either protocol: a length prefix and the content, announced by written_bytes in the block's OIEB.</summary>
    internal sealed unsafe class MetadataArea
    {
        private readonly ulong* free; // metadata_free_bytes
        private readonly ulong* written; // metadata_written_bytes
        private readonly byte* start;
        private readonly ulong size;

        internal MetadataArea(ulong* free, ulong* written, byte* start, ulong size)
        {
            this.free = free;
            this.written = written;
            this.start = start;
            this.size = size;
        }

        /// <summary>Whether anything has been written. Pairs with <see cref="Write"/>.</summary>
        internal bool IsWritten
        {
            get { return Volatile.Read(ref *written) != 0; }
        }

        /// <summary>Bytes of content that a block holds.</summary>
        internal static ulong RoomIn(ulong size)
        {
            return Math.Max(size, Wire.MetadataPrefixSize) - Wire.MetadataPrefixSize;
        }

        /// <summary>Refuses content that a block of a size does not hold.</summary>
        internal static void CheckFits(string channel, int length, ulong size)
        {
            if ((ulong)length + Wire.MetadataPrefixSize > size)
            {
                throw Failures.Make(ErrorCode.MetadataTooLarge, "set metadata", channel, length + " bytes, room for " + RoomIn(size));
            }
        }

        /// <summary>Stores the own side's metadata; written_bytes last. Pairs with <see cref="Read"/> on the other side.</summary>
        internal void Write(string channel, ReadOnlySpan<byte> content)
        {
            CheckFits(channel, content.Length, size);
            content.CopyTo(new Span<byte>(start + Wire.MetadataPrefixSize, content.Length));
            ((MetadataBlock*)start)->ContentLength = (ulong)content.Length;
            ulong total = (ulong)content.Length + Wire.MetadataPrefixSize;
            Volatile.Write(ref *free, size - total);
            Volatile.Write(ref *written, total);
        }

        /// <summary>
        /// Copies the other side's metadata, null when it has written none. Exact: the prefix must say what written_bytes says; in v1 it may
        /// say less. Pairs with <see cref="Write"/>.
        /// </summary>
        internal byte[] Read(string channel, bool exact)
        {
            ulong total = Volatile.Read(ref *written);
            if (total == 0)
            {
                return null;
            }

            if (total < Wire.MetadataPrefixSize || total > size)
            {
                throw Corrupted(channel, "metadata_written_bytes " + total + " in a block of " + size);
            }

            ulong length = ((MetadataBlock*)start)->ContentLength;
            ulong most = total - Wire.MetadataPrefixSize;
            if (length > most || (exact && length != most))
            {
                throw Corrupted(channel, "length prefix " + length + ", metadata_written_bytes " + total);
            }

            return new ReadOnlySpan<byte>(start + Wire.MetadataPrefixSize, (int)length).ToArray();
        }

        /// <summary>Forgets what was written.</summary>
        internal void Reset()
        {
            Volatile.Write(ref *written, 0);
            Volatile.Write(ref *free, size);
        }

        private static ZeroDuplexException Corrupted(string channel, string detail)
        {
            return Failures.Make(ErrorCode.Corrupted, "read metadata", channel, detail);
        }
    }
}
