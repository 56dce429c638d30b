"""How much of this machine's memory PostgreSQL may keep tables in."""

import os
from pathlib import Path

LEAST, MOST = 128 << 20, 1 << 30
SHARE = 8  # what is not ours for certain serves everybody as the system's own cache
GROUP = Path("/sys/fs/cgroup/memory.max")


def shared_buffers(memory: int) -> int:
    """Bytes for `shared_buffers` with `memory` bytes in all.

    A city's morning looks up and writes to some 500 MB. Where they do not fit, every tap pushes out pages that others
    wrote, and waits for their log. They take memory as they are used, not before.
    """
    return min(max(memory // SHARE, LEAST), MOST)


def memory_of_machine() -> int:
    """Bytes that this machine has, or that this container may use."""
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    try:
        allowed = GROUP.read_text().strip()
    except OSError:
        return machine
    return min(machine, int(allowed)) if allowed.isdecimal() else machine
