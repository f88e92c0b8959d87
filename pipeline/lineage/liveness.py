"""Whether a run is under way: its process holds a lock, which the kernel takes from it however it ends.

The lock is ``flock(2)`` on ``runs/<run>/.lock``; :mod:`pipeline.local.liveness` takes it. Where a scheduler elsewhere
starts a run's nodes, each holds ``runs/<run>/.nodes/<node>`` and shares ``.lock``, so that nobody resumes the run
meanwhile. It needs a file system with ``flock``, which every local one on Linux is, and NFSv4.
"""

import fcntl
from pathlib import Path

LOCK = ".lock"
NODES = ".nodes"


def is_alive(run: Path) -> bool:
    """Say whether the run whose record is the folder ``run`` is under way, in this process or another.

    Of a run of an older release, which left no lock, the answer is no; and of one of whose nodes none runs just now,
    although its scheduler may start the next one at any moment.
    """
    return is_held(run / LOCK) or any(is_held(one) for one in (run / NODES).glob("*"))


def node_is_alive(run: Path, node: str) -> bool:
    """Say whether a node of a run may be under way: its own process is, or that of the whole run."""
    return is_held(run / LOCK) or is_held(run / NODES / node)


def is_held(lock: Path) -> bool:
    """Say whether a process holds ``lock`` for itself alone.

    To find out it is shared for a moment: who takes such a lock tries for longer than that.
    """
    try:
        with lock.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
