"""A disk without a byte left: what it says, and that a little room is enough for gc. Needs the right to mount."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.cli.main import main
from pipeline.errors import InfrastructureError
from pipeline.local.workspace import open_workspace

ROOT = Path(__file__).parents[3]
WRITE = """
import sys
from pathlib import Path
from tests.pipeline.housekeeping.conftest import Ground
from tests.pipeline.lineage.recorder import Recorder
root = Path(sys.argv[1])
ground = Ground(root, Recorder(root))
ground.run(1, value=2000)
ground.run(2)
"""
WAL = "import sqlite3, sys; print(*sqlite3.connect(sys.argv[1]).execute('PRAGMA journal_mode=WAL').fetchone())"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk that holds a workspace of two runs and nothing else, and has some room."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(place)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"may not mount here: {done.stderr.strip()}")
    try:
        # In processes of their own: what had the database open here would keep what a full disk has no room for.
        for code, given in ((WRITE, place / "w"), (WAL, place / "w" / "metadata.db")):
            subprocess.run([sys.executable, "-c", code, str(given)], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(disk: Path) -> Path:
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space left"):
        while True:
            file.write(bytes(1 << 12))
    return filler


def test_what_is_said_and_the_way_out(disk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    workspace = disk / "w"
    filler = fill(disk)
    with pytest.raises(InfrastructureError) as caught:
        open_workspace(workspace)
    assert caught.value.headline == "The disk of the workspace is full"
    assert f"`python runner.py gc --workspace {workspace}`" in str(caught.value.hint)
    for command in (["gc"], ["gc", "--dry-run"], ["runs"]):
        assert main([*command, "--workspace", str(workspace)]) == 1
        lines = capsys.readouterr().err.splitlines()
        assert lines[0] == "Error: The disk of the workspace is full: its metadata cannot be used"
        assert lines[1] == f"  where:    {workspace}"
        assert lines[2].startswith("  got:      0 B free (")
        way = f"free 1 MB on that disk by hand; then `python runner.py gc --workspace {workspace}` can free more"
        assert lines[3:] == [f"  next:     {way}"]
    with filler.open("r+b") as file:
        file.truncate(filler.stat().st_size - (1 << 20))
    assert main(["gc", "--keep-runs", "1", "--workspace", str(workspace)]) == 0
    assert capsys.readouterr().out.startswith("freed ")
