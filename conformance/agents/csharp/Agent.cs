// agent does with the C# SDK what the conformance runner asks: see conformance/docs/writing-an-agent.md.
using System;
using System.Collections.Generic;
using System.IO;
using System.Text;
using System.Threading;

namespace ZeroDuplex.Conformance
{
    /// <summary>Runs one operation with its arguments and returns its result.</summary>
    internal delegate IMessage Operation(Dictionary<string, object> args);

    /// <summary>A server or a client.</summary>
    internal interface IRole
    {
        Dictionary<string, Operation> Operations { get; }

        /// <summary>Ends everything without waiting.</summary>
        void Reset();
    }

    internal static class Agent
    {
        private const int LongestMessage = 16 << 20;

        private static readonly Stream Input = Console.OpenStandardInput();
        private static readonly Stream Output = Console.OpenStandardOutput();

        private static int Main(string[] args)
        {
            if (args.Length != 1 || (args[0] != Protocol.RoleServer && args[0] != Protocol.RoleClient))
            {
                Console.Error.WriteLine("usage: agent server|client");
                return 2;
            }

            IRole role = args[0] == Protocol.RoleServer ? (IRole)new ServerRole() : new ClientRole();
            Dictionary<string, Operation> operations = role.Operations;
            operations.Add("dump", Of(DumpArgs.Decode, a => new DumpReport { Data = Convert.ToBase64String(ReadShared(a.Name)) }));
            operations.Add("reset", Of(ResetArgs.Decode, a => Done(role.Reset)));
            Write(new Hello
            {
                Type = "hello", ProtocolVersion = Protocol.Version, Agent = "csharp", Language = "csharp", Role = args[0],
                SdkVersion = typeof(IDuplexClient).Assembly.GetName().Version.ToString(3), Structs = Measured.Structs(), Capabilities = new List<string>(),
            });
            try
            {
                Dictionary<string, object> message;
                while ((message = Read()) != null)
                {
                    AgentRequest request = AgentRequest.Decode(message);
                    if (request.Background)
                    {
                        RunBeside(() => Write(Answer(operations, request)));
                    }
                    else
                    {
                        Write(Answer(operations, request));
                    }
                }
            }
            catch (BadMessageException e)
            {
                Console.Error.WriteLine("agent: " + e.Message);
                return 2;
            }

            role.Reset();
            return 0;
        }

        /// <summary>Makes an operation from a function of decoded arguments.</summary>
        internal static Operation Of<T>(Func<Dictionary<string, object>, T> decode, Func<T, IMessage> run)
        {
            return args => run(decode(args));
        }

        internal static IMessage Done(Action action)
        {
            action();
            return new EmptyReport();
        }

        internal static TimeSpan Milliseconds(ulong n)
        {
            return TimeSpan.FromMilliseconds(n);
        }

        /// <summary>Without a timeout the SDK's default counts.</summary>
        internal static TimeSpan? Milliseconds(ulong? n)
        {
            return n.HasValue ? Milliseconds(n.Value) : (TimeSpan?)null;
        }

        /// <summary>Sizes that no int holds are as much too large as the largest one.</summary>
        internal static int Size(ulong? size)
        {
            return (int)Math.Min(size ?? 0, int.MaxValue);
        }

        /// <summary>Sizes that no long holds are as much too large as the largest one.</summary>
        internal static BufferConfig Config(ulong? metadata, ulong? payload, BufferConfig otherwise)
        {
            return new BufferConfig(
                (long)Math.Min(metadata ?? (ulong)otherwise.MetadataSize, long.MaxValue), (long)Math.Min(payload ?? (ulong)otherwise.PayloadSize, long.MaxValue));
        }

        /// <summary>What is kept under a name.</summary>
        internal static T Find<T>(Dictionary<string, T> things, string name)
        {
            T thing;
            if (!things.TryGetValue(name, out thing))
            {
                throw new ArgumentException("nothing is kept under " + name);
            }

            return thing;
        }

        internal static WaitStrategy Wait(string name)
        {
            switch (name)
            {
                case "spin": return WaitStrategy.Spin;
                case "hybrid": return WaitStrategy.Hybrid;
                case "block": return WaitStrategy.Block;
                default: throw new ArgumentException("unknown wait " + name);
            }
        }

