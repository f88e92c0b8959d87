"""A workspace: the folder that holds everything that runs on this machine read and write.

::

    metadata.db                      ML Metadata, SQLite in WAL mode; or metadata.toml, which names a server
    workspace.json                   where it was made: all of the rest names files by absolute paths
    artifacts/<problem>/<node>/...   what the nodes made
    serving/<problem>/<version>/     pushed models; TF Serving can point at serving/<problem>
    .lock                            held by whoever works here: shared by runs, alone by who tidies up
    .locks/                          what processes take turns at: a node of a problem, writing metadata
    runs/<run>/                      a run's record: settings, a copy of the code, the compiled chain, results
    logs/<run>/<node>.log            TensorFlow's, Beam's and TFX's own words
"""

import fcntl
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import InfrastructureError
from pipeline.metadata.address import Address
from pipeline.metadata.choosing import choose
from pipeline.metadata.disk import free_by_gc, no_room
from pipeline.metadata.origin import home, note, refuse_elsewhere
from pipeline.metadata.record import SQLITE

LOW_DISK = 64 << 20
"""Free bytes below which a run is not started: less than one small run writes."""


@dataclass(frozen=True)
class Workspace:
    """The paths of a workspace."""

    root: Path

    @property
    def metadata(self) -> Path:
        """ML Metadata's SQLite file, unless the metadata is on a server; see pipeline.metadata."""
        return self.root / SQLITE

    def artifacts(self, problem: str) -> Path:
        """Where the nodes of a problem put what they make: TFX's pipeline root."""
        return self.root / "artifacts" / problem

    def serving(self, problem: str) -> Path:
        """Where versions of a problem's model are pushed to."""
        return self.root / "serving" / problem

    def run(self, run: str) -> Path:
        """A run's record."""
        return self.root / "runs" / run

    def logs(self, run: str) -> Path:
        """A run's logs."""
        return self.root / "logs" / run


def open_workspace(root: Path, metadata: Address | None = None) -> Workspace:
    """Make the workspace if it is not there, and check that it can be written.

    Args:
        root: Its folder.
        metadata: Where the settings say that its metadata is; None if they say nothing.

    Raises:
        InfrastructureError: If it cannot be made or written, its disk is full, or its metadata store is not to be had.
        SettingsError: If it has another metadata store, or was made in another place.
    """
    refuse_elsewhere(root)
    workspace = Workspace(home(root))
    try:
        for name in ("artifacts", "serving", "runs", "logs"):
            (workspace.root / name).mkdir(parents=True, exist_ok=True)
        with (workspace.root / ".lock").open("a"):
            pass
        if choose(workspace.root, metadata) is None:
            _use_write_ahead_log(workspace.metadata)
        note(workspace.root)
    except (OSError, sqlite3.Error) as error:
        raise unwritable(workspace.root, error) from None
    free = free_bytes(workspace.root)
    if free < LOW_DISK:
        raise full(workspace.root, f"{free >> 20} MB free", expected=f"at least {LOW_DISK >> 20} MB")
    return workspace


def free_bytes(root: Path) -> int:
    """Return what is free on the disk of a workspace."""
    return shutil.disk_usage(root).free


def full(root: Path, got: str, *, expected: str | None = None) -> InfrastructureError:
    """Describe a workspace whose disk is full."""
    return InfrastructureError(
        "The disk of the workspace is full",
        got=got,
        expected=expected,
        where=str(root),
        hint=f"free some space, as with `{free_by_gc(root)}`, or name a workspace on another disk with --workspace;"
        " then run again",
    )


def unwritable(root: Path, error: object) -> InfrastructureError:
    """Describe a workspace that cannot be written, for whatever reason."""
    return trouble(str(error), root) or _not_writable(root, str(error))


def trouble(text: str, root: Path) -> InfrastructureError | None:
    """Tell a full or read-only disk by what an exception or a log says; None if neither is said."""
    for sign in ("No space left on device", "disk is full", "Disk quota exceeded"):
        if sign in text:
            return full(root, sign)
    if "disk I/O error" in text and no_room(root) is not None:  # how SQLite says it of the files beside its own
        return full(root, "disk I/O error")
    for sign in ("Read-only file system", "readonly database", "Permission denied"):
        if sign in text:
            return _not_writable(root, next(line for line in text.splitlines() if sign in line)[:300])
    return None


def _not_writable(root: Path, got: str) -> InfrastructureError:
    return InfrastructureError(
        "The workspace cannot be written",
        got=got,
        where=str(root),
        hint="give yourself the right to write there, or name another folder with --workspace",
    )


def _use_write_ahead_log(file: Path) -> None:
    # Readers and one writer then do not block one another. The mode is kept in the file. This process never opens the
    # file through ML Metadata, whose own copy of SQLite would not see this one's locks.
    with closing(sqlite3.connect(file, timeout=30)) as connection:
        mode = connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
        connection.execute("BEGIN IMMEDIATE").close()
        connection.rollback()
    if mode != "wal":
        raise OSError(f"{file} cannot be put into WAL mode (it is {mode})")


@contextmanager
def shared(workspace: Workspace, waiting: Callable[[str], None]) -> Iterator[None]:
    """Work in the workspace, beside other runs; not while somebody holds ``.lock`` alone, as to remove what is old.

    Args:
        workspace: The workspace.
        waiting: Called once with a sentence if somebody does.
    """
    with (workspace.root / ".lock").open("r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting(f"waiting: {file.read().strip() or 'another process'} has this workspace to itself")
            fcntl.flock(file, fcntl.LOCK_SH)
        yield
