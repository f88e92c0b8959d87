"""Memory: how much is to be had, how much a group of processes holds, and whether the kernel killed for want of it.

A container has less than its machine: its control group says how much. Both generations of control groups are read.
Sources: proc(5); https://docs.kernel.org/admin-guide/cgroup-v2.html and cgroup-v1/memory.html.
"""

import os
from collections.abc import Iterator
from pathlib import Path

HEAVY = 1500 << 20
"""Bytes that a heavy node holds at its peak, the libraries included; docs/running.md has the measurement."""

_NO_LIMIT = 1 << 60  # cgroup v1 writes "none" as a very large number
_PAGE = os.sysconf("SC_PAGE_SIZE")


def default_nodes(root: Path = Path("/")) -> int:
    """Return how many nodes may run at once: one a core, and no more than there is memory for; at least one."""
    return max(1, min(len(os.sched_getaffinity(0)), available(root) // HEAVY))


def available(root: Path = Path("/")) -> int:
    """Return the bytes of memory that processes can still take without swapping or being killed.

    Args:
        root: Where ``proc`` and ``sys`` are.
    """
    least = _NO_LIMIT
    for line in _text(root / "proc/meminfo").splitlines():
        if line.startswith("MemAvailable:"):
            least = int(line.split()[1]) << 10
    for folder in _groups(root):
        limit = _number(folder / "memory.max", folder / "memory.limit_in_bytes")
        used = _number(folder / "memory.current", folder / "memory.usage_in_bytes")
        if limit is not None and used is not None and limit < _NO_LIMIT:
            # Files that are merely cached count as used, but make room when room is needed.
            least = min(least, max(0, limit - used + _cached(folder)))
    return least


def kills(root: Path = Path("/")) -> int:
    """Return how often the kernel has killed a process for want of memory, here and on the machine."""
    found = [_entry(root / "proc/vmstat", "oom_kill")]
    for folder in _groups(root):
        found += [_entry(folder / "memory.events", "oom_kill"), _entry(folder / "memory.oom_control", "oom_kill")]
    return sum(found)


def held(group: int, proc: Path = Path("/proc")) -> int:
    """Return the bytes of memory that the processes of a process group hold, shared pages included."""
    total = 0
    for folder in proc.iterdir():
        if not folder.name.isdigit():
            continue
        # The name of a program may hold blanks and brackets; what follows the last bracket is numbers.
        fields = _text(folder / "stat").rpartition(")")[2].split()
        if len(fields) > 21 and int(fields[2]) == group:
            total += int(fields[21]) * _PAGE
    return total


def _groups(root: Path) -> Iterator[Path]:
    """Find the folders of the control groups that this process is in, its own and those around it."""
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            top = root / "sys/fs/cgroup"
        elif "memory" in controllers.split(","):
            top = root / "sys/fs/cgroup/memory"
        else:
            continue
        folder = top / path.lstrip("/")
        # Inside a container the path may be that of the machine, and its end is what is mounted at the top.
        while folder != top:
            if folder.is_dir():
                yield folder
            folder = folder.parent
        yield top


def _cached(folder: Path) -> int:
    return _entry(folder / "memory.stat", "total_inactive_file") or _entry(folder / "memory.stat", "inactive_file")


def _entry(file: Path, name: str) -> int:
    for line in _text(file).splitlines():
        key, _, value = line.partition(" ")
        if key == name:
            return int(value)
    return 0


def _number(*files: Path) -> int | None:
    for file in files:
        text = _text(file).strip()
        if text:
            return int(text) if text.isdigit() else None  # "max": no limit
    return None


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:  # not there, or the process is gone
        return ""
