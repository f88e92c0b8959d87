"""The workspace: made, checked, and held by one run at a time."""

import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from pipeline.errors import InfrastructureError
from pipeline.local.workspace import exclusive, open_workspace


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


def test_a_second_run_waits_its_turn_and_says_so(tmp_path: Path) -> None:
    workspace = open_workspace(tmp_path)
    order: list[str] = []

    def second() -> None:
        with exclusive(workspace, order.append):
            order.append("second")

    with exclusive(workspace, order.append):
        thread = threading.Thread(target=second)
        thread.start()
        deadline = time.monotonic() + 10
        while not order and time.monotonic() < deadline:
            time.sleep(0.01)
        order.append("first ends")
    thread.join(10)
    assert order[0].startswith("waiting: process ")
    assert order[1:] == ["first ends", "second"]
