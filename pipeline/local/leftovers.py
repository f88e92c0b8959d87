"""Temporary files of nodes: each node has a folder of its own for them, so that nothing stays for ever.

A process that is killed removes nothing, and AutoGraph leaves a file even at a good end. So a node's ``TMPDIR`` is
``runs/<run>/tmp/<node>``. It is removed when the node's process is gone, and, where nobody was left to do it,
by the next run. Sockets are made there too, whose paths may have 107 bytes only
(https://man7.org/linux/man-pages/man7/unix.7.html): where the workspace lies too deep for that, the folder is in the
system's temporary one, under a name that the run's folder leads to.
"""

import contextlib
import hashlib
import os
import shutil
import stat
import tempfile
from pathlib import Path

from pipeline.errors import InfrastructureError
from pipeline.lineage.liveness import is_alive

_LONGEST = 58  # bytes, which leaves room for a node's name and a socket's own, as pymp-abcdefgh/listener-abcdefgh
_SYSTEM = Path(tempfile.gettempdir())  # before a node changes what this says


def folder_of(run: Path) -> Path:
    """Return the folder that holds the temporary files of a run's nodes."""
    inside = run / "tmp"
    if len(os.fsencode(inside)) <= _LONGEST:
        return inside
    return _SYSTEM / f"estimator-pipeline-{hashlib.sha256(os.fsencode(run)).hexdigest()[:16]}"


def use(run: Path, node: str) -> None:
    """Have this process, and all that it starts, put temporary files into the node's own folder.

    Raises:
        InfrastructureError: If the folder is somebody else's: what is written there may be imported.
    """
    above = folder_of(run)
    with contextlib.suppress(FileExistsError):
        above.mkdir(mode=0o700)
    found = above.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise InfrastructureError(
            "The folder for temporary files is not this user's alone",
            got=f"{stat.filemode(found.st_mode)}, owner {found.st_uid}",
            where=str(above),
            hint="remove it, or name a workspace with a shorter path with --workspace",
        )
    folder = above / node
    folder.mkdir(mode=0o700, exist_ok=True)
    os.environ["TMPDIR"] = str(folder)
    tempfile.tempdir = str(folder)


def remove(run: Path, node: str = "") -> None:
    """Remove the temporary files of a run, or of one node of it; nothing may be using them."""
    if folder_of(run).is_symlink():  # not ours
        return
    shutil.rmtree(folder_of(run) / node, ignore_errors=True)


def name_of(process: str, only: str) -> str:
    """Return the folder's name of a process of a run.

    Args:
        process: A node, or another process that the fork server forks.
        only: The one node of its fork server's, if it has but one: other servers of the run fork processes of the same
            names at the same time.
    """
    return f"{only}.{process}" if only and process != only else process


def remove_all(run: Path, only: str = "") -> None:
    """Remove the temporary files of a run; with ``only`` those of one node and of what was forked for it."""
    if not only:
        remove(run)
        return
    for folder in (folder_of(run) / only, *folder_of(run).glob(f"{only}.*")):
        remove(run, folder.name)


def sweep(runs: Path) -> None:
    """Remove the temporary files of all runs that nobody works on."""
    for run in runs.iterdir():
        if folder_of(run).exists() and not is_alive(run):
            remove(run)
