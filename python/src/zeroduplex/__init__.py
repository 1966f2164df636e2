"""Shared-memory request/response where the server changes the request where it stands and the client reads the answer at the same place.

The server:

    from zeroduplex import DuplexChannelFactory

    with DuplexChannelFactory().create_in_place_duplex_server("invert") as server:
        def invert(frame):
            pixels = frame.as_numpy("u1")
            pixels ^= 0xFF

        server.start(invert)
        server.wait()

The client:

    with DuplexChannelFactory().create_client("invert") as client:
        with client.call(b"some bytes") as response:
            print(bytes(response.data))

Frame, RequestBuffer and Response lend bytes of shared memory. Views of them end with the handler's return, with commit or abort, and
with release: using one afterwards raises, and giving a frame back while a NumPy array or a slice of it is alive raises ViewInUseError.

Reader and Writer are the ends of a ZeroBuffer v1 buffer, a stream of frames in one direction. DuplexChannelFactory also makes servers that
speak v1, and its clients recognise them.

Clients and servers of all languages work together; what they agree on is spec/PROTOCOL.md. Everything is thread-safe unless its
documentation says otherwise. Durations are in seconds, sizes in bytes.
"""

from ._loans_client import RequestBuffer, Response
from ._ops import BACKEND
from ._pages import MemoryReport
from ._server_base import DuplexServer, Handler
from ._v1.duplex_client import DualBufferDuplexChannel
from ._v1.duplex_frames import ImmutableRequest, ImmutableResponse
from ._v1.duplex_server import ImmutableDuplexServer, ImmutableHandler
from ._v1.frames import FrameBuffer, ReceivedFrame
from ._v1.reader import Reader
from ._v1.segment import BufferUsage
from ._v1.writer import Writer
from ._version import VERSION as __version__
from .channel import InPlaceDuplexChannel
from .client import DuplexClient
from .config import BufferConfig
from .errors import *  # noqa: F403
from .errors import __all__ as _errors
from .factory import DuplexChannelFactory
from .frame import Frame
from .memory import MemoryProvider, SharedMemory, SharedMemoryView
from .options import LapMode, WaitStrategy
from .server import InPlaceDuplexServer

__all__ = [
    "BACKEND",
    "BufferConfig",
    "BufferUsage",
    "DualBufferDuplexChannel",
    "DuplexChannelFactory",
    "DuplexClient",
    "DuplexServer",
    "Frame",
    "FrameBuffer",
    "Handler",
    "ImmutableDuplexServer",
    "ImmutableHandler",
    "ImmutableRequest",
    "ImmutableResponse",
    "InPlaceDuplexChannel",
    "InPlaceDuplexServer",
    "LapMode",
    "MemoryProvider",
    "MemoryReport",
    "Reader",
    "ReceivedFrame",
    "RequestBuffer",
    "Response",
    "SharedMemory",
    "SharedMemoryView",
    "WaitStrategy",
    "Writer",
    "__version__",
    *_errors,
]
