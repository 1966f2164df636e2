using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Threading;

namespace ZeroDuplex.Conformance
{
    /// <summary>At most one server or v1 reader, the behaviours of its handlers and what they saw.</summary>
    internal sealed class ServerRole : IRole
    {
        private const int SeenLimit = 256; // frames that are remembered

        private readonly object sync = new object(); // pulsed when behaviours, let-go marks or counts change
        private readonly List<Hold> held = new List<Hold>(); // handlers that wait now
        private readonly Dictionary<ulong, SetHandlerArgs> behaviours = new Dictionary<ulong, SetHandlerArgs>();
        private readonly HashSet<ulong> letGo = new HashSet<ulong>(); // handlers that need not wait
        private SetHandlerArgs other; // behaviour of all other opcodes
        private bool letAllGo;
        private HandledReport handled;
        private readonly BufferReader stream = new BufferReader();
        private IDuplexServer channel;

        internal ServerRole()
        {
            Forget();
        }

        public Dictionary<string, Operation> Operations
        {
            get
            {
                var operations = new Dictionary<string, Operation>
                {
                    { "create_reader", Agent.Of(CreateReaderArgs.Decode, a => Agent.Done(() => CreateReader(a))) },
                    { "create", Agent.Of(CreateArgs.Decode, a => Agent.Done(() => Create(a))) },
                    { "set_handler", Agent.Of(SetHandlerArgs.Decode, a => Agent.Done(() => SetHandler(a))) },
                    { "start", Agent.Of(StartArgs.Decode, a => Agent.Done(() => Channel().Start(Handle))) },
                    { "let_go", Agent.Of(LetGoArgs.Decode, a => Agent.Done(() => LetGo(a.Sequence))) },
                    { "wait_handled", Agent.Of(WaitHandledArgs.Decode, WaitHandled) },
                    { "set_metadata", Agent.Of(SetMetadataArgs.Decode, a => Agent.Done(() => Channel().SetMetadata(Data.Pattern(a.Size, a.Seed)))) },
                    { "get_metadata", Agent.Of(GetMetadataArgs.Decode, a => Data.Content(GetMetadata())) },
                    { "stop", Agent.Of(StopArgs.Decode, a => Agent.Done(() => Channel().Stop(Agent.Milliseconds(a.TimeoutMs)))) },
                    { "close", Agent.Of(CloseArgs.Decode, a => Agent.Done(Close)) },
                };
                stream.AddOperations(operations);
                return operations;
            }
        }

        public void Reset()
        {
            LetGo(null);
            StopOld();
            lock (sync)
            {
                Forget();
            }
        }

        private IDuplexServer Channel()
        {
            lock (sync)
            {
                if (channel == null)
                {
                    throw new InvalidOperationException("there is no server");
                }

                return channel;
            }
        }

        private void Forget()
        {
            other = new SetHandlerArgs { Handler = Protocol.HandlerXor };
            behaviours.Clear();
            letGo.Clear();
            letAllGo = false;
            handled = new HandledReport { Frames = new List<FrameReport>() };
        }

        private void StopOld()
        {
            IDuplexServer old;
            lock (sync)
            {
                old = channel;
                channel = null;
            }

            try
            {
                if (old != null)
                {
                    old.Stop(TimeSpan.Zero);
                }

                stream.Reset();
            }
            catch (ZeroDuplexException)
            {
                // What is left over is the runner's to find.
            }
        }

        private void CreateReader(CreateReaderArgs a)
        {
            StopOld();
            stream.Create(a);
        }

        private byte[] GetMetadata()
        {
            Reader reader = stream.Current;
            return reader != null ? reader.Metadata() : Channel().ClientMetadata();
        }

        private void Close()
        {
            Reader reader = stream.Current;
            if (reader != null)
            {
                reader.Close();
            }
            else
            {
                Channel().Dispose();
            }
        }

        private void Create(CreateArgs a)
        {
            StopOld();
            var options = new ServerOptions();
            options.Workers = (int)(a.Workers ?? (ulong)options.Workers);
            options.Mode = (int)(a.Mode ?? (ulong)options.Mode);
            options.ResetTimeout = Agent.Milliseconds(a.ResetTimeoutMs) ?? options.ResetTimeout;
            options.StopTimeout = Agent.Milliseconds(a.StopTimeoutMs) ?? options.StopTimeout;
            options.Wait = a.Wait == null ? options.Wait : Agent.Wait(a.Wait);
            IDuplexServer made = Create(a, options);
            lock (sync)
            {
                channel = made;
                handled = new HandledReport { Frames = new List<FrameReport>() };
            }
        }

