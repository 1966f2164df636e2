using System;
using System.Threading;
using ZeroDuplex.Ring;
using ZeroDuplex.V1;

namespace ZeroDuplex
{
    /// <content>Room for frames, and waiting for it.</content>
    public sealed unsafe partial class Writer
    {
        /// <summary>Refuses what no buffer, or not this one, can hold.</summary>
        private void CheckSize(string operation, int size)
        {
            if (size < 0)
            {
                throw Fail(ErrorCode.InvalidArgument, operation, "size " + size + " is negative");
            }

            if (size == 0)
            {
                throw Fail(ErrorCode.InvalidFrameSize, operation, "0 bytes");
            }

            if ((ulong)size > Wire.MaxFrameData)
            {
                throw Fail(ErrorCode.FrameTooLarge, operation, size + " bytes; no frame holds more than " + Wire.MaxFrameData);
            }
        }

        /// <summary>Claims room for a frame: enters a call, takes the turn and reserves.</summary>
        private byte* Claim(ref Pause pause, string operation, int size)
        {
            CheckSize(operation, size);
            if (pause.IsCancelled)
            {
                throw Failures.Cancelled(operation, name, pause.Token);
            }

            ThrowIfFailed();
            life.Hold();
            bool turnTaken = false;
            bool done = false;
            try
            {
                if (!turn.TryTake() && !turn.Await(ref pause, life))
                {
                    ThrowIfFailed();
                    throw Expired(ref pause, operation);
                }

                turnTaken = true;
                byte* data = Reserve(ref pause, operation, (ulong)size);
                done = true;
                return data;
            }
            finally
            {
                if (!done)
                {
                    if (turnTaken)
                    {
                        turn.Release();
                    }

                    life.Release();
                }
            }
        }

        /// <summary>Waits for room; the turn is held. The free bytes are the only gate.</summary>
        private byte* Reserve(ref Pause pause, string operation, ulong size)
        {
            for (bool first = true; ; first = false)
            {
                CheckReader();
                byte* data;
                if (Place(operation, size, out data))
                {
                    return data;
                }

                if (first)
                {
                    pause.Begin(options);
                }

                if (pause.IsCancelled || pause.IsExpired)
                {
                    throw Expired(ref pause, operation);
                }

                AwaitSpace(ref pause);
            }
        }

        private bool Place(string operation, ulong size, out byte* data)
        {
            try
            {
                Placement found = ring.Place(size, out data);
                if (found > Placement.NoRoom)
                {
                    throw Misfit(found, operation, size);
                }

                return found == Placement.Placed;
            }
            catch (RingCorruptedException e)
            {
                failure = new Failure(ErrorCode.Corrupted, e.Message);
                WakeAll();
                throw Failures.Corrupted(operation, name, e);
            }
        }

        private ZeroDuplexException Misfit(Placement found, string operation, ulong size)
        {
            string frame = "header and data take " + (size + Wire.FrameHeaderV1Size) + " of " + buffer.Memory.Size + " bytes";
            switch (found)
            {
                case Placement.LeavesTail:
                    return Fail(
                        ErrorCode.FrameTooLarge,
                        operation,
                        frame + " and would leave a tail of less than " + Wire.FrameHeaderV1Size + ", which published readers misread");
                case Placement.Unplaceable:
                    return Fail(ErrorCode.FrameUnplaceable, operation, frame + ", the position is " + ring.Position);
                default:
                    return Fail(ErrorCode.FrameTooLarge, operation, frame);
            }
        }

        /// <summary>Waits a little for room. Only the holder of the turn is here.</summary>
        private void AwaitSpace(ref Pause pause)
        {
            bool spins = pause.IsSpinning;
            life.BeginWait();
            try
            {
                bool soon = whileFull != null && whileFull();
                if (spins)
                {
                    Pause.LetOthersRun();
                    Thread.SpinWait(Pause.SpinBatch);
                }
                else
                {
                    // Its atomic take is a full fence before the look that follows; pairs with the reader's release.
                    pause.Sleep(buffer.Semaphores.DataRead, soon ? TimeSpan.TicksPerMillisecond : Ticks.Slice);
                }
            }
            finally
            {
                life.EndWait();
            }
        }

        /// <summary>Says what a call ran out of time for.</summary>
        private Exception Expired(ref Pause pause, string operation)
        {
            if (pause.IsCancelled)
            {
                return Failures.Cancelled(operation, name, pause.Token);
            }

            return turn.HeldByBuffer
                ? Fail(ErrorCode.AcquisitionOpen, operation, "an acquired frame buffer is still out")
                : Fail(ErrorCode.BufferFull, operation, Volatile.Read(ref *buffer.Memory.FreeBytes) + " of " + buffer.Memory.Size + " bytes free");
        }
    }
}
