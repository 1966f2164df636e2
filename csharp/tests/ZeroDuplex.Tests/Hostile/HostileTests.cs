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
        private const int Programs = 4000;

        [Test]
        public void ProgramsGiveTypedErrorsOrRightAnswers()
        {
            int count = Number("FUZZ_COUNT");
            int seconds = Number("FUZZ_TIME");
            int seed = Math.Max(1, Number("FUZZ_SEED"));
            if (count == 0 && seconds == 0)
            {
                count = Programs;
            }

            var tally = new Tally();
            var watch = Stopwatch.StartNew();
            int number = 0;
            long flips;
            using (var arena = new Arena(HostileRing.Head + HostileRing.LongestPayload))
            using (var flipper = new Flipper())
            {
                for (; (count == 0 || number < count) && (seconds == 0 || watch.Elapsed.TotalSeconds < seconds); number++)
                {
                    byte[] program = Decisions.Make(seed, number);
                    try
                    {
                        new HostileRing(arena, flipper, tally, program, number % 2 == 0).Run();
                    }
                    catch (Exception e)
                    {
                        throw new WrongException("program " + number + " of seed " + seed + ", " + BitConverter.ToString(program) + ": " + e);
                    }
                }

                flips = flipper.Flips;
            }

            Console.WriteLine(
                "csharp: {0} executions in {1:F1} s, seed {2}: {3}, flips {4}", number, watch.Elapsed.TotalSeconds, seed, tally, flips);
            Assert.Greater(number, 0);
            Assert.AreEqual(number, tally["programs"]);
            foreach (string what in new[] { "sent", "taken", "answered", "received", "cancelled", "abandoned", "corrupted", "writes" })
            {
                Assert.Greater(tally[what], number / 20, what);
            }

            Assert.Greater(flips, number / 20);
        }

        private static int Number(string variable)
        {
            string text = Environment.GetEnvironmentVariable(variable);
            return string.IsNullOrEmpty(text) ? 0 : int.Parse(text, CultureInfo.InvariantCulture);
        }
    }
}
