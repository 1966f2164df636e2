#if NET8_0_OR_GREATER
using System;
using System.Runtime.InteropServices;
using System.Threading;

namespace ZeroDuplex.Programs
{
    /// <summary>Waits for SIGTERM or SIGINT.</summary>
    public sealed class StopSignal : IDisposable
    {
        private readonly ManualResetEventSlim set = new ManualResetEventSlim();
        private readonly PosixSignalRegistration terminate;
        private readonly PosixSignalRegistration interrupt;

        public StopSignal()
        {
            terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Caught);
            interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Caught);
        }

        public void Set()
        {
            set.Set();
        }

        public void Wait()
        {
            set.Wait();
        }

        public void Dispose()
        {
            terminate.Dispose();
            interrupt.Dispose();
        }

        private void Caught(PosixSignalContext context)
        {
            context.Cancel = true; // the runtime must not end the process; the server stops first
            set.Set();
        }
    }
}
#endif
