// A program that knows nothing but the built assembly: both ends of a channel, and one request that is changed where it stands.
using System;
using System.Text;
using ZeroDuplex;

internal static class Consumer
{
    private static int Main()
    {
        string name = "consumer-" + Guid.NewGuid().ToString("N");
        using (InPlaceDuplexServer server = DuplexChannelFactory.Default.CreateInPlaceDuplexServer(name, new BufferConfig(4096, 1 << 20)))
        {
            server.Start(frame =>
            {
                Span<byte> text = frame.Data; // shared memory
                for (int i = 0; i < text.Length; i++)
                {
                    text[i] = (byte)char.ToUpperInvariant((char)text[i]);
                }
            });

            using (IDuplexClient client = DuplexChannelFactory.Default.CreateClient(name))
            using (Response response = client.Call(Encoding.ASCII.GetBytes("changed where it stands")))
            {
                string text = Encoding.ASCII.GetString(response.Data.ToArray());
                Console.WriteLine(text);
                return text == "CHANGED WHERE IT STANDS" ? 0 : 1;
            }
        }
    }
}
