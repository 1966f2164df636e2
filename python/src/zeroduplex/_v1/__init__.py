"""ZeroBuffer v1: a stream of frames from a writer to a reader, and the duplex channel of two such buffers.

From the wire up: stream.py (the steps in which memory order matters), ring_reader.py and ring_writer.py (where frames stand and what is
believed), segment.py, create.py and attach.py (getting a buffer), ends.py (liveness and leaving), reader.py and writer.py (the public
ends of a stream), duplex_client.py and duplex_server.py.
"""
