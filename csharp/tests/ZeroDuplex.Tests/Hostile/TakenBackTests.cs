using System;
using System.Diagnostics;
using NUnit.Framework;
using ZeroDuplex.Ring;

namespace ZeroDuplex.Tests.Hostile
{
    /// <summary>A server that publishes the answer to the first request of an empty ring and takes it back, all the time.</summary>
    [TestFixture]
    public unsafe class TakenBackTests
    {
        /// <summary>
        /// The answer that was seen is the one that is received, or found corrupted. The test waits until the latter has happened often, which
        /// shows that answers vanished between two looks.
        /// </summary>
        [Test]
        public void ReceivingAnyResponseSurvivesAServerThatTakesItBack()
        {
            const int Enough = 8;
            TimeSpan farTooLong = TimeSpan.FromMinutes(2);
            string name = Channels.NewName();
            int received = 0;
            int vanished = 0;
            Stopwatch watch = Stopwatch.StartNew();
            using (var arena = new Arena((int)HostilePeer.Layout.Length))
            using (var flipper = new Flipper())
            {
                while (vanished < Enough)
                {
                    var view = new SharedMemoryView((IntPtr)arena.Give((int)HostilePeer.Layout.Length), (long)HostilePeer.Layout.Length);
                    Segment segment = SegmentBuilder.Create(name, new BufferConfig(HostilePeer.MetadataSize, view), view, (int)Wire.DefaultV2ObjectMode, null);
                    try
                    {
                        var state = new Word((byte*)segment.Memory.HeaderAt(0) + Wire.FrameHeaderV2StateOffset, true);
                        flipper.Start(state, (ulong)FrameState.Response, (ulong)FrameState.Processing);
                        received += Exchange(name, view, () => Assert.Less(watch.Elapsed, farTooLong, vanished + " answers vanished"));
                        vanished++;
                    }
                    finally
                    {
                        flipper.Stop();
                        segment.Semaphores.Remove(name);
                        segment.Dispose();
                    }
                }
            }

            Assert.Greater(received, 0);
        }

        /// <summary>Sends and receives until a response vanishes. How many were received.</summary>
        private static int Exchange(string name, SharedMemoryView view, Action check)
        {
            byte[] data = { 1, 2, 3 };
            var options = new ClientOptions { Memory = view, ConnectTimeout = TimeSpan.Zero, CallTimeout = TimeSpan.FromMilliseconds(10), Wait = WaitStrategy.Spin };
            using (IDuplexClient client = DuplexChannelFactory.Default.CreateClient(name, options))
            {
                int received = 0;
                bool waiting = false;
                for (;;)
                {
                    check();
                    if (!waiting)
                    {
                        client.Send(new Request(data)); // at the same place as all before
                        waiting = true;
                    }

                    try
                    {
                        using (Response response = client.ReceiveResponse())
                        {
                            CollectionAssert.AreEqual(data, response.Data.ToArray());
                        }

                        received++;
                        waiting = false;
                    }
                    catch (ZeroDuplexTimeoutException)
                    {
                    }
                    catch (CorruptedException)
                    {
                        return received;
                    }
                }
            }
        }
    }
}
