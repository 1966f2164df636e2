using System;
using System.Threading;
using ZeroDuplex.Native;
using ZeroDuplex.Ring;

namespace ZeroDuplex
{
    /// <summary>
    /// The client of an in-place duplex channel: the server changes requests where they stand, and the response is read at the same place.
    /// Thread-safe. Close or dispose of it, also to let the next client connect; a channel that is only forgotten leaves when the garbage
    /// collector finds it, and takes the memory of spans along that it gave.
    /// </summary>
    public sealed unsafe partial class InPlaceDuplexChannel : IDuplexClient, ILender, IRequestBufferOwner
    {
        private const string UseChannel = "use channel";

        /// <summary>How often at most a token that brought nothing makes us look whether the server lives.</summary>
        private const long TokenPause = TimeSpan.TicksPerMillisecond;

        private readonly string name;
        private readonly ClientOptions options;
        private readonly Segment segment;
        private readonly bool spins;
        private readonly Patience patience = new Patience(); // of calls that spin for their response

        // Everything below belongs to this lock, except where it is said to be read without.
        private readonly object sync = new object();
        private readonly ClientRing ring;
        private readonly TurnQueue turn = new TurnQueue();
        private readonly WaiterList waiting = new WaiterList();
        private readonly Lifetime life; // holds the segment: running calls, responses and request buffers that are out
        private Failure failure; // why nothing works any more, null while all is well
        private bool sleeping; // somebody sleeps on response-ready; the role is taken and left under the lock
        private bool unanswered; // something was sent since the last sign of life from the server
        private bool uneasy; // a token brought nothing, and byte 0 had been looked at too recently to look again
        private bool metadataWritten;
        private long peerChecked; // when byte 0 was last looked at

        internal InPlaceDuplexChannel(string name, ClientOptions options, Segment segment)
        {
            this.name = name;
            this.options = options;
            this.segment = segment;
            spins = options.Wait != WaitStrategy.Block;
            ring = new ClientRing(segment.Memory, options.Lap == LapMode.Eager, this);
            life = new Lifetime(sync, Detach);
            peerChecked = Ticks.Now;
        }

        /// <inheritdoc/>
        public string Name
        {
            get { return name; }
        }

        /// <inheritdoc/>
        public bool IsServerConnected
        {
            get
            {
                lock (sync)
                {
                    if (failure != null || life.Ended)
                    {
                        return false;
                    }

                    CheckPeer();
                    if (life.Closing)
                    {
                        life.EndIfIdle(); // corrupted: the answer says so
                    }

                    return failure == null;
                }
            }
        }

        /// <inheritdoc/>
        public MemoryReport MemoryReport
        {
            get { return segment.Report; }
        }

        /// <inheritdoc/>
        public bool Cancel(ulong sequence)
        {
            lock (sync)
            {
                ThrowIfFailed();
                ClientFrame f = ring.Lookup(sequence);
                if (f == null || f.Cancelled || f.Abandoned || f.Released)
                {
                    throw Unknown("cancel", sequence);
                }

                if (!ring.Cancel(f))
                {
                    return false;
                }

                // Whoever waits for it by number, asleep or behind one who is.
                segment.Semaphores.ResponseReady.PostIfZero();
                waiting.WakeAll();
                return true;
            }
        }

        /// <inheritdoc/>
        public void SetMetadata(ReadOnlySpan<byte> content)
        {
            lock (sync)
            {
                ThrowIfFailed();
                if (metadataWritten)
                {
                    throw Fail(ErrorCode.MetadataAlreadyWritten, "set metadata", null);
                }

                segment.RequestMetadata.Write(name, content);
                metadataWritten = true;
            }
        }

        /// <inheritdoc/>
        public byte[] ServerMetadata()
        {
            lock (sync)
            {
                ThrowIfFailed();
                return segment.ResponseMetadata.Read(name, true);
            }
        }

        /// <inheritdoc/>
        public void Close()
        {
            lock (sync)
            {
                failure = null; // what went wrong before no longer matters to whoever calls after Close
                Shut(new Failure(ErrorCode.Closed, null));
                life.AwaitWaiters();
            }
        }

        /// <summary>Is <see cref="Close"/>.</summary>
        public void Dispose()
        {
            Close();
        }

        private ZeroDuplexException Fail(ErrorCode code, string operation, string detail, Exception inner = null)
        {
            return Failures.Make(code, operation, name, detail, inner);
        }

