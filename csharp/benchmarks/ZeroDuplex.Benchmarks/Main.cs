using System;
using System.Globalization;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using ZeroDuplex.Programs;

namespace ZeroDuplex.Benchmarks
{
    internal static class BenchmarkProgram
    {
        private static int Main(string[] args)
        {
            if (args.Length == 4 && args[0] == AnsweringProcess.Command)
            {
                var wait = (WaitStrategy)Enum.Parse(typeof(WaitStrategy), args[3]);
                return Program.Run("server", () => AnsweringProcess.Serve(args[1], int.Parse(args[2], CultureInfo.InvariantCulture), wait));
            }

            // In this process, so that the server's process is started from the same program.
            IConfig config = DefaultConfig.Instance.AddJob(Job.Default.WithToolchain(InProcessEmitToolchain.Instance)).AddDiagnoser(MemoryDiagnoser.Default);
            BenchmarkSwitcher.FromAssembly(typeof(BenchmarkProgram).Assembly).Run(args, config);
            return 0;
        }
    }
}
