using System;
using System.Diagnostics;
using System.Runtime.InteropServices;
using ZeroDuplex.Ring;

namespace ZeroDuplex.Tests.Hostile
{
    /// <summary>
    /// One end of an in-place channel that uses the ring as a right peer would and stores whatever it likes wherever it likes, the semaphores
    /// included, between the other end's calls and during them. Every call of that ends in time, with one of the library's exceptions or with
    /// bytes that lie in the payload; until the peer interferes they are the right ones.
    /// </summary>
    internal abstract unsafe class HostilePeer
    {
        internal static readonly SegmentV2 Layout = LayOut();

        internal const long MetadataSize = 64;
        private const ulong PayloadSize = 1024;

        /// <summary>For calls that wait a fraction of a millisecond.</summary>
        private static readonly TimeSpan FarTooLong = TimeSpan.FromSeconds(20);

        private readonly Arena arena;
        private volatile bool touched;

        private protected HostilePeer(string name, Arena arena, Flipper flipper, Tally tally, byte[] input)
        {
            this.arena = arena;
            Name = name;
            Flipper = flipper;
            Tally = tally;
            Decisions = new Decisions(input);
            View = new SharedMemoryView((IntPtr)arena.Give((int)Layout.Length), (long)Layout.Length);
        }

        /// <summary>How long the other end's calls wait.</summary>
        protected static TimeSpan Short { get; } = TimeSpan.FromTicks(TimeSpan.TicksPerMillisecond / 20);

        protected string Name { get; }

        protected Flipper Flipper { get; }

        protected Tally Tally { get; }

        protected Decisions Decisions { get; }

        protected SharedMemoryView View { get; }

        /// <summary>The peer's own sight of the segment.</summary>
        protected Segment Segment { get; set; }

        protected RawSemaphores Semaphores { get; set; }

        /// <summary>The peer has interfered: from now on corruption and wrong bytes are right answers.</summary>
        protected bool Touched
        {
            get { return touched; }
            set { touched = value; }
        }

        internal void Run()
        {
            Tally.Add("programs");
            try
            {
                Play();
            }
            finally
            {
                Flipper.Stop();
            }

            HostileProgram.Require(arena.IsIntact(), "something was written before the segment");
        }

        /// <summary>The whole program.</summary>
        protected abstract void Play();

        /// <summary>A call of the end that is looked at.</summary>
        protected void Call(Action call)
        {
            Stopwatch watch = Stopwatch.StartNew();
            try
            {
                call();
            }
            catch (ZeroDuplexException e)
            {
                Tally.Add(e.GetType().Name);
                HostileProgram.Require(Touched || !(e is CorruptedException), "corruption was found where nobody interfered: " + e);
            }

            HostileProgram.Require(watch.Elapsed < FarTooLong, "a call took far longer than its timeout");
        }

        protected WaitStrategy SomeWait()
        {
            return (WaitStrategy)Decisions.Below(3);
        }

        /// <summary>Data that was handed out lies in the payload, its capacity, too.</summary>
        protected void RequireInside(Span<byte> data, int capacity)
        {
            HostileProgram.Require(data.Length <= capacity, "more data than its capacity");
            fixed (byte* start = &MemoryMarshal.GetReference(data))
            {
                byte* payload = Segment.Memory.Payload;
                bool inside = start >= payload && (ulong)(start - payload) + (ulong)capacity <= Segment.Memory.Size;
                HostileProgram.Require(data.IsEmpty || inside, "data outside of the payload");
            }
        }

        protected static bool IsFilled(ReadOnlySpan<byte> data, ulong with)
        {
            foreach (byte b in data)
            {
                if (b != unchecked((byte)with))
                {
                    return false;
                }
            }

            return true;
        }

        protected void Interfere()
        {
            Interfere(Choose());
        }

        protected void Interfere(Word word)
        {
            ulong now = word.Load();
            ulong then = Decisions.Value(now, Segment.Memory.Size);
            Touched = true;
            Tally.Add("writes");
            if (Decisions.Byte() % 4 == 0)
            {
                Flipper.Start(word, now, then);
            }
            else
            {
                word.Store(then);
            }
        }

        private Word Choose()
        {
            RingMemory memory = Segment.Memory;
            switch (Decisions.Byte() % 8)
            {
                case 0:
                case 1:
                    return Word.Of(Decisions, memory.Request);
                case 2:
                    return Word.Of(Decisions, memory.Response);
                case 3:
                case 4:
                case 5:
                    return Word.Of(Decisions, memory.HeaderAt(Decisions.Below(memory.Size / Wire.BlockAlignment) * Wire.BlockAlignment));
                case 6:
                    return new Word((byte*)View.Address + (Decisions.Below(Layout.Length / sizeof(ulong)) * sizeof(ulong)), false);
                default:
                    return Semaphores.Choose(Decisions);
            }
        }

        private static SegmentV2 LayOut()
        {
            SegmentV2 layout;
            HostileProgram.Require(Wire.TryResolveSegmentV2((ulong)MetadataSize, (ulong)MetadataSize, PayloadSize, out layout), "no layout");
            return layout;
        }
    }
}
