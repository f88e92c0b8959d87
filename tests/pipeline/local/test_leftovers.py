"""Temporary files of nodes: where they go, and when they go."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.errors import InfrastructureError
from pipeline.local import leftovers
from pipeline.local.liveness import hold

CODE = """
import os, socket, sys, tempfile
from pathlib import Path
from pipeline.local import leftovers
leftovers.use(Path(sys.argv[1]), "Trainer")
with tempfile.NamedTemporaryFile(delete=False) as file:
    print(file.name)
place = tempfile.mkdtemp(prefix="pymp-")
socket.socket(socket.AF_UNIX).bind(os.path.join(place, "listener-abcdefgh"))
os.kill(os.getpid(), 9)
"""


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """What stands for the system's folder of temporary files, and has as short a name."""
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="t-") as name:
        monkeypatch.setattr(leftovers, "_SYSTEM", Path(name))
        yield Path(name)


def leave_behind(run: Path, system: Path) -> Path:
    """Have a process that is killed leave a file and a socket; return where the file is."""
    environment = {**os.environ, "TMPDIR": str(system)}
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(run)], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == -9, done.stderr
    return Path(done.stdout.strip())


@pytest.mark.parametrize("foreign", ["writable", "link"])
def test_a_folder_that_others_may_write_is_not_used(tmp_path: Path, system: Path, foreign: str) -> None:
    """Its name can be foreseen, and what is written there may be imported."""
    run = tmp_path / ("d" * 90) / "runs" / "flats-20260101-100000"
    run.mkdir(parents=True)
    place = leftovers.folder_of(run)
    theirs = tmp_path / "theirs"
    (theirs / "Trainer").mkdir(parents=True)
    if foreign == "link":
        place.symlink_to(theirs)
    else:
        place.mkdir()
        place.chmod(0o777)
    with pytest.raises(InfrastructureError) as caught:
        leftovers.use(run, "Trainer")
    assert caught.value.headline == "The folder for temporary files is not this user's alone"
    leftovers.remove(run, "Trainer")
    assert (theirs / "Trainer").is_dir()


@pytest.mark.parametrize("depth", [0, 90])
def test_what_a_killed_node_leaves_is_swept_by_the_next_run(tmp_path: Path, system: Path, depth: int) -> None:
    """Even where the workspace lies so deep that a socket could not be made in it."""
    root = tmp_path / ("d" * depth) if depth else system / "w"
    run = root / "runs" / "flats-20260101-100000"
    run.mkdir(parents=True)
    file = leave_behind(run, system)
    assert file.exists()
    assert file.is_relative_to(leftovers.folder_of(run) / "Trainer")
    assert file.is_relative_to(run) is not bool(depth)
    with hold(run):
        leftovers.sweep(root / "runs")
        assert file.exists(), "a run that is under way is swept"
    leftovers.sweep(root / "runs")
    assert not file.exists()
    assert not (run / "tmp").exists()
    assert {one.name for one in system.iterdir()} <= {"w"}


def test_a_node_that_has_ended_is_swept_alone(tmp_path: Path, system: Path) -> None:
    run = tmp_path / "flats-20260101-100000"
    for node in ("Trainer", "Transform"):
        (leftovers.folder_of(run) / node).mkdir(parents=True)
    leftovers.remove(run, "Trainer")
    assert [one.name for one in leftovers.folder_of(run).iterdir()] == ["Transform"]
    leftovers.remove(run)
    assert not list(system.iterdir())


def test_of_several_servers_of_a_run_each_removes_its_own(tmp_path: Path) -> None:
    run = tmp_path / "runs" / "flats.1"
    names = {leftovers.name_of(process, only) for only in ("Trainer", "Pusher") for process in (only, "close")}
    assert names == {"Trainer", "Trainer.close", "Pusher", "Pusher.close"}
    assert leftovers.name_of("close", "") == "close"
    for name in names:
        (leftovers.folder_of(run) / name).mkdir(parents=True)
    leftovers.remove_all(run, "Trainer")
    assert {one.name for one in leftovers.folder_of(run).iterdir()} == {"Pusher", "Pusher.close"}
    leftovers.remove_all(run)
    assert not leftovers.folder_of(run).exists()
