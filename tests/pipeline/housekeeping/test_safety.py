"""What gc never does: follow a link, leave the workspace, meet a run, or lose its way where it may not remove."""

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ml_metadata.proto import metadata_store_pb2 as mlmd

from pipeline.cli.main import main
from pipeline.errors import InfrastructureError, PipelineError
from pipeline.housekeeping.alone import alone
from pipeline.housekeeping.freeing import free
from pipeline.housekeeping.marks import open_marks
from pipeline.housekeeping.places import artifact_place, remove
from pipeline.housekeeping.plan import make_plan
from pipeline.lineage.archive import open_archive
from tests.pipeline.command_line import Ask
from tests.pipeline.housekeeping.conftest import Ground

Gc = Callable[..., Any]


@pytest.fixture
def two(ground: Ground) -> Ground:
    """Two runs, of which the first is to be freed: its version is no longer in serving."""
    ground.run(1, value=2000)
    ground.run(2)
    return ground


def model(ground: Ground) -> Any:
    """The model of the first run."""
    return next(one for one in ground.artifacts() if one.type == "Model")


def test_an_artifact_whose_folder_is_a_link_is_left_alone(two: Ground, gc: Gc) -> None:
    outside = two.root.parent / "outside"
    folder = Path(model(two).uri)
    folder.rename(outside)
    folder.symlink_to(outside)
    told = gc("--keep-runs", "1")
    assert model(two).id not in told["artifacts"]
    assert model(two).state == mlmd.Artifact.LIVE
    assert (outside / "bytes").is_file()
    assert told["left"] == ["1 artifact outside this workspace, or behind a symbolic link"]


def test_a_node_whose_folder_is_a_link_is_left_alone(two: Ground, gc: Gc) -> None:
    outside = two.root.parent / "outside"
    node = two.root / "artifacts" / "flats" / "Trainer"
    node.rename(outside)
    node.symlink_to(outside)
    (outside / "model" / "77").mkdir()
    gc("--keep-runs", "1")
    assert len(list(outside.glob("model/*/bytes"))) == 2
    assert (outside / "model" / "77").is_dir()


def test_a_link_inside_an_artifact_goes_and_what_it_leads_to_stays(two: Ground, gc: Gc) -> None:
    outside = two.root.parent / "outside"
    outside.mkdir()
    (outside / "mine").write_text("mine")
    folder = Path(model(two).uri)
    (folder / "folder").symlink_to(outside)
    (folder / "file").symlink_to(outside / "mine")
    told = gc("--keep-runs", "1")
    assert model(two).id in told["artifacts"]
    assert not folder.exists()
    assert (outside / "mine").read_text() == "mine"


def test_a_workspace_that_is_itself_reached_by_a_link_is_freed(two: Ground, capsys: pytest.CaptureFixture[str]) -> None:
    link = two.root.parent / "link"
    link.symlink_to(two.root)
    assert main(["gc", "--keep-runs", "1", "--workspace", str(link)]) == 0
    assert capsys.readouterr().out.startswith("freed ")
    assert not Path(model(two).uri).exists()


@pytest.mark.parametrize(
    "where", ["{outside}", "{root}/../outside", "{root}/serving/flats/2", "{root}/artifacts/flats"]
)
def test_an_artifact_that_lies_elsewhere_is_left_alone(two: Ground, gc: Gc, where: str) -> None:
    place = Path(where.format(root=two.root, outside=two.root.parent / "outside"))
    place.mkdir(parents=True, exist_ok=True)
    (place / "mine").write_text("mine")
    one = model(two)
    one.uri = str(place)
    two.writer.store.put_artifacts([one])
    told = gc("--keep-runs", "1")
    assert one.id not in told["artifacts"]
    assert (place / "mine").read_text() == "mine"
    assert told["left"][0] == "1 artifact outside this workspace, or behind a symbolic link"


def test_what_shares_a_folder_with_what_is_kept_is_left_alone(two: Ground, gc: Gc) -> None:
    first, last = [one for one in two.artifacts() if one.type == "Model"]
    shutil.rmtree(first.uri)
    first.uri = last.uri
    two.writer.store.put_artifacts([first])
    told = gc("--keep-runs", "1")
    assert first.id not in told["artifacts"]
    assert (Path(last.uri) / "bytes").is_file()
    assert told["left"] == ["1 artifact whose folder holds, or lies in, that of one that is kept"]


def test_only_what_lies_inside_is_ever_removed(tmp_path: Path) -> None:
    root, outside = tmp_path / "w", tmp_path / "outside"
    for folder in (root / "a", outside):
        folder.mkdir(parents=True)
    (root / "link").symlink_to(outside)
    for place in (outside, root, tmp_path, root / "link", root / "link" / "x", root / "a" / ".." / ".." / "outside"):
        with pytest.raises(OSError, match="does not lie in"):
            remove(root, place)
    assert outside.is_dir()
    remove(root, root / "a")
    remove(root, root / "a")  # it is not there any more
    assert not (root / "a").exists()


