// filter-server changes the pictures of one client where they stand in shared memory.
//
//     filter-server --name N --filter invert|blur|echo|sleep|fail [--workers W] [--payload-size B] [--wait spin|hybrid|block]
//                   [--protocol v1|v2]
//
// It prints "ready" when a client can attach and stops in good order on SIGTERM or SIGINT.
using System;
using System.Threading;

namespace ZeroDuplex.Programs
{
    internal static class FilterServer
    {
        private delegate void Filter(Span<byte> pixels, Geometry geometry);

        private static int Main(string[] args)
        {
            return Program.Run("filter-server", () =>
            {
                var flags = new Arguments(args, new[] { "--name", "--filter", "--workers", "--payload-size", "--wait", "--protocol" });
                string filter = flags.Required("--filter");
                CheckFilter(filter);
                var config = new BufferConfig(4096, flags.Long("--payload-size", 16 << 20, 0));
                var options = new ServerOptions { Workers = flags.Int("--workers", 1, 1), Wait = flags.Wait() };
                IDuplexServer server = Program.CreateServer(flags, config, options);
                Program.Serve(server, HandlerOf(filter, server));
            });
        }

        private static void CheckFilter(string filter)
        {
            if (Array.IndexOf(new[] { "invert", "blur", "echo", "sleep", "fail" }, filter) < 0)
            {
                throw new UsageException("--filter " + filter + " is not one of invert, blur, echo, sleep, fail");
            }
        }

        private static FrameHandler HandlerOf(string filter, IDuplexServer server)
        {
            switch (filter)
            {
                case "invert": return Pictures(server, Filters.Invert);
                case "blur": return Pictures(server, Filters.Blur);
                case "sleep": return frame => Thread.Sleep(frame.Opcode == 0 ? 10 : (int)frame.Opcode);
                case "fail": return frame => frame.Fail(1, "asked to fail");
                default: return frame => { }; // echo
            }
        }

        /// <summary>frame.Data is shared memory: what the filter writes there is the response, whichever protocol carries it.</summary>
        private static FrameHandler Pictures(IDuplexServer server, Filter apply)
        {
            return frame =>
            {
                Geometry geometry = Geometry.Parse(server.ClientMetadata());
                geometry.CheckFrame(frame.Size);
                apply(frame.Data, geometry);
            };
        }
    }
}