        /// <summary>Returns when the thread runs: the operation begins before the next one is read.</summary>
        private static void RunBeside(Action operation)
        {
            using (var running = new ManualResetEvent(false))
            {
                new Thread(() =>
                {
                    running.Set();
                    operation();
                }) { IsBackground = true }.Start();
                running.WaitOne();
            }
        }

        private static AgentResponse Answer(Dictionary<string, Operation> operations, AgentRequest request)
        {
            var response = new AgentResponse { Type = "response", Id = request.Id, Outcome = Protocol.OutcomeUnsupported };
            Operation run;
            if (!operations.TryGetValue(request.Op, out run))
            {
                return response;
            }

            Console.Error.WriteLine(request.Case + ": " + request.Id + " " + request.Op + " " + Json.Write(request.Args));
            try
            {
                response.Result = run(request.Args).Encode();
                response.Outcome = Protocol.OutcomeOk;
            }
            catch (Exception e)
            {
                Console.Error.WriteLine(request.Case + ": " + request.Id + " failed: " + e);
                response.Outcome = Protocol.OutcomeError;
                response.Error = FailureOf(e);
            }

            return response;
        }

        private static Failure FailureOf(Exception e)
        {
            var failure = new Failure { Name = "unexpected", Message = e.Message };
            var sdk = e as ZeroDuplexException;
            if (sdk != null)
            {
                failure.Name = ErrorCatalogue.Name(sdk.Code);
                failure.Code = (ulong)sdk.Code;
            }

            var failed = e as HandlerFailedException;
            if (failed != null)
            {
                failure.Sequence = failed.Sequence;
                failure.Status = failed.Status;
                failure.HandlerMessage = failed.HandlerMessage;
            }

            var tooLarge = e as ResponseTooLargeException;
            if (tooLarge != null)
            {
                failure.Sequence = tooLarge.Sequence;
                failure.Status = tooLarge.Status;
                failure.HandlerMessage = tooLarge.HandlerMessage;
            }

            return failure;
        }

        private static byte[] ReadShared(string name)
        {
            // Not File.ReadAllBytes: its sharing mode would refuse what others have open for writing.
            using (var file = new FileStream("/dev/shm/" + name, FileMode.Open, FileAccess.Read, FileShare.ReadWrite))
            {
                var content = new MemoryStream();
                file.CopyTo(content);
                return content.ToArray();
            }
        }

        /// <summary>Null at the end of the input.</summary>
        private static Dictionary<string, object> Read()
        {
            byte[] length = Read(4, true);
            if (length == null)
            {
                return null;
            }

            int size = length[0] | (length[1] << 8) | (length[2] << 16) | (length[3] << 24);
            if (size < 0 || size > LongestMessage)
            {
                throw new BadMessageException("a message of " + size + " bytes");
            }

            var message = Json.Parse(Encoding.UTF8.GetString(Read(size, false))) as Dictionary<string, object>;
            if (message == null)
            {
                throw new BadMessageException("the message is no object");
            }

            return message;
        }

        private static byte[] Read(int size, bool mayEnd)
        {
            var bytes = new byte[size];
            for (int got = 0, n; got < size; got += n)
            {
                n = Input.Read(bytes, got, size - got);
                if (n == 0 && mayEnd && got == 0)
                {
                    return null;
                }

                if (n == 0)
                {
                    throw new BadMessageException("the input ends within a message");
                }
            }

            return bytes;
        }

        private static void Write(IMessage message)
        {
            byte[] content = Encoding.UTF8.GetBytes(Json.Write(message));
            int size = content.Length;
            try
            {
                lock (Output)
                {
                    Output.Write(new[] { (byte)size, (byte)(size >> 8), (byte)(size >> 16), (byte)(size >> 24) }, 0, 4);
                    Output.Write(content, 0, size);
                    Output.Flush();
                }
            }
            catch (IOException e)
            {
                Console.Error.WriteLine("agent: writing: " + e.Message);
                Environment.Exit(1);
            }
        }
    }
}
