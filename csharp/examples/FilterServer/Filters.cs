using System;

namespace ZeroDuplex.Programs
{
    /// <summary>Changes pictures in place. Every language has the same filters and they give identical bytes.</summary>
    internal static class Filters
    {
        private const int Pixel = Geometry.BytesPerPixel;

        /// <summary>Turns the colours of a picture into their complements and keeps alpha.</summary>
        internal static void Invert(Span<byte> pixels, Geometry g)
        {
            for (int y = 0; y < g.Height; y++)
            {
                Span<byte> row = pixels.Slice(y * g.Stride, g.Width * Pixel);
                for (int i = 0; i < row.Length; i += Pixel)
                {
                    row[i] ^= 0xFF; // the same as 255 - x
                    row[i + 1] ^= 0xFF;
                    row[i + 2] ^= 0xFF;
                }
            }
        }

        /// <summary>
        /// Softens a picture in place with the binomial kernel 1-4-6-4-1, first along the rows, then down the columns, on all four channels.
        /// Edges are clamped, and each pass rounds to (sum+8)>>4. It needs scratch memory for four rows.
        /// </summary>
        internal static void Blur(Span<byte> pixels, Geometry g)
        {
            BlurRows(pixels, g);
            BlurColumns(pixels, g);
        }

        private static void BlurRows(Span<byte> pixels, Geometry g)
        {
            // The source row, with its first and last pixel repeated twice on either side: that is the clamping.
            const int Margin = 2 * Pixel;
            int width = g.Width * Pixel;
            var source = new byte[width + (2 * Margin)];
            for (int y = 0; y < g.Height; y++)
            {
                Span<byte> row = pixels.Slice(y * g.Stride, width);
                row.CopyTo(source.AsSpan(Margin));
                for (int i = 0; i < Margin; i++)
                {
                    source[i] = row[i % Pixel];
                    source[Margin + width + i] = row[width - Pixel + (i % Pixel)];
                }

                for (int i = 0; i < width; i++)
                {
                    row[i] = Binomial(source[i], source[i + Pixel], source[i + (2 * Pixel)], source[i + (3 * Pixel)], source[i + (4 * Pixel)]);
                }
            }
        }

        private static void BlurColumns(Span<byte> pixels, Geometry g)
        {
            // Rows below the current one still hold the source; of it and the two above only these copies do.
            int width = g.Width * Pixel;
            byte[] above1 = pixels.Slice(0, width).ToArray();
            var above2 = (byte[])above1.Clone();
            var current = new byte[width];
            for (int y = 0; y < g.Height; y++)
            {
                Span<byte> row = pixels.Slice(y * g.Stride, width);
                row.CopyTo(current);
                Span<byte> below1 = y + 1 < g.Height ? pixels.Slice((y + 1) * g.Stride, width) : current;
                Span<byte> below2 = y + 1 < g.Height ? pixels.Slice(Math.Min(y + 2, g.Height - 1) * g.Stride, width) : current;
                for (int i = 0; i < width; i++)
                {
                    row[i] = Binomial(above2[i], above1[i], current[i], below1[i], below2[i]);
                }

                byte[] free = above2;
                above2 = above1;
                above1 = current;
                current = free;
            }
        }

        /// <summary>Weighs five bytes in a row or column, the middle one heaviest.</summary>
        private static byte Binomial(byte a, byte b, byte c, byte d, byte e)
        {
            return (byte)((a + (4 * b) + (6 * c) + (4 * d) + e + 8) >> 4);
        }
    }
}
