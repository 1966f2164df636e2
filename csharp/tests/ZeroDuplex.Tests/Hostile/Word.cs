using System.Runtime.InteropServices;
using System.Threading;

namespace ZeroDuplex.Tests.Hostile
{
    /// <summary>A word of 4 or 8 bytes in shared memory, which may change at any moment.</summary>
    internal readonly unsafe struct Word
    {
        private static readonly string[] BlockFields =
        {
            "OiebSize", "MetadataSize", "MetadataFreeBytes", "MetadataWrittenBytes", "PayloadSize", "PayloadFreeBytes",
            "PayloadWrittenBytes", "PayloadWrittenCount", "PayloadReadCount", "WriterPid", "ReaderPid", "Identity",
        };

        private static readonly string[] HeaderFields =
        {
            "PayloadSize", "SequenceNumber", "Capacity", "State", "Status", "RequestSize", "Opcode", "Flags",
        };

        private static readonly string[] StreamFields =
        {
            "OiebSize", "MetadataSize", "MetadataFreeBytes", "MetadataWrittenBytes", "PayloadSize", "PayloadFreeBytes", "PayloadWritePos",
            "PayloadReadPos", "PayloadWrittenCount", "PayloadReadCount", "WriterPid", "ReaderPid", "Identity",
        };

        private readonly byte* at;
        private readonly bool narrow;

        internal Word(byte* at, bool narrow)
        {
            this.at = at;
            this.narrow = narrow;
        }

        /// <summary>One of the fields of a block.</summary>
        internal static Word Of(Decisions decisions, OiebV2* block)
        {
            string field = BlockFields[decisions.Below((ulong)BlockFields.Length)];
            return new Word((byte*)block + (long)Marshal.OffsetOf(typeof(OiebV2), field), field == "OiebSize");
        }

        /// <summary>One of the fields of a v1 buffer's block.</summary>
        internal static Word Of(Decisions decisions, OiebV1* block)
        {
            string field = StreamFields[decisions.Below((ulong)StreamFields.Length)];
            return new Word((byte*)block + (long)Marshal.OffsetOf(typeof(OiebV1), field), field == "OiebSize");
        }

        /// <summary>One of the fields of a frame's header.</summary>
        internal static Word Of(Decisions decisions, FrameHeaderV2* header)
        {
            string field = HeaderFields[decisions.Below((ulong)HeaderFields.Length)];
            bool narrow = field == "State" || field == "Status" || field == "Opcode" || field == "Flags";
            return new Word((byte*)header + (long)Marshal.OffsetOf(typeof(FrameHeaderV2), field), narrow);
        }

        internal ulong Load()
        {
            return narrow ? Volatile.Read(ref *(uint*)at) : Volatile.Read(ref *(ulong*)at);
        }

        internal void Store(ulong value)
        {
            if (narrow)
            {
                Volatile.Write(ref *(uint*)at, unchecked((uint)value));
            }
            else
            {
                Volatile.Write(ref *(ulong*)at, value);
            }
        }
    }
}
