using System;
using System.Threading;
using ZeroDuplex;

namespace ZeroDuplex.Programs
{
    /// <summary>What every program here does alike. Exit codes: 0 all went well, 1 failed, 2 wrong flags.</summary>
    public static class Program
    {
        public static int Run(string name, Action body)
        {
            try
            {
                body();
                return 0;
            }
            catch (UsageException e)
            {
                Console.Error.WriteLine(name + ": " + e.Message);
                return 2;
            }
            catch (ZeroDuplexException e)
            {
                Console.Error.WriteLine(name + ": " + ErrorCatalogue.Name(e.Code) + ": " + e.Message);
                return 1;
            }
            catch (Exception e)
            {
                Console.Error.WriteLine(name + ": " + e.Message);
                return 1;
            }
        }

        /// <summary>Prints a line for the program that started this one, at once.</summary>
        public static void Say(string line)
        {
            Console.Out.Write(line + "\n");
            Console.Out.Flush();
        }

        /// <summary>Makes the server that --protocol asks for; everything else is the same.</summary>
        public static IDuplexServer CreateServer(Arguments flags, BufferConfig config, ServerOptions options)
        {
            string name = flags.Required("--name");
            if (flags.SpeaksV1())
            {
                return DuplexChannelFactory.Default.CreateImmutableServer(name, config, options);
            }

            return DuplexChannelFactory.Default.CreateInPlaceDuplexServer(name, config, options);
        }

        /// <summary>Serves until SIGTERM, SIGINT or the server's end, and stops in good order.</summary>
        public static void Serve(IDuplexServer server, FrameHandler handler)
        {
            using (server)
            using (var signal = new StopSignal())
            {
                server.Start(handler);
                Say("ready");
                server.Stopped.ContinueWith(_ => signal.Set());
                signal.Wait();
                server.Stop(TimeSpan.FromSeconds(5));
            }
        }
    }
}