        private ZeroDuplexException Unknown(string operation, ulong sequence)
        {
            return Fail(ErrorCode.UnknownSequence, operation, "sequence " + sequence);
        }

        private void ThrowIfFailed()
        {
            if (failure != null)
            {
                throw failure.ToException(UseChannel, name);
            }
        }

        /// <summary>Begins a call, which ends with the release of its hold.</summary>
        private void Enter()
        {
            ThrowIfFailed();
            life.Hold();
        }

        /// <summary>Makes every call fail from now on and wakes the waiting ones.</summary>
        private void Shut(Failure reason)
        {
            if (failure == null)
            {
                failure = reason;
            }

            life.Close();
            WakeAll();
        }

        /// <summary>Makes every waiter in this process look again.</summary>
        private void WakeAll()
        {
            if (!life.Ended)
            {
                segment.Semaphores.ResponseReady.PostIfZero();
                segment.Semaphores.SpaceAvailable.PostIfZero();
            }

            waiting.WakeAll();
            turn.Close();
        }

        /// <summary>Gives the segment back; no call runs and nothing of it is out.</summary>
        private void Detach()
        {
            // The store tells the server by one load what it would otherwise ask the kernel; pairs with its acquire load in ClientLeft.
            // From the unlock on the segment is somebody else's: nothing is touched but the semaphore.
            Volatile.Write(ref segment.Request->WriterPid, Wire.ResetWanted);
            try
            {
                segment.Life.ReleaseClient();
                segment.Semaphores.RequestReady.PostIfZero();
            }
            catch (NativeException)
            {
                // Closing the descriptor below releases the lock too.
            }
            finally
            {
                segment.Dispose();
            }
        }

        /// <summary>Ends the use of a segment that holds what no correct server stores.</summary>
        private ZeroDuplexException Corrupted(string operation, RingCorruptedException error)
        {
            Shut(new Failure(ErrorCode.Corrupted, error.Message));
            return Fail(ErrorCode.Corrupted, operation, null, error);
        }

        /// <summary>Whether the last look at the server is older than an age in ticks.</summary>
        private bool IsPeerDue(long age)
        {
            return Ticks.Now - peerChecked >= age;
        }

        private void CheckPeerIfDue()
        {
            if (failure == null && IsPeerDue(Ticks.Slice))
            {
                CheckPeer();
            }
        }

        /// <summary>Looks at the server when that is due, or when a token that brought nothing may have been its farewell.</summary>
        private void CheckPeerAfterSleep(bool token)
        {
            bool doubt = token || uneasy;
            if (failure == null && IsPeerDue(doubt ? TokenPause : Ticks.Slice))
            {
                CheckPeer();
                doubt = false;
            }

            uneasy = doubt;
        }

        /// <summary>Bounds the next sleep, so that a farewell that came right after a look does not cost a whole slice.</summary>
        private long NapLimit()
        {
            return uneasy ? TokenPause : Ticks.Slice;
        }

        /// <summary>
        /// Looks whether the server lives; the segment is attached. When it does not, answers that are there are still delivered,
        /// everything else fails.
        /// </summary>
        private void CheckPeer()
        {
            peerChecked = Ticks.Now;

            // A server that found the segment corrupted says so here; pairs with its store in MarkCorrupted. The pid before the lock: a
            // server that stops stores it after it let go of the lock, and is no longer alive to whoever saw it.
            bool disowned = Volatile.Read(ref segment.Response->WriterPid) == Wire.PidNone;
            bool alive = segment.Life.ServerAlive;
            if ((alive && !disowned) || failure != null)
            {
                return;
            }

            if (alive)
            {
                Shut(new Failure(ErrorCode.Corrupted, "the server found the segment corrupted"));
                return;
            }

            failure = new Failure(ErrorCode.ServerDead, Lost());
            WakeAll();
        }

        /// <summary>Names the requests that will never be answered.</summary>
        private string Lost()
        {
            var lost = new LostRequests();
            for (int i = 0; i < ring.InFlight; i++)
            {
                ClientFrame f = ring[i];
                if (!(f.OneWay || f.Cancelled || f.Abandoned || f.Released || f.Answered))
                {
                    lost.Add(f.Sequence);
                }
            }

            return lost.ToString();
        }
    }
}
