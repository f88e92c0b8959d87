"""A machine that fails: a full disk and a disk that cannot be written. Needs the right to mount."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.site import Site, refused, until

pytestmark = pytest.mark.slow

ENDLESS = ("--set", "training.train_steps=1_000_000", "--set", "training.save_checkpoints_steps=500")


@contextmanager
def mounted(folder: Path, *commands: list[str]) -> Iterator[Path]:
    """Mount something at ``folder`` for a while; skip the test where that is not allowed."""
    folder.mkdir(exist_ok=True)
    for number, command in enumerate(commands):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            if number:
                subprocess.run(["umount", str(folder)], check=True)
            pytest.skip(f"may not mount here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def small_disk(folder: Path, size: str) -> list[str]:
    return ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]


def test_a_disk_that_is_full_from_the_start(ground: Site, tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", small_disk(tmp_path / "disk", "16m")) as disk:
        ended = ground.run(workspace=disk / "workspace")
        refused(ended, 1, "The disk of the workspace is full", str(disk), " MB free", "--workspace")


def test_a_disk_that_fills_up_during_the_run(site: Site, tmp_path: Path) -> None:
    """First as the first node starts, then, with room made and the same workspace, while training."""
    with mounted(tmp_path / "disk", small_disk(tmp_path / "disk", "80m")) as disk:
        workspace = disk / "workspace"
        workspace.mkdir()
        for file in site.workspace.glob("metadata.db*"):  # it knows of what can be reused, so that this is quick
            shutil.copy(file, workspace)
        for sign, done in (
            (lambda: list(workspace.glob("runs/*/nodes/prepare.json")), "prepare"),
            (lambda: any(steps(file) for file in workspace.glob("runs/*/events/Trainer.jsonl")), "Transform"),
        ):
            process = site.start(*ENDLESS, workspace=workspace)
            until(sign, process)
            with filled(disk):
                ended = site.wait(process, site.served())
            refused(ended, 1, "The disk of the workspace is full", str(disk), "--workspace", "runner.py gc --workspace")
            assert list(workspace.glob(f"runs/*/nodes/{done}.json"))
        assert not list(workspace.glob("serving/flats/*"))


def steps(events: Path) -> bool:
    return '"step"' in events.read_text()


@contextmanager
def filled(disk: Path) -> Iterator[None]:
    """Fill a disk to the last byte; and make room again."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space left"):
        while True:
            file.write(bytes(1 << 12))
    yield
    filler.unlink()


def test_a_workspace_that_is_read_only(site: Site) -> None:
    view = site.workspace  # in its own place: it is refused in another
    bind = ["mount", "--bind", str(site.workspace), str(view)]
    with mounted(view, bind, ["mount", "-o", "remount,ro,bind", str(view)]):
        refused(site.run(workspace=view), 1, "The workspace cannot be written", "Read-only file system", str(view))


def test_a_place_for_the_workspace_that_is_read_only(ground: Site, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    with mounted(disk, ["mount", "-t", "tmpfs", "-o", "ro,size=1m", "tmpfs", str(disk)]):
        ended = ground.run(workspace=disk / "new")
        refused(ended, 1, "The workspace cannot be written", "Read-only file system", str(disk / "new"))
