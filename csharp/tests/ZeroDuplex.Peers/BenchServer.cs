using ZeroDuplex.Programs;

namespace ZeroDuplex.Peers
{
    /// <summary>The serving side of a measurement.</summary>
    internal static class BenchServer
    {
        internal static void Run(string[] args)
        {
            var o = new BenchOptions(new Arguments(args, BenchOptions.Flags));
            BenchSystem.PinProcess(o.Cpu);
            using (var line = new BenchLine(o.LimitObject))
            {
                // Room for the frames in flight and one more.
                long payload = (o.InFlight + 1L) * (64 + ((o.Size + 63L) / 64 * 64));
                InPlaceDuplexServer server = DuplexChannelFactory.Default.CreateInPlaceDuplexServer(
                    o.Name, new BufferConfig(0, payload), new ServerOptions { Wait = o.Wait });
                Program.Serve(server, frame =>
                {
                    if (frame.Opcode == BenchLine.Opcode)
                    {
                        line.Return();
                    }
                    else
                    {
                        BenchWork.Invert(frame.Data, o.Touch);
                    }
                });
            }
        }
    }
}
