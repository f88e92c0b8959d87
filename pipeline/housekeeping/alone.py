"""Being alone in a workspace: what a run could be about to reuse must not be freed.

A run may take any artifact from the cache at any moment, so nothing is freed while one is under way, and none may
start meanwhile. The workspace's ``.lock`` is held exclusively for that: a run holds or shares it at least from before
it makes its record ``runs/<run>`` until it holds ``runs/<run>/.lock``, which it does as long as it lives.
"""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import InfrastructureError, PipelineError
from pipeline.lineage.liveness import is_alive

_GLANCE = 2.0  # seconds for which to try: who only looks whether somebody holds it has it for microseconds


@contextmanager
def alone(root: Path) -> Iterator[None]:
    """Hold the workspace ``root``; runs that are started meanwhile wait.

    Raises:
        PipelineError: If a run is under way.
        InfrastructureError: If the workspace cannot be written.
    """
    try:
        file = (root / ".lock").open("a+", encoding="utf-8")
    except OSError as error:
        raise InfrastructureError(
            "The workspace cannot be written",
            got=error.strerror,
            where=str(root),
            hint="give yourself the right to write there; --dry-run needs none",
        ) from None
    with file:
        deadline = time.monotonic() + _GLANCE
        while not _take(file.fileno()):
            if time.monotonic() > deadline:
                file.seek(0)
                raise _busy(root, ", ".join(living_runs(root)) or file.read().strip() or "another process")
            time.sleep(0.02)
        living = living_runs(root)
        if living:
            raise _busy(root, ", ".join(living))
        with contextlib.suppress(OSError):  # a full disk has no room for a name, and is what gc is for
            os.ftruncate(file.fileno(), 0)
            os.write(file.fileno(), f"gc, process {os.getpid()} since {time.strftime('%H:%M:%S')}".encode())
        try:
            yield
        finally:
            file.truncate(0)


def living_runs(root: Path) -> list[str]:
    """Return the runs whose processes hold their records."""
    return sorted(run.name for run in (root / "runs").glob("*") if is_alive(run))


def _take(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _busy(root: Path, who: str) -> PipelineError:
    return PipelineError(
        "Another gc is at work in this workspace"
        if who.startswith("gc, ")
        else "Nothing can be freed while a run is under way: it may be about to reuse it",
        got=who,
        where=str(root),
        hint="run it again when that has ended; --dry-run says at any time what would be freed",
    )
