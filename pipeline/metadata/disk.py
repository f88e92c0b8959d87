"""A disk so full that a database on it cannot even be read: SQLite keeps its log's index beside it."""

import shlex
import shutil
from pathlib import Path

from pipeline.errors import InfrastructureError

_ROOM = 1 << 20  # bytes; the index takes 32 kB, and gc's own writing a few hundred


def free_by_gc(root: Path) -> str:
    """Return the command that frees space in a workspace."""
    return shlex.join(["python", "runner.py", "gc", "--workspace", str(root)])


def no_room(root: Path) -> int | None:
    """Return what is free on the disk of a workspace if that is next to nothing, in bytes; else None."""
    try:
        free = shutil.disk_usage(root).free
    except OSError:
        return None
    return free if free < _ROOM else None


def too_full(root: Path, got: str) -> InfrastructureError | None:
    """Describe metadata that cannot be used since there is no room beside it; None if there is.

    Args:
        root: The workspace.
        got: What the database said.
    """
    free = no_room(root)
    if free is None:
        return None
    return InfrastructureError(
        "The disk of the workspace is full: its metadata cannot be used",
        got=f"{f'{free >> 10} kB' if free else '0 B'} free ({got})",
        where=str(root),
        hint=f"free 1 MB on that disk by hand; then `{free_by_gc(root)}` can free more",
    )
