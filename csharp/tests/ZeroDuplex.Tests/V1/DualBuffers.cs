using System;
using System.Collections.Generic;
using System.Threading;

namespace ZeroDuplex.Tests
{
    /// <summary>What tests of v1 duplex channels need.</summary>
    internal static class DualBuffers
    {
        internal static readonly BufferConfig Small = new BufferConfig(256, 4096);

        internal static ImmutableDuplexServer Create(string name, ServerOptions options = null, BufferConfig config = null)
        {
            return Channels.Factory.CreateImmutableServer(name, config ?? Small, options);
        }

        internal static ImmutableDuplexServer Serve(string name, FrameHandler handler, ServerOptions options = null)
        {
            ImmutableDuplexServer server = Create(name, options);
            server.Start(handler);
            return server;
        }

        internal static ImmutableDuplexServer ServeImmutable(string name, ImmutableHandler handler, ServerOptions options = null)
        {
            ImmutableDuplexServer server = Create(name, options);
            server.StartImmutable(handler);
            return server;
        }

        internal static DualBufferDuplexChannel Connect(string name, ClientOptions options = null)
        {
            ClientOptions used = options ?? new ClientOptions();
            used.ResponseConfig = used.ResponseConfig ?? Small;
            return (DualBufferDuplexChannel)Channels.Factory.CreateClient(name, used);
        }

        internal static void Invert(Frame frame)
        {
            Span<byte> data = frame.Data;
            for (int i = 0; i < data.Length; i++)
            {
                data[i] ^= 0xFF;
            }
        }

        internal static byte[] Inverted(byte[] data)
        {
            return Array.ConvertAll(data, b => (byte)(b ^ 0xFF));
        }

        /// <summary>The contents of a response, which is released.</summary>
        internal static byte[] Take(Response response)
        {
            using (response)
            {
                return response.Data.ToArray();
            }
        }

        internal static string Text(Response response)
        {
            return System.Text.Encoding.UTF8.GetString(Take(response));
        }
    }

    /// <summary>Remembers what a server tells its listener.</summary>
    internal sealed class Listener
    {
        private readonly List<Exception> told = new List<Exception>();
        private readonly SemaphoreSlim any = new SemaphoreSlim(0);

        internal ServerOptions Options
        {
            get { return new ServerOptions { OnError = Hear }; }
        }

        internal int Count
        {
            get
            {
                lock (told)
                {
                    return told.Count;
                }
            }
        }

        internal void Hear(Exception error)
        {
            lock (told)
            {
                told.Add(error);
            }

            any.Release();
        }

        /// <summary>Waits for the next error that was not asked for yet.</summary>
        internal Exception Next()
        {
            if (!any.Wait(Channels.Patience))
            {
                throw new TimeoutException("the listener was told nothing");
            }

            lock (told)
            {
                Exception first = told[0];
                told.RemoveAt(0);
                return first;
            }
        }
    }
}
