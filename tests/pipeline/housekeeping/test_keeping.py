"""What gc keeps and what it frees, on metadata written through ML Metadata's own API and real folders."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.command_line import Ask
from tests.pipeline.housekeeping.conftest import DAY, FIRST, Ground

Gc = Callable[..., Any]


def unserve(ground: Ground, *versions: int) -> None:
    for one in versions:
        shutil.rmtree(ground.root / "serving" / "flats" / str(one))


def test_the_last_runs_are_kept_with_all_that_they_used_and_made(ground: Ground, gc: Gc) -> None:
    for number in range(1, 6):
        ground.run(number)
    unserve(ground, 1, 2, 3)
    before = ground.size()
    told = gc("--keep-runs", "2")
    assert told["runs"] == {
        "flats": {
            "kept": ["flats-20260104-100000", "flats-20260105-100000"],
            "freed": [f"flats-2026010{number}-100000" for number in (1, 2, 3)],
        }
    }
    for kind in ("Schema", "TransformGraph", "Model", "ModelEvaluation", "ModelBlessing", "InfraBlessing"):
        assert ground.live(kind) == [4, 5], kind
    assert ground.live("Examples") == [7, 8, 9, 10]  # as they were read, and transformed
    assert not (ground.root / "logs" / "flats-20260103-100000").exists()
    assert (ground.root / "logs" / "flats-20260104-100000").is_dir()
    assert (ground.root / "runs" / "flats-20260101-100000" / "code" / "flats" / "model.py").is_file()
    assert told["bytes"] == before - ground.size()


def test_a_reused_result_is_kept_with_the_run_that_reused_it(ground: Ground, gc: Gc) -> None:
    ground.run(1)
    ground.run(2)
    ground.run(3, changed=("Trainer", "Evaluator", "InfraValidator"))  # on the data and transform of the second
    unserve(ground, 1, 2)
    gc("--keep-runs", "1")
    assert ground.live("Examples") == [3, 4]
    assert ground.live("TransformGraph") == [2]
    # The third is compared with the second, as it was when it was judged, and will be when it is run again.
    assert ground.live("Model") == [2, 3]
    assert ground.live("ModelBlessing") == [2, 3]


def test_a_model_in_serving_is_kept_without_its_rows(ground: Ground, gc: Gc) -> None:
    for number in range(1, 6):
        ground.run(number)
    unserve(ground, 2, 3)
    before = ground.snapshot()[0]
    told = gc("--keep-runs", "1")
    for kind in ("Schema", "TransformGraph", "Model", "ModelEvaluation", "ModelBlessing"):
        assert ground.live(kind) == [1, 4, 5], kind
    assert ground.live("Examples") == [9, 10]
    assert [one["reason"] for one in told["kept"]] == [
        "the last run, flats-20260105-100000",
        "models in serving: versions 1, 4 to 5",
    ]
    served = {path: content for path, content in before.items() if path.startswith("serving/")}
    assert served.items() <= ground.snapshot()[0].items()


def test_what_is_live_is_kept_with_its_run_however_old(ground: Ground, gc: Gc) -> None:
    ground.run(1)
    ground.run(2)
    for number in (3, 4):
        ground.run(number, value=2000)  # not blessed
    unserve(ground, 1)
    told = gc("--keep-runs", "1")
    assert told["runs"]["flats"]["kept"] == ["flats-20260102-100000", "flats-20260104-100000"]
    assert ground.live("Examples") == [3, 4, 7, 8]
    # The first is what the second was compared with, and the latest blessed one but for that: only the model stays.
    assert ground.live("Model") == [1, 2, 4]
    assert [one["reason"] for one in told["kept"]] == [
        "the last run, flats-20260104-100000",
        "version 2, which is live, and its run flats-20260102-100000",
        "the latest blessed models, with which the next one is compared",
    ]


def test_the_latest_blessed_models_are_kept_where_nothing_is_served(ground: Ground, gc: Gc) -> None:
    for number in (1, 2, 3):
        ground.run(number)
    ground.run(4, value=2000)
    unserve(ground, 1, 2, 3)
    gc("--keep-runs", "1")
    assert ground.live("Model") == [2, 3, 4]
    assert ground.live("ModelBlessing") == [2, 3, 4]
    assert ground.live("Examples") == [7, 8]


def test_of_what_a_training_started_from_only_the_model_is_kept(ground: Ground, gc: Gc) -> None:
    ground.run(1)
    ground.run(2, warm_start=True)
    ground.run(3, warm_start=True)
    for number in (4, 5):
        ground.run(number, problem="plants")
    shutil.rmtree(ground.root / "serving")
    # The third comes from the second, and that from the first: only one step back is used again.
    for one in ground.artifacts():
        if one.type == "ModelBlessing":
            one.custom_properties["blessed"].int_value = 0
            ground.writer.store.put_artifacts([one])
    gc("--keep-runs", "1")
    models = [one for one in ground.artifacts() if one.type == "Model" and "/flats/" in one.uri]
    assert [Path(one.uri).exists() for one in models] == [False, True, True]
    assert ground.live("Examples") == [5, 6, 9, 10]


def test_each_problem_has_its_own_last_runs(ground: Ground, gc: Gc) -> None:
    ground.run(1, problem="plants", record=False)  # by an orchestrator
    ground.run(2, problem="plants", record=False)
    for number in (3, 4, 5):
        ground.run(number)
    shutil.rmtree(ground.root / "serving")
    told = gc("--keep-runs", "2")
    assert list(told["runs"]) == ["flats", "plants"]
    assert told["runs"]["plants"]["freed"] == []
    assert ground.live("Examples") == [1, 2, 3, 4, 7, 8, 9, 10]


def test_a_run_that_is_under_way_on_another_machine_is_kept(ground: Ground, gc: Gc) -> None:
    ground.run(1, record=False, running=True)
    ground.run(2, running=True)  # of this machine, which is gone: its lock is free
    ground.run(3)
    told = gc("--keep-runs", "1")
    assert told["runs"]["flats"]["kept"] == ["flats-20260101-100000", "flats-20260103-100000"]
    assert ground.live("Examples") == [1, 2, 5, 6]
    reasons = [one["reason"] for one in told["kept"]]
    assert "a node of flats-20260101-100000 is under way, as far as the metadata says" in reasons


def test_a_run_that_waits_for_its_scheduler_is_kept(ground: Ground, gc: Gc) -> None:
    for number in (1, 2):
        ground.run(number, running=True)
    ground.run(3)
    name = "flats-20260102-100000"
    as_scheduled(ground, name)
    told = gc("--keep-runs", "1")
    assert told["runs"]["flats"]["kept"] == [name, "flats-20260103-100000"]
    assert f"{name} waits for the scheduler that starts its nodes" in [one["reason"] for one in told["kept"]]


def as_scheduled(ground: Ground, name: str) -> None:
    """Have a run's record say that a scheduler starts its nodes."""
    file = ground.root / "runs" / name / "job.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "scheduled": {"set": []}}))


