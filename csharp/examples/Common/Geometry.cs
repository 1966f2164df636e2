using System;
using System.IO;
using System.Runtime.Serialization;
using System.Runtime.Serialization.Json;

namespace ZeroDuplex.Programs
{
    /// <summary>How the pixels of a frame lie. It travels as JSON in the channel's request metadata.</summary>
    [DataContract]
    public sealed class Geometry
    {
        public const int BytesPerPixel = 4;

        /// <summary>Four bytes per pixel: red, green, blue, alpha, not premultiplied.</summary>
        public const string Rgba8 = "rgba8";

        private const int Most = 1 << 30; // keeps every product far from overflow

        [DataMember(Name = "width", Order = 0)]
        public int Width { get; private set; }

        [DataMember(Name = "height", Order = 1)]
        public int Height { get; private set; }

        /// <summary>Bytes from one row to the next.</summary>
        [DataMember(Name = "stride", Order = 2)]
        public int Stride { get; private set; }

        [DataMember(Name = "format", Order = 3)]
        public string Format { get; private set; }

        /// <summary>Number of bytes of a picture.</summary>
        public long Size
        {
            get { return (long)Height * Stride; }
        }

        /// <summary>A picture without padding between its rows.</summary>
        public static Geometry Packed(int width, int height)
        {
            return new Geometry { Width = width, Height = height, Stride = width * BytesPerPixel, Format = Rgba8 };
        }

        /// <summary>Reads the JSON of a channel's metadata and checks it.</summary>
        public static Geometry Parse(byte[] metadata)
        {
            if (metadata == null || metadata.Length == 0)
            {
                throw new InvalidDataException("no picture geometry: the client must set its metadata to {\"width\",\"height\",\"stride\",\"format\"}");
            }

            Geometry g;
            try
            {
                g = (Geometry)new DataContractJsonSerializer(typeof(Geometry)).ReadObject(new MemoryStream(metadata));
            }
            catch (SerializationException e)
            {
                throw new InvalidDataException("reading the picture geometry: " + e.Message, e);
            }

            g.Check();
            return g;
        }

        public byte[] ToJson()
        {
            var stream = new MemoryStream();
            new DataContractJsonSerializer(typeof(Geometry)).WriteObject(stream, this);
            return stream.ToArray();
        }

        /// <summary>Refuses a frame of any other size than the geometry says.</summary>
        public void CheckFrame(int size)
        {
            if (size != Size)
            {
                throw new InvalidDataException("frame of " + size + " bytes is not a picture of " + Height + " rows of " + Stride + " bytes");
            }
        }

        private void Check()
        {
            if (Format != Rgba8)
            {
                throw new InvalidDataException("picture format \"" + Format + "\" is not \"" + Rgba8 + "\"");
            }

            if (Width < 1 || Height < 1 || Width > Most / BytesPerPixel || Height > Most)
            {
                throw new InvalidDataException("picture of " + Width + " x " + Height + " pixels is not possible");
            }

            if (Stride < Width * BytesPerPixel || Stride > Most)
            {
                throw new InvalidDataException("picture stride of " + Stride + " bytes does not fit rows of " + Width + " pixels");
            }
        }
    }
}
