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

        /// <summary>The way to the client that sent what is read now, null when there is none.</summary>
        private Writer Responses()
        {
            Writer to;
            lock (sync)
            {
                to = responses;
            }

            if (to == null || to.LookAtReader())
            {
                return null;
            }

            // That look asks the kernel once in a while only. Another process, or none, at the other end of the requests is a reason to ask now.
            return requests.WriterPid == client || to.IsReaderConnected ? to : null;
        }

        /// <summary>
        /// Opens the response buffer of the client whose first request is there and not read yet. Until it is read no other client makes a
        /// response buffer: clients wait until what their predecessor left is read. So what is found now is of the request's own sender.
        /// </summary>
        private void Welcome()
        {
            Unlink();
            client = requests.WriterPid;
            Writer made = Link();
            ZeroDuplexException error = null;
            lock (sync)
            {
                if (giveUp.IsCancellationRequested && made != null)
                {
                    made.Close(); // stopped meanwhile
                    made = null;
                }

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
        }

        /// <summary>
        /// Attaches to a client's response buffer, null when that cannot be. A client makes it before it sends, so what is not there is of one that
        /// is gone, and its successor may wait for us to find that out.
        /// </summary>
        private Writer Link()
        {
            string buffer = DualBufferNames.Response(name);
            var attacher = new BufferAttacher(LinkOperation, buffer);
            bool allowOtherUsers = (options.Mode & OtherUsersBits) != 0;
            try
            {
                MappedBuffer found = new Retry(LinkOperation, name, options.ResetTimeout, giveUp.Token).Until(
                    () => attacher.Try(null, allowOtherUsers, options.Pages),
                    code => BufferAttacher.Heals(code) && IsClientAttached);
                return new Writer(buffer, new WriterOptions { Wait = options.Wait, SpinWindow = options.SpinWindow }, found, null);
            }
            catch (OperationCanceledException)
            {
                return null; // the time to stop is over
            }
            catch (ZeroDuplexException e)
            {
                if (e.Code != ErrorCode.ReaderDead && IsClientAttached)
                {
                    life.Tell(e);
                }

                return null;
            }
        }

        /// <summary>Whether a living process writes requests.</summary>
        private bool IsClientAttached
        {
            get { return Platform.ProcessExists(requests.WriterPid); }
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
