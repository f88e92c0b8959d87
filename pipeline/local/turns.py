"""Taking turns at a run whose nodes several commands run: at the record of it, on one machine or on several."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.local.liveness import Wait, turn_at
from pipeline.local.workspace import Workspace
from pipeline.metadata.lease import Lease, leases
from pipeline.metadata.record import read_record


class Beginning:
    """Who writes the record of a run, one after the other.

    Args:
        folder: The record.
        wait: How long to wait for others.
        lease: The lock of the database for it, if the metadata is on a server.
    """

    def __init__(self, folder: Path, wait: Wait, lease: Lease | None) -> None:
        self._folder, self._wait, self._lease = folder, wait, lease

    @contextmanager
    def turn(self, wait: Wait | None = None) -> Iterator[None]:
        """Have the record for oneself; not if the waiting was to end."""
        wait, what = wait or self._wait, f"The beginning of run {self._folder.name}"
        with turn_at(self._folder / ".begin", wait, what):
            taken = self._lease is not None and wait.until(self._lease.take, self._lease.holder, what)
            try:
                yield
            finally:
                if taken and self._lease is not None:
                    self._lease.release()


@contextmanager
def on_server(workspace: Workspace) -> Iterator[Callable[[str], Lease] | None]:
    """Give the locks of the store; None where it is a file of the workspace, whose locks will do."""
    record = read_record(workspace.root)
    if record is None:
        yield None
        return
    with leases(record.address) as found:
        yield found
