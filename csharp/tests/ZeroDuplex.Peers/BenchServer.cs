using System.Collections.Generic;
using ZeroDuplex.Programs;

namespace ZeroDuplex.Peers
{
    /// <summary>The serving side of a measurement.</summary>
    internal static class BenchServer
    {
        internal static void Run(string[] args)
        {
            var known = new List<string>(BenchOptions.Flags) { "--protocol" };
            var flags = new Arguments(args, known.ToArray());
            var o = new BenchOptions(flags);
            BenchSystem.PinProcess(o.Cpu);
            using (var line = new BenchLine(o.LimitObject))
            using (var semaphores = new BenchSemaphores(o.LimitObject))
            {
                IDuplexServer server = Program.CreateServer(flags, o.Room, new ServerOptions { Wait = o.Wait });
                Program.Serve(server, frame =>
                {
                    switch (line.Asked)
                    {
                        case BenchLine.AskLine: line.Return(); break;
                        case BenchLine.AskSemaphores: semaphores.Return(line.RoundsAskedFor); break;
                        case BenchLine.AskNote: line.Note = BenchNote.OfSelf(); break;
                        case BenchLine.AskMemory: line.Memory = BenchNote.SharedMemory(o.Name); break;
                        default: BenchWork.Invert(frame.Data, o.Touch); break;
                    }
                });
            }
        }
    }
}
