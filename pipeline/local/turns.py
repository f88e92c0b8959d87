"""Taking turns at a run whose nodes several commands run: at the record of it, on one machine or on several."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from pipeline.errors import InfrastructureError, TransientError
from pipeline.local.liveness import Wait, turn_at
from pipeline.local.workspace import Workspace
from pipeline.metadata.lease import Lease, leases
from pipeline.metadata.record import read_record


class Beginning:
    """Who writes the record of a run, one after the other.

    Args:
        workspace: The workspace.
        run: The run, whose record is there.
        wait: How long to wait for others.
    """

    def __init__(self, workspace: Workspace, run: str, wait: Wait) -> None:
        self._workspace, self._run, self._wait = workspace, run, wait

    @contextmanager
    def turn(self, wait: Wait | None = None, *, surely: bool = False) -> Iterator[None]:
        """Have the record for oneself; not if the waiting was to end.

        On a server's store each turn has a connection of its own: one that was idle while a node ran may be lost.

        Args:
            wait: How long to wait, if not as long as for all.
            surely: Whether the lock of the file will do where the server does not answer: what has happened already is
                to be written down.
        """
        wait, what = wait or self._wait, f"The beginning of run {self._run}"
        with turn_at(self._workspace.run(self._run) / ".begin", wait, what), ExitStack() as held:
            try:
                lease = held.enter_context(on_server(self._workspace))
                if lease is not None:
                    one = lease(f"run {self._run}")
                    wait.until(one.take, one.holder, what)
            except TransientError:  # somebody has it, and does not end
                raise
            except InfrastructureError:
                if not surely:
                    raise
            yield


@contextmanager
def on_server(workspace: Workspace) -> Iterator[Callable[[str], Lease] | None]:
    """Give the locks of the store; None where it is a file of the workspace, whose locks will do."""
    record = read_record(workspace.root)
    if record is None:
        yield None
        return
    with leases(record.address) as found:
        yield found
