using System;
using System.Threading;

namespace ZeroDuplex.Tests.Hostile
{
    /// <summary>Ends the process, with a program's text, when the program does not end: a test that waits for ever tells nobody.</summary>
    internal sealed class Watchdog : IDisposable
    {
        private static readonly TimeSpan Longest = TimeSpan.FromSeconds(60);

        private readonly Timer timer;
        private volatile string running;

        internal Watchdog()
        {
            timer = new Timer(Bite);
        }

        public void Dispose()
        {
            timer.Dispose();
        }

        /// <summary>Another program begins, which is called so.</summary>
        internal void Watch(string program)
        {
            running = program;
            timer.Change(Longest, Timeout.InfiniteTimeSpan);
        }

        private void Bite(object state)
        {
            Console.Error.WriteLine(running + " does not end");
            Environment.FailFast(running + " does not end");
        }
    }
}
