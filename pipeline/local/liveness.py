"""A run holds its record for as long as its process lives, so that others can tell a live run from one that is gone.

The lock is ``flock(2)`` on ``runs/<run>/.lock``. The kernel lets go of it when the process ends, SIGKILL included. The
descriptor is not inherited by what the process starts (Python's ``open`` sets close-on-exec): a node process that
outlives its runner for a moment does not keep the run alive.
"""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import SettingsError
from pipeline.lineage.liveness import LOCK, is_alive

__all__ = ["hold", "is_alive"]

_GLANCE = 2.0  # seconds for which to try: who only looks holds the lock for microseconds


@contextmanager
def hold(run: Path) -> Iterator[None]:
    """Hold the run whose record is the folder ``run``; until the end :func:`is_alive` says yes of it.

    Raises:
        SettingsError: If another process, or this one, holds it already.
    """
    with (run / LOCK).open("ab") as file:
        deadline = time.monotonic() + _GLANCE
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise SettingsError(
                        f"The run {run.name} is under way",
                        where=str(run),
                        hint="wait until it has ended; `python runner.py runs` says how it goes",
                    ) from None
                time.sleep(0.01)
        yield
