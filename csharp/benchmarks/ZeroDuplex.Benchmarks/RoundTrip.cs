using System;
using System.IO;
using BenchmarkDotNet.Attributes;

namespace ZeroDuplex.Benchmarks
{
    /// <summary>
    /// A request that is filled in place, and its answer from another process, not pinned to any CPU. The raw limits of the machine beside it,
    /// other languages and percentiles are what `zeroduplex bench` measures.
    /// </summary>
    public class RoundTrip
    {
        private AnsweringProcess server;
        private IDuplexClient client;
        private byte[] pattern;

        [Params(WaitStrategy.Spin, WaitStrategy.Hybrid, WaitStrategy.Block)]
        public WaitStrategy Wait { get; set; }

        [Params(64, 65536, 3110416)]
        public int Size { get; set; }

        [GlobalSetup]
        public void Connect()
        {
            pattern = new byte[Size];
            server = AnsweringProcess.Start(Size, Wait);
            client = DuplexChannelFactory.Default.CreateClient(server.Channel, new ClientOptions { Wait = Wait });
        }

        [GlobalCleanup]
        public void Disconnect()
        {
            client.Dispose();
            server.Dispose();
        }

        [Benchmark]
        public void FillAndAnswer()
        {
            pattern[0]++;
            RequestBuffer request = client.AcquireRequestBuffer(Size);
            pattern.CopyTo(request.Data);
            using (Response response = client.ReceiveResponse(request.Commit()))
            {
                if (response.Data[0] != (byte)~pattern[0])
                {
                    throw new InvalidDataException("answered with " + response.Data[0]);
                }
            }
        }
    }
}
