using System;
using System.Collections.Generic;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace ZeroDuplex.Conformance
{
    /// <summary>What frames hold.</summary>
    internal static class Data
    {
        internal static void Fill(Span<byte> data, ulong seed)
        {
            for (int i = 0; i < data.Length; i++)
            {
                data[i] = (byte)(seed + (ulong)i);
            }
        }

        internal static byte[] Pattern(ulong size, ulong seed)
        {
            var data = new byte[size];
            Fill(data, seed);
            return data;
        }

        internal static void Invert(Span<byte> data)
        {
            for (int i = 0; i < data.Length; i++)
            {
                data[i] ^= 0xFF;
            }
        }

        /// <summary>Throws unless data is what the handler xor makes of a pattern.</summary>
        internal static void CheckInverted(ReadOnlySpan<byte> data, ulong size, ulong seed)
        {
            if ((ulong)data.Length != size)
            {
                throw new InvalidOperationException("the response has " + data.Length + " bytes instead of " + size);
            }

            for (int i = 0; i < data.Length; i++)
            {
                if (data[i] != (byte)~(seed + (ulong)i))
                {
                    throw new InvalidOperationException("byte " + i + " of the response is wrong");
                }
            }
        }

        internal static FrameReport Report(ReadOnlySpan<byte> data, ulong sequence, uint opcode)
        {
            var head = new StringBuilder();
            foreach (byte b in data.Slice(0, Math.Min(16, data.Length)))
            {
                head.Append(b.ToString("x2"));
            }

            return new FrameReport
            {
                Sequence = sequence, Size = (ulong)data.Length, Opcode = opcode, Crc32 = ZeroDuplex.Conformance.Crc32.Of(data), Head = head.ToString(),
            };
        }

        internal static ContentReport Content(byte[] data)
        {
            return new ContentReport { Written = data != null, Size = (ulong)(data ?? new byte[0]).Length, Crc32 = ZeroDuplex.Conformance.Crc32.Of(data) };
        }
    }

    /// <summary>Sizes and offsets as the runtime sees them.</summary>
    internal static class Measured
    {
        internal static List<StructLayout> Structs()
        {
            return new List<StructLayout>
            {
                Struct(typeof(OiebV2), "oieb_v2"), Struct(typeof(FrameHeaderV2), "frame_header_v2"), Struct(typeof(OiebV1), "oieb_v1"),
                Struct(typeof(FrameHeaderV1), "frame_header_v1"),
            };
        }

        private static StructLayout Struct(Type type, string name)
        {
            var fields = new List<FieldLayout>();
            foreach (FieldInfo field in type.GetFields())
            {
                var buffer = field.GetCustomAttribute<FixedBufferAttribute>();
                int width = buffer == null ? Marshal.SizeOf(field.FieldType) : Marshal.SizeOf(buffer.ElementType) * buffer.Length;
                fields.Add(new FieldLayout { Name = SnakeCase(field.Name), Offset = (ulong)Marshal.OffsetOf(type, field.Name), Width = (ulong)width });
            }

            // A word that covers several fields is another view of them, not a field.
            fields.RemoveAll(word => fields.Exists(f => f.Offset == word.Offset && f.Width < word.Width));
            fields.Sort((a, b) => a.Offset.CompareTo(b.Offset));
            return new StructLayout { Name = name, Size = (ulong)Marshal.SizeOf(type), Fields = fields };
        }

        private static string SnakeCase(string name)
        {
            var text = new StringBuilder();
            foreach (char c in name)
            {
                text.Append(char.IsUpper(c) && text.Length > 0 ? "_" : string.Empty).Append(char.ToLowerInvariant(c));
            }

            return text.ToString();
        }
    }
}
