// The other process of a multi-process test. It says on stdout what it has done and waits on stdin for what it is to do:
//
//     server NAME WORKERS RESET-MS    serves; opcode 0 echoes, 1 says "taken N" and waits for the line "go", 2 never ends; ends with stdin
//     client NAME COUNT OPCODE        attaches, sends COUNT requests and says "sent"; "receive" receives one, "close" closes; ends with stdin
using System;
using System.Globalization;
using System.Threading;

namespace ZeroDuplex.TestHelper
{
    internal static class TestHelper
    {
        private static int Main(string[] args)
        {
            if (args[0] == "server")
            {
                Serve(args[1], int.Parse(args[2], CultureInfo.InvariantCulture), int.Parse(args[3], CultureInfo.InvariantCulture));
            }
            else
            {
                Send(args[1], int.Parse(args[2], CultureInfo.InvariantCulture), uint.Parse(args[3], CultureInfo.InvariantCulture));
            }

            return 0;
        }

        private static void Say(string line)
        {
            lock (Console.Out)
            {
                Console.Out.Write(line + "\n");
                Console.Out.Flush();
            }
        }

        private static void Serve(string name, int workers, int resetMilliseconds)
        {
            var go = new SemaphoreSlim(0);
            var options = new ServerOptions { Workers = workers, ResetTimeout = TimeSpan.FromMilliseconds(resetMilliseconds) };
            using (InPlaceDuplexServer server = DuplexChannelFactory.Default.CreateInPlaceDuplexServer(name, new BufferConfig(4096, 65536), options))
            {
                server.Start(frame =>
                {
                    if (frame.Opcode != 0)
                    {
                        Say("taken " + frame.Sequence);
                    }

                    if (frame.Opcode == 1)
                    {
                        go.Wait();
                    }
                    else if (frame.Opcode == 2)
                    {
                        Thread.Sleep(Timeout.Infinite);
                    }
                });
                Say("ready");
                while (Console.In.ReadLine() != null)
                {
                    go.Release();
                }
            }
        }

        private static void Send(string name, int count, uint opcode)
        {
            IDuplexClient client = DuplexChannelFactory.Default.CreateClient(name);
            for (int i = 0; i < count; i++)
            {
                client.Send(new Request(new byte[] { (byte)i, 2, 3 }) { Opcode = opcode });
            }

            Say("sent");
            string line;
            while ((line = Console.In.ReadLine()) != null)
            {
                if (line == "receive")
                {
                    client.ReceiveResponse().Release();
                }
                else
                {
                    client.Close();
                }

                Say("done");
            }
        }
    }
}
