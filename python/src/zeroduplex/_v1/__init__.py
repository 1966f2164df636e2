"""ZeroBuffer v1: a stream of frames from a writer to a reader, and the duplex channel of two such buffers.

From the wire up: stream.py (the steps in which memory order matters), ring_reader.py and ring_writer.py (where frames stand and what is
believed), segment.py, create.py and attach.py (getting a buffer), ends.py (liveness and leaving), reader.py and writer.py (the public
ends of a stream). On top of them: connect.py, pending.py, duplex_send.py and duplex_client.py (the client of a duplex channel),
duplex_frames.py, duplex_work.py and duplex_server.py (its server).
"""
