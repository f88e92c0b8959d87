"""The workspace: made, checked, and shared by runs, though not with who has it to himself."""

import fcntl
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from pipeline.errors import InfrastructureError, SettingsError
from pipeline.local.workspace import open_workspace, shared


def test_it_is_made_with_its_rooms_and_a_database_in_wal_mode(tmp_path: Path) -> None:
    workspace = open_workspace(tmp_path / "a" / "b")
    assert {path.name for path in workspace.root.iterdir()} >= {"artifacts", "serving", "runs", "logs", "metadata.db"}
    with closing(sqlite3.connect(workspace.metadata)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert open_workspace(tmp_path / "a" / "b") == workspace


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InfrastructureError) as caught:
        open_workspace(tmp_path / "file" / "workspace")
    assert caught.value.headline == "The workspace cannot be written"
    assert caught.value.exit_code == 1


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "metadata.db").write_text("this is not SQLite" * 100)
    with pytest.raises(InfrastructureError) as caught:
        open_workspace(tmp_path)
    assert "not a database" in str(caught.value.got)


def test_runs_share_it_and_wait_for_who_has_it_alone(tmp_path: Path) -> None:
    workspace = open_workspace(tmp_path)
    order: list[str] = []

    def run() -> None:
        with shared(workspace, order.append):
            order.append("run")

    with (workspace.root / ".lock").open("r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write("gc, process 7")
        file.flush()
        thread = threading.Thread(target=run)
        thread.start()
        deadline = time.monotonic() + 10
        while not order and time.monotonic() < deadline:
            time.sleep(0.01)
        order.append("alone")
    thread.join(10)
    assert order == ["waiting: gc, process 7 has this workspace to itself", "alone", "run"]
    both = (shared(workspace, order.append), shared(workspace, order.append))
    with both[0], both[1], (workspace.root / ".lock").open() as file, pytest.raises(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    assert len(order) == 3


def test_one_that_was_moved_is_worked_in_under_the_path_that_it_was_made_at(tmp_path: Path) -> None:
    """By a link there: else its next move would part what was made before and after this one."""
    made, there, further = tmp_path / "a", tmp_path / "b", tmp_path / "c"
    assert open_workspace(made).root == made
    made.rename(there)
    with pytest.raises(SettingsError) as caught:
        open_workspace(there)
    assert (caught.value.got, caught.value.expected, caught.value.exit_code) == (str(there), str(made), 2)
    made.symlink_to(there)
    assert open_workspace(there).root == open_workspace(made).root == made
    there.rename(further)
    with pytest.raises(SettingsError):
        open_workspace(further)
    made.unlink()
    made.symlink_to(further)
    assert open_workspace(further).root == made


def test_a_workspace_named_by_a_link_is_made_at_its_real_place(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "real").mkdir()
    assert open_workspace(tmp_path / "link").root == tmp_path / "real"
    (tmp_path / "link").unlink()
    assert open_workspace(tmp_path / "real").root == tmp_path / "real"