def test_a_run_whose_scheduler_may_try_again_is_kept_for_a_day(
    ground: Ground, gc: Gc, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As ten runs of a backfill, of each of which a node failed: nothing of them may go between two attempts."""
    scheduled = [ground.run(number, fails="Evaluator") for number in (1, 2)]
    here = ground.run(3, fails="Evaluator")
    for one in scheduled:
        as_scheduled(ground, one)
    checkpoint = ground.root / "artifacts" / "flats" / "Trainer" / ".checkpoints" / "a" / "model.ckpt"
    checkpoint.parent.mkdir(parents=True)
    checkpoint.write_text("of a Trainer that is to go on")
    began = FIRST + 1.5 * DAY  # after the first began, long before the last
    for place in (checkpoint, checkpoint.parent):
        os.utime(place, (began, began))
    last = ground.run(4)
    told = gc("--keep-runs", "1")
    assert told["runs"]["flats"] == {"kept": [*scheduled, last], "freed": [here]}
    reasons = [one["reason"] for one in told["kept"]]
    for one in scheduled:
        assert f"{one} failed or was cancelled less than a day ago, and its scheduler may try again" in reasons
        assert (ground.root / "logs" / one).is_dir()
    assert ground.live("TransformGraph") == [1, 2, 4]
    assert ground.live("Model") == [1, 2, 4]
    assert checkpoint.is_file()

    monkeypatch.setattr("pipeline.lineage.runs.WAITS", 0.0)  # the day is over
    assert gc("--keep-runs", "1")["runs"]["flats"]["kept"] == [last]
    assert ground.live("Model") == [4]
    assert not checkpoint.exists()


def test_with_no_more_runs_than_are_kept_nothing_goes(ground: Ground, ask: Ask) -> None:
    for number in range(1, 6):
        ground.run(number)
    before = ground.snapshot()
    said = ask("gc")
    assert said.code == 0
    assert said.out.startswith("nothing to free\n\nkept:\n  flats  45  ")
    assert ground.snapshot() == before


def test_what_is_kept_is_not_even_written_again(ground: Ground, gc: Gc) -> None:
    """An artifact's time of change is in TFX's cache key: nothing that was made of it would be reused."""
    for number in range(1, 4):
        ground.run(number)
    unserve(ground, 1, 2)
    before = {one.id: one for one in ground.artifacts()}
    told = gc("--keep-runs", "1")
    changed = [one.id for one in ground.artifacts() if one != before[one.id]]
    assert changed == told["artifacts"]
    for one in ground.artifacts():
        was = before[one.id]
        was.state, was.last_update_time_since_epoch = one.state, one.last_update_time_since_epoch
        assert one == was  # of what is gone nothing but the state


def test_a_dry_run_says_the_same_and_changes_nothing(ground: Ground, ask: Ask) -> None:
    for number in range(1, 4):
        ground.run(number)
    unserve(ground, 1)
    before = ground.snapshot()
    dry = ask("gc", "--keep-runs", "1", "--dry-run", "--json")
    text = ask("gc", "--keep-runs", "1", "--dry-run")
    assert ground.snapshot() == before
    assert not (ground.root / ".lock").exists()
    done = ask("gc", "--keep-runs", "1", "--json")
    assert dry.json["dry_run"]
    assert dry.json["bytes"] > 0
    assert {**dry.json, "dry_run": False} == done.json
    assert text.out.startswith("would free ")
    assert "  flats  Trainer          artifacts  1  1.0 kB\n" in text.out
    assert "1.0 kB\n" in text.out
    again = ask("gc", "--keep-runs", "1")
    assert again.out.startswith("nothing to free")
    assert json.loads(ask("gc", "--keep-runs", "1", "--json").out)["freed"] == []


def test_the_latest_search_is_kept_for_the_runs_that_take_its_values(ground: Ground, gc: Gc) -> None:
    for number in range(1, 5):
        run = ground.run(number)
        if number < 3:
            folder = ground.root / "artifacts" / "flats" / "Tuner"
            ground.writer.search(run, "flats", folder)
            ground.fill()
    gc("--keep-runs", "1")
    assert ground.live("HyperParameters") == [2]
    assert ground.live("TunerResults") == [2]
