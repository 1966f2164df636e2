using System;

namespace ZeroDuplex
{
    /// <summary>What Send and Call send.</summary>
    public ref struct Request
    {
        /// <summary>A request of these bytes, with no opcode, whose response is at most as large.</summary>
        /// <param name="data">The request's bytes, copied into the ring by the call.</param>
        public Request(ReadOnlySpan<byte> data)
        {
            Data = data;
            Opcode = 0;
            Capacity = 0;
            OneWay = false;
        }

        /// <summary>The request's bytes.</summary>
        public ReadOnlySpan<byte> Data { get; }

        /// <summary>The application's tag for the handler.</summary>
        public uint Opcode { get; set; }

        /// <summary>Number of bytes that the response may have, rounded up to 64; 0 for as many as the request.</summary>
        public int Capacity { get; set; }

        /// <summary>Wants no answer.</summary>
        public bool OneWay { get; set; }
    }
}
