namespace ZeroDuplex
{
    /// <summary>
    /// A client of either protocol, as the request buffers see it that it gave out. One buffer is out at a time; the generation tells it from
    /// those that are over, which fail with <see cref="FrameReleasedException"/>.
    /// </summary>
    internal interface IRequestBufferOwner
    {
        void CheckBuffer(long generation);

        void SetBufferOpcode(long generation, uint opcode);

        void SetBufferOneWay(long generation);

        /// <summary>Publishes the request and returns its sequence number.</summary>
        ulong CommitBuffer(long generation, int size);

        /// <summary>Gives the space back. It does nothing when the buffer is over.</summary>
        void AbortBuffer(long generation);
    }
}
