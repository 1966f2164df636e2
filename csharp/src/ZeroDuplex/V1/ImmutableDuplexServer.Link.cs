using System;
using ZeroDuplex.Native;
using ZeroDuplex.V1;

namespace ZeroDuplex
{
    /// <content>The way to the client: the writer of its response buffer, opened at its first request.</content>
    public sealed partial class ImmutableDuplexServer
    {
        private const string LinkOperation = "attach to the responses of";
        private const int OtherUsersBits = 0x3F; // rw for group and others

        /// <summary>The way to the client that sent a request, null when there is none.</summary>
        private Writer LinkFor(FrameLoan request)
        {
            if (request.Sequence == Wire.FirstSequence)
            {
                Unlink(); // another client, with another buffer
            }

            ulong attached = requests.WriterPid;
            lock (sync)
            {
                if (linked)
                {
                    return responses != null && MayAnswer(attached) ? responses : null;
                }
            }

            Writer made = Link(attached);
            ZeroDuplexException error = null;
            lock (sync)
            {
                if (giveUp.IsCancellationRequested && made != null)
                {
                    made.Close(); // stopped meanwhile
                    made = null;
                }

                linked = true;
                client = attached;
                responses = made;
                if (made != null && metadata != null)
                {
                    error = WriteMetadata(made);
                }
            }

            if (error != null)
            {
                life.Tell(error);
            }

            return made;
        }

        /// <summary>
        /// Whether the client that sent may still be there, now that a process is attached: it, none, or another one, which waits until what
        /// it left was read.
        /// </summary>
        private bool MayAnswer(ulong attached)
        {
            return attached == client || (attached == Wire.PidNone && responses.IsReaderConnected);
        }

        /// <summary>
        /// Attaches to the response buffer of an attached client, null when that cannot be. A client makes it before it sends, or soon after; that
        /// there is none may also mean that the one that sent is gone, and that the attached one waits until we have noticed.
        /// </summary>
        private Writer Link(ulong attached)
        {
            string buffer = DualBufferNames.Response(name);
            var attacher = new BufferAttacher(LinkOperation, buffer);
            bool allowOtherUsers = (options.Mode & OtherUsersBits) != 0;
            try
            {
                MappedBuffer found = new Retry(LinkOperation, name, options.ResetTimeout, giveUp.Token).Until(
                    () =>
                    {
                        // A successor attaches before it makes its response buffer: while this holds the buffer is not a successor's.
                        if (requests.WriterPid != attached)
                        {
                            throw Failures.Make(ErrorCode.ReaderDead, LinkOperation, name, "the client that sent is gone");
                        }

                        return attacher.Try(null, allowOtherUsers);
                    },
                    code => BufferAttacher.Heals(code) && IsAttached(attached));
                var made = new Writer(buffer, new WriterOptions { Wait = options.Wait, SpinWindow = options.SpinWindow }, found, null);
                if (requests.WriterPid == attached)
                {
                    return made;
                }

                made.Close(); // it is the successor's
                return null;
            }
            catch (OperationCanceledException)
            {
                return null; // the time to stop is over
            }
            catch (ZeroDuplexException e)
            {
                if (e.Code != ErrorCode.ReaderDead && IsAttached(attached))
                {
                    life.Tell(e);
                }

                return null;
            }
        }

        /// <summary>Whether the client that was the writer of the requests still is.</summary>
        private bool IsAttached(ulong process)
        {
            return requests.WriterPid == process && Platform.ProcessExists(process);
        }

        /// <summary>Writes the server's metadata for a client. Returns what went wrong; that somebody has written some is nothing.</summary>
        private ZeroDuplexException WriteMetadata(Writer to)
        {
            try
            {
                to.SetMetadata(metadata);
                return null;
            }
            catch (MetadataAlreadyWrittenException)
            {
                return null; // the same client, after it had closed and opened its end of the requests
            }
            catch (ZeroDuplexException e)
            {
                return e;
            }
        }

        /// <summary>Forgets the client.</summary>
        private void Unlink()
        {
            Writer old;
            lock (sync)
            {
                old = responses;
                responses = null;
                linked = false;
            }

            if (old != null)
            {
                old.Close();
            }
        }

        /// <summary>Lets go of the response buffer of a client that is gone.</summary>
        private void UnlinkIfGone()
        {
            Writer to;
            lock (sync)
            {
                to = responses;
            }

            if (to != null && to.LookAtReader())
            {
                Lose(to);
            }
        }

        /// <summary>There is no way to the client any more: its requests are dropped until another one sends.</summary>
        private void Lose(Writer to)
        {
            lock (sync)
            {
                if (responses == to)
                {
                    responses = null;
                }
            }

            to.Close();
        }
    }
}
