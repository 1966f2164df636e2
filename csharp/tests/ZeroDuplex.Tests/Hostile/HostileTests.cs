using System;
using System.Diagnostics;
using System.Globalization;
using NUnit.Framework;

namespace ZeroDuplex.Tests.Hostile
{
    /// <summary>
    /// Programs that write to a segment while both ends use it. A moment of them by default; the environment's FUZZ_COUNT (programs),
    /// FUZZ_TIME (seconds) and FUZZ_SEED make it long.
    /// </summary>
    [TestFixture]
    public class HostileTests
    {
        private delegate void Play(Flipper flipper, Tally tally, byte[] program, int number);

        [Test]
        public void RingsGiveTypedErrorsOrRightAnswers()
        {
            using (var arena = new Arena(HostileRing.Head + HostileRing.LongestPayload))
            {
                int least;
                Tally tally = Run(
                    "ring", 4000, out least, (flipper, t, program, number) => new HostileRing(arena, flipper, t, program, number % 2 == 0).Run());
                tally.RequireMore(least, "sent", "taken", "answered", "received", "cancelled", "abandoned", "corrupted", "writes", "flips");
            }
        }

        [Test]
        public void StreamsGiveTypedErrorsOrRightFrames()
        {
            using (var arena = new Arena(Wire.OiebV1Size + HostileStream.LongestPayload))
            {
                int least;
                Tally tally = Run(
                    "stream", 4000, out least, (flipper, t, program, number) => new HostileStream(arena, flipper, t, program, number % 2 == 0).Run());
                tally.RequireMore(least, "written", "read", "released", "writers", "corrupted", "writes", "flips");
            }
        }

        [Test]
        public void ClientsAndServersSurviveAHostileOtherSide()
        {
            // Many, taken in turn: a server whose stop timed out may still have a thread that touches its memory.
            var arenas = new Arena[16];
            try
            {
                for (int i = 0; i < arenas.Length; i++)
                {
                    arenas[i] = new Arena((int)HostilePeer.Layout.Length);
                }

                string name = Channels.NewName();
                int least;
                Tally tally = Run(
                    "channel", 100, out least, (flipper, t, program, number) => Peer(name, arenas[number % arenas.Length], flipper, t, program, number).Run());
                tally.RequireMore(least, "attached", "received", "handled", "answered", "writes", "flips", "CorruptedException");
            }
            finally
            {
                foreach (Arena arena in arenas)
                {
                    arena.Dispose();
                }
            }
        }

        private static HostilePeer Peer(string name, Arena arena, Flipper flipper, Tally tally, byte[] program, int number)
        {
            // Which of them it is must not go by how calm the program is.
            return number / 8 % 2 == 0 ? (HostilePeer)new HostileServer(name, arena, flipper, tally, program) : new HostileClient(name, arena, flipper, tally, program);
        }

        /// <summary>Runs so many programs, or as many as the environment says. Whatever is worth while was done more often than least.</summary>
        private static Tally Run(string title, int programs, out int least, Play play)
        {
            int count = Number("FUZZ_COUNT");
            int seconds = Number("FUZZ_TIME");
            int seed = Math.Max(1, Number("FUZZ_SEED"));
            if (count == 0 && seconds == 0)
            {
                count = programs;
            }

            var tally = new Tally();
            var watch = Stopwatch.StartNew();
            int number = 0;
            using (var flipper = new Flipper())
            using (var watchdog = new Watchdog())
            {
                for (; (count == 0 || number < count) && (seconds == 0 || watch.Elapsed.TotalSeconds < seconds); number++)
                {
                    byte[] program = Decisions.Make(seed, number);
                    string text = "program " + number + " of seed " + seed + ", " + BitConverter.ToString(program);
                    watchdog.Watch(text);
                    try
                    {
                        play(flipper, tally, program, number);
                    }
                    catch (Exception e)
                    {
                        throw new WrongException(text + ": " + e);
                    }
                }

                tally.Add("flips", flipper.Flips);
            }

            Console.WriteLine("{0}: {1} executions in {2:F1} s, seed {3}: {4}", title, number, watch.Elapsed.TotalSeconds, seed, tally);
            Assert.Greater(number, 0);
            Assert.AreEqual(number, tally["programs"]);
            least = number / 20;
            return tally;
        }

        private static int Number(string variable)
        {
            string text = Environment.GetEnvironmentVariable(variable);
            return string.IsNullOrEmpty(text) ? 0 : int.Parse(text, CultureInfo.InvariantCulture);
        }
    }
}
