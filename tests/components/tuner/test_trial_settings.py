"""What a trial trains with: the training's settings, with its values, and evaluations evenly spaced."""

from pathlib import Path
from typing import Any

import pytest

from components.tuner.search import trial_settings, trim
from pipeline.config.model import Training
from pipeline.config.tuning import Tuning


def settings(values: dict[str, Any] | None = None, rows: int = 1000, **training: Any) -> tuple[Training, int]:
    given = Training.model_validate({"train_steps": 100, "params": {"rate": 0.1}, **training})
    return trial_settings(given, values or {}, Tuning(evaluations=4), rows)


def test_each_evaluation_has_its_checkpoint() -> None:
    found, steps = settings({"rate": 0.3}, save_checkpoints_secs=60, throttle_secs=600)
    assert steps == 100
    assert (found.save_checkpoints_steps, found.save_checkpoints_secs, found.evaluation_throttle_secs) == (25, None, 0)
    assert found.params == {"rate": 0.3}


@pytest.mark.parametrize(("values", "steps"), [({}, 32), ({"batch_size": 100}, 20), ({"num_epochs": 4}, 63)])
def test_steps_follow_from_the_rows_that_are_not_held_out(values: dict[str, Any], steps: int) -> None:
    assert settings(values, train_steps=None, num_epochs=2, batch_size=64)[1] == steps


def test_the_steps_may_be_searched_and_have_a_default() -> None:
    found, steps = settings({"train_steps": 10})
    assert (found.train_steps, found.save_checkpoints_steps, steps) == (10, 3, 10)
    assert settings(train_steps=None)[1] == 2000


def test_a_trial_starts_from_scratch_and_exports_nothing() -> None:
    found, _ = settings(warm_start=True, vars_to_warm_start="x", export="latest")
    assert (found.warm_start, found.vars_to_warm_start, found.export) == (False, ".*", "final")
    best, _ = settings(export="best", best_metric="mean_absolute_error")
    assert (best.export, best.best_metric) == ("best", "mean_absolute_error")


def test_what_is_left_of_a_trial_is_what_tensorboard_shows(tmp_path: Path) -> None:
    for name in (
        "events.out.1",
        "model.ckpt-7.index",
        "checkpoint",
        "graph.pbtxt",
        "training.json",
        "eval/events.out.2",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "best").mkdir()
    trim(tmp_path)
    left = sorted(str(one.relative_to(tmp_path)) for one in tmp_path.rglob("*") if one.is_file())
    assert left == ["eval/events.out.2", "events.out.1", "training.json"]
