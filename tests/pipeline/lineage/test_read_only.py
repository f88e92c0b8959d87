"""A workspace that one may read but not write: SQLite's log can be neither made nor written there."""

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

RUNNER = Path(__file__).parents[3] / "runner.py"


def ask_as_another(root: Path, *question: str) -> subprocess.CompletedProcess[str]:
    """Ask as someone who does not own the workspace; root without its capabilities is no more than that."""
    setpriv = shutil.which("setpriv")
    if os.geteuid() == 0:
        if setpriv is None:
            pytest.skip("as root, and there is no setpriv to be less")
        for one in (root, *root.rglob("*")):
            os.chown(one, 65534, 65534)
    for one in (root, *root.rglob("*")):
        one.chmod(0o555 if one.is_dir() else 0o444)
    plain = [setpriv, "--bounding-set=-all", "--inh-caps=-all"] if setpriv and os.geteuid() == 0 else []
    command = [*plain, sys.executable, str(RUNNER), *question, "--workspace", str(root)]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    finally:
        for one in (root, *root.rglob("*")):
            if one.is_dir():
                one.chmod(0o755)


def test_the_answers_are_the_same_where_no_log_is_left(workspace: Path, place: Path) -> None:
    root = Path(shutil.copytree(workspace, place / "what? 100%"))
    with closing(sqlite3.connect(root / "metadata.db")) as connection:
        connection.execute("PRAGMA journal_mode = WAL")  # as a run has it
    assert not (root / "metadata.db-wal").exists()
    said = ask_as_another(root, "serving")
    assert (said.returncode, said.stderr) == (
        0,
        f"note: this workspace was made at {workspace}; paths are those of then\n",
    )
    assert "flats version 3: live" in said.stdout
    listed = ask_as_another(root, "runs", "--problem", "flats")
    assert (listed.returncode, "mean_absolute_error 90" in listed.stdout) == (0, True)
    assert not {"metadata.db-wal", "metadata.db-shm"} & {one.name for one in root.iterdir()}


def test_what_is_only_in_the_log_is_read_with_it(workspace: Path, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = Path(shutil.copytree(workspace, place / "left", ignore=shutil.ignore_patterns("metadata.db")))
    written = place / "metadata.db"
    with closing(sqlite3.connect(workspace / "metadata.db")) as source, closing(sqlite3.connect(written)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.executescript("\n".join(source.iterdump()))
        for one in (written, written.with_name("metadata.db-wal")):  # as of a run that was killed, and moved
            shutil.copyfile(one, root / one.name)
    aside = place / "aside"
    aside.mkdir()
    monkeypatch.setenv("TMPDIR", str(aside))
    said = ask_as_another(root, "serving")
    assert (said.returncode, said.stderr) == (
        0,
        f"note: this workspace was made at {workspace}; paths are those of then\n",
    )
    assert "flats version 3: live" in said.stdout
    assert list(aside.iterdir()) == []


def test_a_file_that_is_none_is_never_taken_for_an_empty_one(place: Path) -> None:
    root = place / "broken"
    root.mkdir()
    (root / "metadata.db").write_bytes(b"no database at all" * 1000)
    said = ask_as_another(root, "serving")
    assert said.returncode == 1
    assert "The workspace's metadata cannot be read" in said.stderr
