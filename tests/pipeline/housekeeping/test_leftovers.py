"""What lies in a workspace and is no artifact: what of it goes, and what stays."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.housekeeping.conftest import DAY, FIRST, Ground

Gc = Callable[..., Any]


@pytest.fixture
def three(ground: Ground) -> Ground:
    """Three runs; the last two are to be kept."""
    for number in (1, 2, 3):
        ground.run(number)
    return ground


def whats(told: Any) -> dict[str, int]:
    return {one["what"]: one["count"] for one in told["freed"] if one["what"] not in ("artifacts", "logs")}


def checkpoints(ground: Ground, key: str, day: float, done: str | None = None) -> Path:
    """Make what a training keeps its checkpoints in, last written on a day."""
    folder = ground.root / "artifacts" / "flats" / "Trainer" / ".checkpoints" / key
    folder.mkdir(parents=True)
    (folder / "model.ckpt-1").write_bytes(b"0" * 500)
    if done is not None:
        (folder / "done.json").write_text(json.dumps({"model_run": done}))
    for one in (*folder.iterdir(), folder):
        os.utime(one, (FIRST + day * DAY, FIRST + day * DAY))
    return folder


def test_checkpoints(three: Ground, gc: Gc) -> None:
    published = next(one.uri for one in reversed(three.artifacts()) if one.type == "Model")
    done = checkpoints(three, "done", 3.1, published)
    killed_before_publishing = checkpoints(three, "killed", 3.1, f"{three.root}/artifacts/flats/Trainer/model_run/99")
    given_up = checkpoints(three, "given-up", 1.5)
    may_go_on = checkpoints(three, "may-go-on", 2.5)
    told = gc("--keep-runs", "2")
    assert whats(told) == {"checkpoints of done trainings": 1, "checkpoints of abandoned trainings": 1}
    assert [one.exists() for one in (done, killed_before_publishing, given_up, may_go_on)] == [False, True, False, True]


def test_studies(three: Ground, gc: Gc) -> None:
    folders = [three.root / "artifacts" / "flats" / "Tuner" / ".studies" / name for name in ("old", "may-go-on")]
    for folder, day in zip(folders, (1.5, 2.5), strict=True):
        (folder / "trials" / "00000").mkdir(parents=True)
        (folder / "study.db").write_bytes(b"0" * 500)
        for one in (*folder.rglob("*"), folder):
            os.utime(one, (FIRST + day * DAY, FIRST + day * DAY))
    assert whats(gc("--keep-runs", "2")) == {"trials of old searches": 1}
    assert [one.exists() for one in folders] == [False, True]


def test_half_made_outputs_of_killed_nodes(three: Ground, gc: Gc) -> None:
    """A folder named by an execution of that very node, which no artifact names; of any other it knows nothing."""
    place = ("flats-20260103-100000", "flats", "Trainer")
    execution = three.writer.execution(place, "running", {}, [], [])
    node = three.root / "artifacts" / "flats" / "Trainer"
    half = node / "model" / str(execution)
    elsewhere = node.parent / "Evaluator" / "evaluation" / str(execution)
    unknown = node / "model" / "9999"
    for folder in (half, elsewhere, unknown):
        folder.mkdir(parents=True)
        (folder / "file").write_bytes(b"0" * 100)
    told = gc("--keep-runs", "5")
    assert whats(told) == {"half-made outputs": 1}
    assert told["bytes"] == 100
    assert [one.exists() for one in (half, elsewhere, unknown)] == [False, True, True]
    assert told["left"] == [f"2 folders that no artifact of this metadata store names, as {elsewhere}"]


def test_nothing_goes_that_another_store_may_name(three: Ground, gc: Gc) -> None:
    """A new, nearly empty database where the artifacts of an old one lie."""
    for one in three.root.glob("metadata.db*"):
        one.unlink()
    type(three.writer)(three.root).run("plants-20260105-100000", problem="plants")
    before = sorted((three.root / "artifacts" / "flats").rglob("*"))
    told = gc("--keep-runs", "1")
    assert sorted((three.root / "artifacts" / "flats").rglob("*")) == before
    assert {one["what"] for one in told["freed"]} == {"logs"}  # which go by the runs' own records


def test_temporary_folders(three: Ground, gc: Gc) -> None:
    node = three.root / "artifacts" / "flats" / "Trainer"
    for name in ("executor_execution/4/.temp", "stateful_working_dir/abc", "driver_execution/17"):
        (node / ".system" / name).mkdir(parents=True)
    assert whats(gc("--keep-runs", "5", "--dry-run")) == {"temporary folders": 3}
    assert whats(gc("--keep-runs", "5")) == {"temporary folders": 3}
    assert list((node / ".system").glob("*/*")) == []


def test_while_a_node_of_another_machine_runs_its_folders_stay(ground: Ground, gc: Gc) -> None:
    ground.run(1, record=False, running=True)
    working = ground.root / "artifacts" / "flats" / "Evaluator" / ".system" / "executor_execution" / "6"
    execution = max(one.id for one in ground.store().get_executions())
    half = ground.root / "artifacts" / "flats" / "Evaluator" / "evaluation" / str(execution)
    for folder in (working, half):
        folder.mkdir(parents=True)
    assert gc("--keep-runs", "1")["freed"] == []
    assert working.is_dir()
    assert half.is_dir()
