"""How the pixels of a picture lie in a frame."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

PIXEL = 4  # bytes: red, green, blue, alpha
FORMAT = "rgba8"
_MOST = 1 << 30


@dataclass(frozen=True)
class Geometry:
    """How the pixels of a frame lie. It travels as JSON in the channel's request metadata."""

    width: int
    height: int
    stride: int
    """Bytes from one row to the next."""
    format: str = FORMAT

    @classmethod
    def parse(cls, metadata: bytes | None) -> Geometry:
        """Reads the JSON of a channel's metadata and checks it. ValueError."""
        if not metadata:
            raise ValueError('no picture geometry: the client must set its metadata to {"width","height","stride","format"}')
        fields = json.loads(metadata)
        try:
            g = cls(**{name: fields[name] for name in ("width", "height", "stride", "format")})
            possible = 1 <= g.width <= _MOST // PIXEL and 1 <= g.height <= _MOST and g.width * PIXEL <= g.stride <= _MOST
        except (KeyError, TypeError) as e:
            raise ValueError(f"the picture geometry {fields} lacks or misstates {e}") from None
        if g.format != FORMAT:
            raise ValueError(f"picture format {g.format!r} is not {FORMAT!r}")
        if not possible:
            raise ValueError(f"picture of {g.width} x {g.height} pixels with a stride of {g.stride} bytes is not possible")
        return g

    def to_json(self) -> bytes:
        return json.dumps(asdict(self)).encode()

    @property
    def size(self) -> int:
        return self.height * self.stride
