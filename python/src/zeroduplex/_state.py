"""What the objects of every round trip are made of: types of the compiled helper, or the same in Python."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._fast import LenderState, LoanState, Record, serve

    FAST: bool
else:
    try:
        from . import _native  # noqa: F401 - both or none
        from ._fast import LenderState, LoanState, Record, serve

        FAST = True
    except ImportError:
        from ._state_fallback import LenderState, LoanState, Record

        serve, FAST = None, False

__all__ = ["FAST", "LenderState", "LoanState", "Record", "serve"]
