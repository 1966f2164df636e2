"""What client and server of a measurement use up."""

from __future__ import annotations

import resource
import time
from dataclasses import dataclass, field

from line_native import native


@dataclass
class Note:
    """What a process knows about itself. What it allocates it cannot tell."""

    cpu: int
    """The CPU that the thread ran on that made the note, -1 where it is not known."""
    cpu_ns: int
    minor_faults: int
    major_faults: int
    allocated: int | None = None

    @classmethod
    def of_self(cls) -> Note:
        used = resource.getrusage(resource.RUSAGE_SELF)
        return cls(native.current_cpu(), time.process_time_ns(), used.ru_minflt, used.ru_majflt)


@dataclass
class Usage:
    """What a process used during the blocks of a measurement."""

    cpu_ns: int = 0
    minor_faults: int = 0
    major_faults: int = 0
    allocated: int | None = None
    ran_on: set[int] = field(default_factory=set)

    def add(self, before: Note, after: Note) -> None:
        self.cpu_ns += after.cpu_ns - before.cpu_ns
        self.minor_faults += after.minor_faults - before.minor_faults
        self.major_faults += after.major_faults - before.major_faults
        if before.allocated is not None and after.allocated is not None:
            self.allocated = (self.allocated or 0) + after.allocated - before.allocated
        self.ran_on |= {before.cpu, after.cpu} - {-1}

    def as_json(self) -> dict[str, object]:
        return {
            "cpu_ns": self.cpu_ns,
            "minor_faults": self.minor_faults,
            "major_faults": self.major_faults,
            "allocated_bytes": self.allocated,
            "ran_on": sorted(self.ran_on),
        }
