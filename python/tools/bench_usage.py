"""What client and server of a measurement use up."""

from __future__ import annotations

import os
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


def shared_memory(channel: str) -> int:
    """This process's share of a channel's memory in bytes: the proportional set size (Pss) of what it has mapped of the channel's objects
    and semaphores, in which a page counts half that both processes have touched. The control file, whose name begins with the
    channel's, does not count."""
    folder = "/dev/shm/"
    names = [name for name in os.listdir(folder) if channel in name and channel + ".control" not in name]
    # A mapping does not know the name of what had none yet when it was mapped.
    inodes = {str(os.stat(folder + name).st_ino) for name in names}
    kilobytes, ours = 0, False
    with open("/proc/self/smaps") as smaps:
        for line in smaps:
            words = line.split()
            if not words[0].endswith(":"):  # what a mapping begins with: addresses, rights, offset, device, inode, path
                ours = len(words) > 5 and words[5].startswith(folder) and words[4] in inodes
            elif ours and words[0] == "Pss:":
                kilobytes += int(words[1])
    return kilobytes << 10


@dataclass
class Usage:
    """What a process used during the blocks of a measurement."""

    cpu_ns: int = 0
    minor_faults: int = 0
    major_faults: int = 0
    allocated: int | None = None
    shared: int | None = None
    """The process's share of the channel's memory when all was done."""
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
            "shared_bytes": self.shared,
            "ran_on": sorted(self.ran_on),
        }
