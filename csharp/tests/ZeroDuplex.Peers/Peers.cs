// The stress and benchmark peers that every language has, as subcommands: stress-server, stress-client, bench-server, bench-client.
using System;
using ZeroDuplex.Programs;

namespace ZeroDuplex.Peers
{
    internal static class Peers
    {
        private static int Main(string[] args)
        {
            string name = args.Length > 0 ? args[0] : string.Empty;
            var rest = new string[Math.Max(0, args.Length - 1)];
            Array.Copy(args, Math.Min(1, args.Length), rest, 0, rest.Length);
            switch (name)
            {
                case "stress-server": return Program.Run(name, () => StressServer.Run(rest));
                case "stress-client": return Program.Run(name, () => StressClient.Run(rest));
                case "bench-server": return Program.Run(name, () => BenchServer.Run(rest));
                case "bench-client": return Program.Run(name, () => BenchClient.Run(rest));
                default:
                    Console.Error.WriteLine("usage: peers stress-server|stress-client|bench-server|bench-client flags");
                    return 2;
            }
        }
    }
}