        private static IDuplexServer Create(CreateArgs a, ServerOptions options)
        {
            switch (a.Protocol ?? "v2")
            {
                case "v1":
                    return DuplexChannelFactory.Default.CreateImmutableServer(
                        a.Name, Agent.Config(a.MetadataSize, a.PayloadSize, BufferConfig.DefaultV1), options);
                case "v2":
                    return DuplexChannelFactory.Default.CreateInPlaceDuplexServer(
                        a.Name, Agent.Config(a.MetadataSize, a.PayloadSize, BufferConfig.Default), options);
                default:
                    throw new ArgumentException("unknown protocol " + a.Protocol);
            }
        }

        private void SetHandler(SetHandlerArgs a)
        {
            lock (sync)
            {
                if (a.Opcode.HasValue)
                {
                    behaviours[a.Opcode.Value] = a;
                }
                else
                {
                    other = a;
                }

                letAllGo = false;
            }
        }

        private void Handle(Frame frame)
        {
            FrameReport seen = Data.Report(frame.Data, frame.Sequence, frame.Opcode);
            seen.Capacity = (ulong)frame.Capacity;
            seen.OneWay = frame.OneWay;
            SetHandlerArgs behaviour;
            lock (sync)
            {
                if (!behaviours.TryGetValue(frame.Opcode, out behaviour))
                {
                    behaviour = other;
                }

                handled.Entered++;
                handled.Frames.Add(seen);
                handled.Frames.RemoveRange(0, Math.Max(0, handled.Frames.Count - SeenLimit));
                Monitor.PulseAll(sync);
            }

            try
            {
                Behave(behaviour, frame);
            }
            finally
            {
                lock (sync)
                {
                    handled.Left++;
                    Monitor.PulseAll(sync);
                }
            }
        }

        private void Behave(SetHandlerArgs behaviour, Frame frame)
        {
            switch (behaviour.Handler)
            {
                case Protocol.HandlerXor:
                    Data.Invert(frame.Data);
                    break;
                case Protocol.HandlerEcho:
                    break;
                case Protocol.HandlerFail:
                    frame.Fail((int)(behaviour.Code ?? 1), behaviour.Message);
                    break;
                case Protocol.HandlerThrow:
                    throw new InvalidOperationException(behaviour.Message ?? string.Empty);
                case Protocol.HandlerResize:
                    frame.Resize((int)Math.Min(behaviour.Size ?? 0, int.MaxValue));
                    Data.Fill(frame.Data, frame.Sequence);
                    break;
                case Protocol.HandlerHold:
                    WaitToBeLetGo(frame.Sequence);
                    Data.Invert(frame.Data);
                    break;
                default:
                    throw new ArgumentException("unknown handler " + behaviour.Handler);
            }
        }

        private void WaitToBeLetGo(ulong sequence)
        {
            lock (sync)
            {
                var hold = new Hold { Sequence = sequence, Free = letAllGo || letGo.Contains(sequence) };
                held.Add(hold);
                while (!hold.Free)
                {
                    Monitor.Wait(sync);
                }

                held.Remove(hold);
            }
        }

        /// <summary>Lets handlers go, now and later: one, or with null all.</summary>
        private void LetGo(ulong? sequence)
        {
            lock (sync)
            {
                held.ForEach(hold => hold.Free |= !sequence.HasValue || hold.Sequence == sequence);
                if (sequence.HasValue)
                {
                    letGo.Add(sequence.Value);
                }
                else
                {
                    letAllGo = true;
                }

                Monitor.PulseAll(sync);
            }
        }

        private HandledReport WaitHandled(WaitHandledArgs a)
        {
            Stopwatch watch = Stopwatch.StartNew();
            lock (sync)
            {
                while (handled.Entered < (a.Entered ?? 0) || handled.Left < (a.Left ?? 0))
                {
                    TimeSpan left = Agent.Milliseconds(a.TimeoutMs) - watch.Elapsed;
                    if (left <= TimeSpan.Zero)
                    {
                        throw ErrorCatalogue.Create(ErrorCode.Timeout, "wait for handlers");
                    }

                    Monitor.Wait(sync, left + TimeSpan.FromMilliseconds(1));
                }

                return new HandledReport { Entered = handled.Entered, Left = handled.Left, Frames = new List<FrameReport>(handled.Frames) };
            }
        }

        /// <summary>A handler that waits. It has a mark of its own: what is forgotten meanwhile must not keep it.</summary>
        private sealed class Hold
        {
            internal ulong Sequence { get; set; }

            internal bool Free { get; set; }
        }
    }
}
