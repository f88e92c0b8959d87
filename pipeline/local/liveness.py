"""A run holds its record for as long as its process lives, so that others can tell a live run from one that is gone.

The lock is ``flock(2)`` on ``runs/<run>/.lock``. The kernel lets go of it when the process ends, SIGKILL included. The
descriptor is not inherited by what the process starts (Python's ``open`` sets close-on-exec): a node process that
outlives its runner for a moment does not keep the run alive.
"""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import SettingsError, TransientError
from pipeline.lineage.liveness import LOCK, NODES, is_alive, node_is_alive

__all__ = ["Wait", "hold", "hold_node", "holder_of", "is_alive", "node_is_alive", "turn_at"]

_GLANCE = 2.0  # seconds for which to try: who only looks holds the lock for microseconds
_PAUSE = 0.2  # seconds between two tries


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


class Wait:
    """How long somebody waits for others, and who is told of it.

    Args:
        seconds: In all.
        note: Called with a sentence, once for each that is waited for.
        stopped: Asked all the time whether the waiting is to end.
    """

    def __init__(
        self, seconds: float, note: Callable[[str], None], stopped: Callable[[], bool] = lambda: False
    ) -> None:
        self._seconds = seconds
        self._until = time.monotonic() + seconds
        self._note = note
        self._stopped = stopped

    def until(self, taken: Callable[[], bool], who: Callable[[], str], what: str) -> bool:
        """Try again and again; return False if the waiting was to end.

        Args:
            taken: Tries.
            who: Says who is waited for, if that can be told.
            what: What is wanted, as "Trainer of run housing-1".

        Raises:
            TransientError: If it took too long.
        """
        began, told = time.monotonic(), ""
        while not taken():
            if self._stopped():
                return False
            if not told and time.monotonic() - began > _GLANCE:
                told = who() or "another process"
                self._note(f"waiting: {what} is under way in {told}")
            if time.monotonic() > max(self._until, began + _GLANCE):
                raise TransientError(
                    f"{what} is under way elsewhere",
                    got=f"{who() or 'another process'} has it, and did not end within {self._seconds:.0f} s",
                    hint="try again when that has ended; --wait says for how long to wait",
                )
            time.sleep(_PAUSE)
        if told:
            self._note(f"waited {time.monotonic() - began:.0f} s for {told}")
        return True


@contextmanager
def hold_node(run: Path, node: str, holder: str, wait: Wait) -> Iterator[int]:
    """Hold one node of a run that a scheduler elsewhere carries out; until the end :func:`is_alive` says yes of it.

    Args:
        run: The run's record, a folder.
        node: The node.
        holder: Who holds it, for those who wait.
        wait: How long to wait for somebody who has the whole run, or this node of it.

    Yields:
        The descriptor of the node's lock: whoever inherits it holds it too.

    Raises:
        TransientError: If it took too long.
    """
    (run / NODES).mkdir(parents=True, exist_ok=True)
    with (run / LOCK).open("ab") as whole, (run / NODES / node).open("a+b", buffering=0) as own:

        def who() -> str:
            return os.pread(own.fileno(), 4096, 0).decode(errors="replace")

        # Shared by all nodes; a run that is resumed on this machine has it for itself.
        wait.until(lambda: _take(whole.fileno(), fcntl.LOCK_SH), lambda: holder_of(run / LOCK), f"Run {run.name}")
        wait.until(lambda: _take(own.fileno(), fcntl.LOCK_EX), who, f"{node} of run {run.name}")
        own.truncate(0)
        os.pwrite(own.fileno(), holder.encode(), 0)
        yield own.fileno()


@contextmanager
def turn_at(file: Path, wait: Wait, what: str) -> Iterator[bool]:
    """Hold a lock's file for a moment that others wait for; yields False if the waiting was to end."""
    with file.open("ab") as lock:
        yield wait.until(lambda: _take(lock.fileno(), fcntl.LOCK_EX), lambda: holder_of(file), what)


def holder_of(lock: Path) -> str:
    """Return the process that holds a lock for itself; empty if it cannot be told, as from within a container.

    Source: proc(5), /proc/locks.
    """
    try:
        number = lock.stat().st_ino
        lines = Path("/proc/locks").read_text(encoding="ascii").splitlines()
    except OSError:
        return ""
    fields = [line.split() for line in lines if "FLOCK" in line and "WRITE" in line and "->" not in line]
    holders = (int(one[4]) for one in fields if one[5].rpartition(":")[2] == str(number))
    return next((f"process {process}" for process in holders if process > 0), "")


def _take(descriptor: int, how: int) -> bool:
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
