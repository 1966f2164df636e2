using System;
using System.Diagnostics;
using System.IO;
using System.Runtime.InteropServices;
using NUnit.Framework;

namespace ZeroDuplex.Tests
{
    /// <summary>Another process, started by the runtime that runs the tests. Disposing of it kills it.</summary>
    internal sealed class Helper : IDisposable
    {
        private readonly Process process;

        internal Helper(string program, string arguments)
            : this(program, arguments, null)
        {
        }

        /// <summary>Around is a shell command that runs "$@", where the helper is to run in surroundings of its own; null for none.</summary>
        private Helper(string program, string arguments, string around)
        {
            bool mono = Type.GetType("Mono.Runtime") != null;
            string path = Path.Combine(AppDomain.CurrentDomain.BaseDirectory, program + (mono ? ".exe" : ".dll"));
            string runtime = mono ? "mono" : "dotnet";
            string command = "\"" + path + "\" " + arguments;
            if (around != null)
            {
                command = "-m --propagation private sh -c \"" + around + "\" sh " + runtime + " " + command;
                runtime = "unshare";
            }

            process = Process.Start(new ProcessStartInfo(runtime, command)
            {
                UseShellExecute = false,
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
            });
        }

        internal static Helper Server(string name, int workers = 1, int resetMilliseconds = 2000)
        {
            return Start("server " + name + " " + workers + " " + resetMilliseconds, "ready");
        }

        internal static Helper Client(string name, int count, uint opcode)
        {
            return Start("client " + name + " " + count + " " + opcode, "sent");
        }

        /// <summary>With a /dev/shm of its own, mounted with options.</summary>
        internal static Helper Memory(string name, string options)
        {
            return new Helper("ZeroDuplex.TestHelper", "memory " + name, "mount -t tmpfs -o " + options + " tmpfs /dev/shm && exec \\\"$@\\\"");
        }

        internal static Helper ImmutableServer(string name)
        {
            return Start("server1 " + name, "ready");
        }

        /// <summary>A client that sends requests whose first byte says what the server does.</summary>
        internal static Helper DualBufferClient(string name, int count, byte first)
        {
            return Start("client1 " + name + " " + count + " " + first, "sent");
        }

        internal static Helper Reader(string name)
        {
            return Start("reader " + name, "ready");
        }

        internal static Helper Writer(string name, int count, int size)
        {
            return Start("writer " + name + " " + count + " " + size, "sent");
        }

        /// <summary>
        /// Processor time of the process in that of a few waits, all in vain, in which it used least; no further ones once it is less than
        /// enough. Polling shows in each; what others' load adds is over in the next.
        /// </summary>
        internal TimeSpan LeastUsed(TimeSpan enough, TestDelegate wait)
        {
            TimeSpan least = TimeSpan.MaxValue;
            for (int i = 0; i < 3 && least >= enough; i++)
            {
                TimeSpan before = ProcessorTime;
                Assert.Throws<ZeroDuplexTimeoutException>(wait);
                TimeSpan used = ProcessorTime - before;
                least = used < least ? used : least;
            }

            return least;
        }

        internal string ReadLine()
        {
            return process.StandardOutput.ReadLine();
        }

        internal void Expect(string line)
        {
            string got = ReadLine();
            if (got != line)
            {
                throw new InvalidDataException("helper said \"" + got + "\" where \"" + line + "\" was expected");
            }
        }

        internal void Tell(string line)
        {
            process.StandardInput.Write(line + "\n");
            process.StandardInput.Flush();
        }

        internal void Kill()
        {
            process.Kill();
            process.WaitForExit();
        }

        internal void Pause()
        {
            Signal(19); // SIGSTOP
            Channels.Until(() => State() == 'T', "the helper stops");
        }

        internal void Continue()
        {
            Signal(18); // SIGCONT
        }

        /// <summary>SIGTERM; returns the exit code.</summary>
        internal int Terminate()
        {
            Signal(15);
            return WaitForExit();
        }

        /// <summary>Ends its stdin; returns the exit code.</summary>
        internal int End()
        {
            process.StandardInput.Close();
            return WaitForExit();
        }

        internal int WaitForExit()
        {
            if (!process.WaitForExit((int)Channels.Patience.TotalMilliseconds * 3))
            {
                throw new TimeoutException("the helper did not end");
            }

            return process.ExitCode;
        }

        public void Dispose()
        {
            if (!process.HasExited)
            {
                Kill();
            }

            process.Dispose();
        }

        private TimeSpan ProcessorTime
        {
            get
            {
                process.Refresh();
                return process.TotalProcessorTime;
            }
        }

        private static Helper Start(string arguments, string says)
        {
            var helper = new Helper("ZeroDuplex.TestHelper", arguments);
            helper.Expect(says);
            return helper;
        }

        private char State()
        {
            string stat = File.ReadAllText("/proc/" + process.Id + "/stat");
            return stat[stat.LastIndexOf(')') + 2];
        }

        private void Signal(int number)
        {
            if (Kill(process.Id, number) != 0)
            {
                throw new InvalidOperationException("signal " + number + " failed");
            }
        }

        [DllImport("libc", EntryPoint = "kill")]
        private static extern int Kill(int pid, int signal);
    }
}
