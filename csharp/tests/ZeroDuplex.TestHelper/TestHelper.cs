// The other process of a multi-process test. It says on stdout what it has done and waits on stdin for what it is to do:
//
//     server NAME WORKERS RESET-MS    serves; opcode 0 echoes, 1 says "taken N" and waits for the line "go", 2 never ends; ends with stdin
//     client NAME COUNT OPCODE        attaches, sends COUNT requests and says "sent"; "receive" receives one, "close" closes; ends with stdin
//
// and for v1, where a request's first byte stands for the opcode:
//
//     server1 NAME                    as server
//     client1 NAME COUNT BYTE         as client
//     reader NAME                     creates a buffer and says "ready"; "read" reads a frame and says its number; ends with stdin
//     writer NAME COUNT SIZE          attaches, writes COUNT frames and says "sent"; ends with stdin
//
//     memory NAME                     says what server and client report that asked for huge pages, and how many faults the first lap takes of
//                                     a client that asked for nothing
using System;
using System.Globalization;
using System.Threading;

namespace ZeroDuplex.TestHelper
{
    internal static class TestHelper
    {
        private static int Main(string[] args)
        {
            string name = args[1];
            switch (args[0])
            {
                case "server":
                    Serve(name, Number(args[2]), Number(args[3]));
                    break;
                case "server1":
                    ServeImmutable(name);
                    break;
                case "client":
                    Send(name, Number(args[2]), (byte)0, (uint)Number(args[3]));
                    break;
                case "client1":
                    Send(name, Number(args[2]), (byte)Number(args[3]), 0);
                    break;
                case "reader":
                    Read(name);
                    break;
                case "writer":
                    Write(name, Number(args[2]), Number(args[3]));
                    break;
                case "memory":
                    ReportMemory(name);
                    break;
                default:
                    return 2;
            }

            return 0;
        }

        private static int Number(string text)
        {
            return int.Parse(text, CultureInfo.InvariantCulture);
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
                server.Start(frame => Behave(go, frame.Opcode, frame.Sequence));
                LetGo(go);
            }
        }

        private static void ReportMemory(string name)
        {
            const int Payload = 8 << 20;
            var config = new BufferConfig(0, Payload);
            using (InPlaceDuplexServer server = DuplexChannelFactory.Default.CreateInPlaceDuplexServer(name, config, new ServerOptions { HugePages = true }))
            using (IDuplexClient client = DuplexChannelFactory.Default.CreateClient(name, new ClientOptions { HugePages = true, Prefault = true }))
            {
                foreach (MemoryReport report in new[] { server.MemoryReport, client.MemoryReport })
                {
                    Say(report.Prefaulted + " " + report.HugePageBytes.ToString(CultureInfo.InvariantCulture) + " " + report.Reason);
                }
            }

            using (InPlaceDuplexServer server = DuplexChannelFactory.Default.CreateInPlaceDuplexServer(name, config))
            {
                server.Start(frame => { });
                using (IDuplexClient client = DuplexChannelFactory.Default.CreateClient(name, new ClientOptions { Lap = LapMode.Needed }))
                {
                    Say(Tests.PageFaults.OfLap(client, Payload).ToString(CultureInfo.InvariantCulture));
                }
            }
        }

        private static void ServeImmutable(string name)
        {
            var go = new SemaphoreSlim(0);
            using (ImmutableDuplexServer server = DuplexChannelFactory.Default.CreateImmutableServer(name, new BufferConfig(4096, 65536)))
            {
                server.Start(frame => Behave(go, frame.Data[0], frame.Sequence));
                LetGo(go);
            }
        }

        /// <summary>Says that it is ready, and lets one handler go for each line until the input ends.</summary>
        private static void LetGo(SemaphoreSlim go)
        {
            Say("ready");
            while (Console.In.ReadLine() != null)
            {
                go.Release();
            }
        }

        private static void Behave(SemaphoreSlim go, uint behaviour, ulong sequence)
        {
            if (behaviour != 0)
            {
                Say("taken " + sequence);
            }

            if (behaviour == 1)
            {
                go.Wait();
            }
            else if (behaviour == 2)
            {
                Thread.Sleep(Timeout.Infinite);
            }
        }

        private static void Read(string name)
        {
            using (var reader = new Reader(name, new BufferConfig(256, 1024)))
            {
                Say("ready");
                while (Console.In.ReadLine() != null)
                {
                    using (ReceivedFrame frame = reader.ReadFrame())
                    {
                        Say("frame " + frame.Sequence);
                    }
                }
            }
        }

        private static void Write(string name, int count, int size)
        {
            var writer = new Writer(name);
            for (int i = 0; i < count; i++)
            {
                writer.WriteFrame(new byte[size]);
            }

            Say("sent");
            while (Console.In.ReadLine() != null)
            {
                Say("nothing to do");
            }
        }

        private static void Send(string name, int count, byte first, uint opcode)
        {
            IDuplexClient client = DuplexChannelFactory.Default.CreateClient(name, new ClientOptions { ResponseConfig = new BufferConfig(256, 65536) });
            for (int i = 0; i < count; i++)
            {
                client.Send(new Request(new byte[] { first, 2, 3 }) { Opcode = opcode });
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
