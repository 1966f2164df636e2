using System;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using ZeroDuplex.Programs;

namespace ZeroDuplex.Benchmarks
{
    /// <summary>A server in a process of its own, which inverts the first byte of every request. It ends with its standard input.</summary>
    internal sealed class AnsweringProcess : IDisposable
    {
        internal const string Command = "serve";

        private readonly Process process;

        private AnsweringProcess(string channel, Process process)
        {
            Channel = channel;
            this.process = process;
        }

        internal string Channel { get; }

        internal static AnsweringProcess Start(int size, WaitStrategy wait)
        {
            string channel = "zdcs-benchmark-" + Process.GetCurrentProcess().Id.ToString(CultureInfo.InvariantCulture);
            string host = Process.GetCurrentProcess().MainModule.FileName;
            string self = typeof(AnsweringProcess).Assembly.Location;
            // The program itself, or a runtime that was given the assembly.
            string assembly = Path.GetFileNameWithoutExtension(host) == Path.GetFileNameWithoutExtension(self) ? string.Empty : "\"" + self + "\" ";
            var process = Process.Start(new ProcessStartInfo(host, assembly + Command + " " + channel + " " + size.ToString(CultureInfo.InvariantCulture) + " " + wait)
            {
                UseShellExecute = false,
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
            });
            string first = process.StandardOutput.ReadLine();
            if (first != "ready")
            {
                process.WaitForExit();
                throw new InvalidDataException("the server said \"" + first + "\" and ended with " + process.ExitCode);
            }

            return new AnsweringProcess(channel, process);
        }

        /// <summary>The other process's program.</summary>
        internal static void Serve(string channel, int size, WaitStrategy wait)
        {
            var room = new BufferConfig(0, 3L * (size + 128));
            using (IDuplexServer server = DuplexChannelFactory.Default.CreateInPlaceDuplexServer(channel, room, new ServerOptions { Wait = wait }))
            {
                server.Start(frame => frame.Data[0] ^= 0xFF);
                Program.Say("ready");
                Console.In.ReadToEnd();
                server.Stop(TimeSpan.FromSeconds(5));
            }
        }

        public void Dispose()
        {
            process.StandardInput.Close();
            process.WaitForExit();
            process.Dispose();
        }
    }
}