@pytest.mark.parametrize("uri", ["gs://bucket/artifacts/p/n/k/1", "artifacts/p/n/k/1", "", "/", "file:///p/n/k/1"])
def test_what_is_no_path_of_this_machine_has_no_place(tmp_path: Path, uri: str) -> None:
    assert artifact_place(tmp_path, uri) is None


def test_a_link_that_comes_between_planning_and_removing_is_not_followed(two: Ground) -> None:
    """What cannot be removed stays marked as going, is said, and is tried again by the next gc; all else goes."""
    plan = make_plan(open_archive(two.root), 1)
    outside = two.root.parent / "outside"
    folder = Path(model(two).uri)
    folder.rename(outside)
    folder.symlink_to(outside)
    done = free(plan, open_marks(two.root))
    assert (outside / "bytes").is_file()
    assert model(two).state == mlmd.Artifact.MARKED_FOR_DELETION
    assert len(done.items) == len(plan.items) - 1
    assert done.error is not None
    assert done.error.headline == "A folder could not be removed"
    assert done.error.where == str(folder)
    assert done.error.exit_code == 1
    folder.unlink()
    outside.rename(folder)
    again = make_plan(open_archive(two.root), 5)  # even if the run is to be kept now
    assert [one.artifact for one in again.items if one.artifact] == [model(two).id]
    assert free(again, open_marks(two.root)).error is None
    assert not folder.exists()
    assert model(two).state == mlmd.Artifact.DELETED


def test_a_file_with_several_names_is_counted_once(two: Ground, gc: Gc) -> None:
    """As the Trainer links its checkpoints into its output."""
    folder = Path(model(two).uri)
    (folder / "big").write_bytes(b"1" * 50_000)
    os.link(folder / "big", folder / "again")
    (folder / "kept").write_bytes(b"1" * 70_000)
    os.link(folder / "kept", two.root / "still")
    dry = gc("--keep-runs", "1", "--dry-run")
    [row] = [one for one in dry["freed"] if one["node"] == "Trainer"]
    assert row["bytes"] == 1000 + 50_000


@pytest.mark.parametrize("lock", [".lock", "runs/flats-20260102-100000/.lock"])
def test_nothing_is_freed_while_a_run_is_under_way(
    two: Ground, ask: Ask, monkeypatch: pytest.MonkeyPatch, lock: str
) -> None:
    monkeypatch.setattr("pipeline.housekeeping.alone._GLANCE", 0.1)
    (two.root / ".lock").write_text("process 77 since 10:00:00")
    before = two.snapshot()
    (two.root / lock).touch()
    with (two.root / lock).open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        said = ask("gc", "--keep-runs", "1")
        dry = ask("gc", "--keep-runs", "1", "--dry-run")
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith("Error: Nothing can be freed while a run is under way")
    assert ("process 77" if lock == ".lock" else "flats-20260102-100000") in said.err
    assert "  next:     run it again when that has ended" in said.err
    assert dry.code == 0
    assert dry.out.startswith("would free ")
    assert "is under way: nothing can be freed before that ends" in dry.out
    assert two.snapshot() == before
    assert ask("gc", "--keep-runs", "1").code == 0
    assert two.snapshot() != before
    assert (two.root / ".lock").read_text() == ""


def test_the_run_that_shares_the_workspace_is_named(two: Ground, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """And not what a gc wrote there that was killed."""
    monkeypatch.setattr("pipeline.housekeeping.alone._GLANCE", 0.1)
    (two.root / ".lock").write_text("gc, process 77 since 10:00:00")
    own = two.root / "runs" / "flats-20260102-100000" / ".lock"
    with (two.root / ".lock").open("r") as workspace, own.open("a") as run:
        fcntl.flock(workspace, fcntl.LOCK_SH)
        fcntl.flock(run, fcntl.LOCK_EX)
        said = ask("gc", "--keep-runs", "1")
    assert said.err.startswith("Error: Nothing can be freed while a run is under way")
    assert "got:      flats-20260102-100000\n" in said.err


def test_runs_cannot_start_while_it_works(two: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.housekeeping.alone._GLANCE", 0.1)
    with alone(two.root), (two.root / ".lock").open("r+") as file:
        for way in (fcntl.LOCK_SH, fcntl.LOCK_EX):
            with pytest.raises(BlockingIOError):
                fcntl.flock(file, way | fcntl.LOCK_NB)
        assert file.read().startswith(f"gc, process {os.getpid()} since ")
        with pytest.raises(PipelineError, match="Another gc is at work"), alone(two.root):
            pass
    with alone(two.root):
        pass


def test_a_workspace_that_is_none(ask: Ask, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gc", "--workspace", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert said.startswith("Error: There is no workspace here\n")
    assert list(tmp_path.iterdir()) == []
    assert ask("gc", "--keep-runs", "0").code == 2


def test_metadata_that_cannot_be_written(two: Ground, tmp_path: Path) -> None:
    """Then nothing is removed either."""
    file = tmp_path / "metadata.db"
    file.write_bytes(b"this is not SQLite" * 100)
    with pytest.raises(InfrastructureError) as caught:
        open_marks(tmp_path)
    assert caught.value.headline == "The workspace's metadata cannot be written"
    assert caught.value.where == str(file)
