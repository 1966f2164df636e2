#if !NET8_0_OR_GREATER
using System;
using System.Threading;
using Mono.Unix;
using Mono.Unix.Native;

namespace ZeroDuplex.Programs
{
    /// <summary>Waits for SIGTERM or SIGINT. This one is for Mono, which has a class of its own for signals.</summary>
    public sealed class StopSignal : IDisposable
    {
        private readonly ManualResetEventSlim set = new ManualResetEventSlim();
        private readonly UnixSignal[] signals = { new UnixSignal(Signum.SIGTERM), new UnixSignal(Signum.SIGINT) };

        public StopSignal()
        {
            new Thread(Watch) { IsBackground = true, Name = "signals" }.Start();
        }

        public void Set()
        {
            set.Set();
        }

        public void Wait()
        {
            set.Wait();
        }

        /// <summary>The signals stay caught until the process ends.</summary>
        public void Dispose()
        {
        }

        private void Watch()
        {
            UnixSignal.WaitAny(signals);
            set.Set();
        }
    }
}
#endif
