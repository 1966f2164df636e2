"""The one place that states the version of the SDK."""

from typing import Final

VERSION: Final = "0.1.0"
