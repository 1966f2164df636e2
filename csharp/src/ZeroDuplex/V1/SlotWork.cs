using System;
using ZeroDuplex.Ring;

namespace ZeroDuplex.V1
{
    /// <summary>What the worker of a v1 server has in its hands when its handler is one that changes requests in place: a copy, where the response goes.</summary>
    internal sealed unsafe class SlotWork : FrameWork
    {
        private readonly ResponseSlot slot;

        internal SlotWork(ResponseSlot slot)
        {
            this.slot = slot;
        }

        /// <summary>Copies the request into the slot and returns the handler's view of it.</summary>
        internal Frame Begin(FrameLoan request)
        {
            if (request.Size > slot.Capacity)
            {
                throw Failures.Make(
                    ErrorCode.ResponseTooLarge, ResponseSlot.Operation, null, "the request of " + request.Size + " bytes is no response of at most " + slot.Capacity);
            }

            slot.Resize(request.Size);
            new ReadOnlySpan<byte>(request.Data, request.Size).CopyTo(slot.Data);
            Frame = new ServedFrame
            {
                Sequence = request.Sequence, Size = (ulong)request.Size, Capacity = (ulong)slot.Capacity, Data = slot.Start,
            };
            return Begin();
        }

        /// <summary>Moves the response when it grows out of its place.</summary>
        internal override void Resize(int size)
        {
            if (size > slot.Size)
            {
                slot.Resize(size);
                Frame.Data = slot.Start;
            }

            base.Resize(size);
        }
    }
}
