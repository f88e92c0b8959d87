"""What must hold of a workspace once all is over, whoever was killed on the way."""

import time
from pathlib import Path

from ml_metadata.metadata_store import metadata_store
from ml_metadata.proto import metadata_store_pb2 as mlmd

from tests.e2e.site import processes_of

_SIGNS = (
    *("*_temp*", "*.tempstate*", ".*exporting", ".push-*", "stateful_working_dir/*"),
    *("beam-temp*", ".temp", "__autograph_generated_file*"),
)


def nothing_is_left(workspace: Path, temporary: Path | None = None) -> None:
    """Assert that no process, no execution and no temporary file is left of any attempt.

    Args:
        workspace: The workspace.
        temporary: The folder that the runs had for the system's temporary one.
    """
    no_process_lives_on(workspace)
    assert states(workspace).isdisjoint({mlmd.Execution.RUNNING, mlmd.Execution.NEW})
    assert not [
        left for folder in ("artifacts", "serving") for sign in _SIGNS for left in (workspace / folder).rglob(sign)
    ]
    assert not list(workspace.glob("runs/*/tmp"))
    assert temporary is None or not list(temporary.iterdir())


def no_process_lives_on(workspace: Path) -> None:
    """Assert that within some seconds no process names a workspace."""
    end = time.monotonic() + 5
    while (left := processes_of(workspace)) and time.monotonic() < end:
        time.sleep(0.02)
    assert not left, f"processes live on: {left}"


def states(workspace: Path) -> set[int]:
    """The states of all executions."""
    return {one.last_known_state for one in store(workspace).get_executions()}


def store(workspace: Path) -> metadata_store.MetadataStore:
    """A workspace's ML Metadata."""
    config = mlmd.ConnectionConfig()
    config.sqlite.filename_uri = str(workspace / "metadata.db")
    return metadata_store.MetadataStore(config)
