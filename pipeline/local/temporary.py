"""The temporary folder of a run: each node has one in it for itself, and none of it outlives the run.

What libraries put into the temporary folder they mean to remove when the interpreter ends (AutoGraph writes each
function that it converts there), but node processes end without that, or are killed. So the fork server removes a
node's folder when its process is gone, and the runner the whole. Where neither lives long enough, the next run does it:
the run's record names the folder, and a lock on it tells a living run from a dead one.
"""

import fcntl
import os
import shutil
import tempfile
from pathlib import Path

from pipeline.local.record import Job

_PREFIX = "estimator-pipeline-"
_RECORD = "temporary"  # the file in a run's record that holds the path


class Temporary:
    """The folder of a run, under the system's own (``TMPDIR``).

    Args:
        job: The run.
    """

    def __init__(self, job: Job) -> None:
        for record in (job.workspace.root / "runs").glob(f"*/{_RECORD}"):
            _sweep(record)
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX))
        self._record = job.folder / _RECORD
        self._lock = os.open(self.path, os.O_RDONLY)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self._record.write_text(str(self.path), encoding="utf-8")

    def remove(self) -> None:
        """Remove it; nobody uses it any more."""
        shutil.rmtree(self.path, ignore_errors=True)
        self._record.unlink(missing_ok=True)
        os.close(self._lock)


def use(node: str) -> None:
    """Give this process, and what it starts, a temporary folder of its own."""
    folder = Path(tempfile.gettempdir()) / node
    folder.mkdir(exist_ok=True)
    os.environ["TMPDIR"] = str(folder)
    tempfile.tempdir = None  # to be looked up anew


def remove(node: str = "") -> None:
    """Remove the folder of a node, or the whole, in the fork server."""
    folder = Path(tempfile.gettempdir())
    if folder.name.startswith(_PREFIX):
        shutil.rmtree(folder / node, ignore_errors=True)


def _sweep(record: Path) -> None:
    """Remove the folder that a record names, if the run is dead."""
    try:
        folder = Path(record.read_text(encoding="utf-8"))
        lock = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:  # it was removed, or the whole machine's were
        record.unlink(missing_ok=True)
        return
    except OSError:
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    else:
        if folder.name.startswith(_PREFIX):
            shutil.rmtree(folder, ignore_errors=True)
        record.unlink(missing_ok=True)
    finally:
        os.close(lock)
