"""Locks that processes of one workspace take in turn: files under ``.locks``, held with ``flock(2)``."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

FOLDER = ".locks"


@contextmanager
def turn(
    root: Path, name: str, *, holder: str = "", waiting: Callable[[str], None] = lambda holder: None
) -> Iterator[None]:
    """Hold a lock of the workspace ``root``; whoever comes second waits.

    The kernel lets go of it when its holder is gone, however that came. What the holder forks keeps it, and so what
    outlives a killed node is waited for as well.

    Args:
        root: The workspace.
        name: The lock's name.
        holder: Who holds it, for those who wait; written into the file.
        waiting: Called once with the other's ``holder`` if there is one.
    """
    folder = root / FOLDER
    folder.mkdir(exist_ok=True)
    descriptor = os.open(folder / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting(os.pread(descriptor, 4096, 0).decode(errors="replace"))
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if holder:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, holder.encode(), 0)
        try:
            yield
        finally:
            fcntl.flock(descriptor, fcntl.LOCK_UN)
    finally:
        os.close(descriptor)
