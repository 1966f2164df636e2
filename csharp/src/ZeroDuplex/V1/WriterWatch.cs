using System.Threading;
using ZeroDuplex.Native;

namespace ZeroDuplex.V1
{
    /// <summary>What a reader knows of the writer that nobody tells it about. Belongs to the reader's lock.</summary>
    internal sealed unsafe class WriterWatch
    {
        private readonly OiebV1* oieb;
        private ulong last; // the writer seen last
        private ulong dead; // the writer found dead
        private long due; // when the kernel is asked next
        private bool seen;

        internal WriterWatch(OiebV1* oieb)
        {
            this.oieb = oieb;
        }

        /// <summary>Whether a writer is attached and lives, now.</summary>
        internal bool IsAlive
        {
            get { return Platform.ProcessExists(Pid); }
        }

        private ulong Pid
        {
            // Pairs with the writer's stores when it attaches and when it leaves.
            get { return Volatile.Read(ref oieb->WriterPid); }
        }

        /// <summary>A frame was read: there was a writer, however briefly.</summary>
        internal void NoteFrame()
        {
            seen = true;
        }

        /// <summary>
        /// Looks at the writer: whether there was one that is gone, and whether one that was there before may have died since the last look.
        /// The kernel is asked once a slice.
        /// </summary>
        internal void Look(out bool gone, out bool left)
        {
            ulong pid = Pid;
            if (pid == Wire.PidNone)
            {
                gone = left = seen;
                return;
            }

            left = last != Wire.PidNone && pid != last;
            last = pid;
            seen = true;
            long now = Ticks.Now;
            if (now >= due)
            {
                due = now + Ticks.Slice;
                dead = Platform.ProcessExists(pid) ? Wire.PidNone : pid;
            }

            gone = pid == dead;
            left = left || gone;
        }
    }
}
