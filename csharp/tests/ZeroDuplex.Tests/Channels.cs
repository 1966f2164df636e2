using System;
using System.Diagnostics;
using System.IO;
using System.Runtime.InteropServices;
using System.Threading;
using NUnit.Framework;

namespace ZeroDuplex.Tests
{
    /// <summary>What many tests need: names of their own, servers, clients, and patience with a limit.</summary>
    internal static class Channels
    {
        /// <summary>Longer than anything here may take; only a failing test waits so long.</summary>
        internal static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

        /// <summary>What every name of this process begins with; other processes have files in shared memory too.</summary>
        internal static readonly string Prefix = "zdcs-" + Process.GetCurrentProcess().Id + "-";

        private static int last;

        internal static DuplexChannelFactory Factory
        {
            get { return DuplexChannelFactory.Default; }
        }

        internal static string NewName()
        {
            return Prefix + Interlocked.Increment(ref last);
        }

        internal static InPlaceDuplexServer Serve(string name, FrameHandler handler, long payload = 65536, ServerOptions options = null)
        {
            InPlaceDuplexServer server = Factory.CreateInPlaceDuplexServer(name, new BufferConfig(256, payload), options);
            server.Start(handler);
            return server;
        }

        internal static InPlaceDuplexChannel Connect(string name, ClientOptions options = null)
        {
            return (InPlaceDuplexChannel)Factory.CreateClient(name, options);
        }

        internal static void Echo(Frame frame)
        {
        }

        internal static byte[] Bytes(int size, int seed = 1)
        {
            var bytes = new byte[size];
            for (int i = 0; i < size; i++)
            {
                bytes[i] = (byte)(seed + i);
            }

            return bytes;
        }

        /// <summary>Makes a file another user's, which only root can; the test is ignored without.</summary>
        internal static void GiveAway(string path)
        {
            if (Native.Libc.EffectiveUser() != 0)
            {
                Assert.Ignore("only root can give a file to another user");
            }

            Assert.That(ChangeOwner(path, 65534, 65534), Is.EqualTo(0));
        }

        /// <summary>Files of the channel in shared memory.</summary>
        internal static string[] Files(string name)
        {
            return Directory.GetFiles("/dev/shm", "*" + name + "*");
        }

        /// <summary>Waits until something holds, looking again and again: for states that nothing announces.</summary>
        internal static void Until(Func<bool> holds, string what)
        {
            Until(holds, () => what);
        }

        internal static void Until(Func<bool> holds, Func<string> what)
        {
            Stopwatch watch = Stopwatch.StartNew();
            while (!holds())
            {
                if (watch.Elapsed > Patience)
                {
                    throw new TimeoutException("waited in vain until " + what());
                }

                Thread.Sleep(1);
            }
        }

        internal static void Await(WaitHandle handle, string what)
        {
            if (!handle.WaitOne(Patience))
            {
                throw new TimeoutException("waited in vain until " + what);
            }
        }

        internal static Thread Run(Action body)
        {
            var thread = new Thread(() => body()) { IsBackground = true };
            thread.Start();
            return thread;
        }

        internal static void Join(Thread thread)
        {
            if (!thread.Join(Patience))
            {
                throw new TimeoutException("a thread did not end");
            }
        }

        [DllImport("libc", EntryPoint = "chown")]
        private static extern int ChangeOwner([MarshalAs(UnmanagedType.LPStr)] string path, uint user, uint group);
    }
}
