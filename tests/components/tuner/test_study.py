"""The study: killed at any trial, the search goes on with the same values, and repeats only what was running."""

from pathlib import Path
from typing import Any

from components.tuner.study import Study
from pipeline.config.tuning import Tuning

DEFAULTS = {"rate": 0.1, "units": [8], "layers": 2}


def tuning(**more: Any) -> Tuning:
    space = {
        "rate": {"type": "float", "low": 0.001, "high": 1, "log": True},
        "units": {"type": "categorical", "choices": [[8], [16, 8]]},
        "layers": {"type": "int", "low": 1, "high": 4},
    }
    return Tuning.model_validate({"space": space, **more})


def opened(folder: Path, **more: Any) -> Study:
    return Study(folder, "prices", tuning(**more), DEFAULTS, seed=7)


def loss(values: dict[str, Any]) -> float:
    return float(abs(values["rate"] - 0.3) + values["layers"])


def run(study: Study, count: int) -> list[dict[str, Any]]:
    """Run trials without pruning, one after the other."""
    found: list[dict[str, Any]] = []
    while len(found) < count:
        trial, values = study.ask(1)
        study.ended(trial, loss(values), 1.0, 30)
        found.append(values)
    return found


def test_the_first_trial_has_the_defaults(tmp_path: Path) -> None:
    assert run(opened(tmp_path), 1) == [DEFAULTS]
    [first] = opened(tmp_path).trials()
    assert (first.default, first.state, first.value, first.seconds, first.steps) == (True, "complete", 2.2, 1.0, 30)


def test_opened_again_it_goes_on_with_the_values_that_it_would_have_had(tmp_path: Path) -> None:
    through = run(opened(tmp_path / "a"), 16)
    parts = [one for _ in range(4) for one in run(opened(tmp_path / "b"), 4)]
    assert parts == through
    assert len({str(one) for one in through}) == 16


def test_a_kill_repeats_the_trials_that_ran_and_no_other(tmp_path: Path) -> None:
    study = opened(tmp_path / "killed")
    run(study, 12)
    killed = study.ask(1)[1]
    again = opened(tmp_path / "killed")  # as after SIGKILL: nobody has told the study anything
    assert again.begun() == 13
    assert again.give_up_running() == [12]
    assert again.begun() == 12
    rest = run(again, 4)
    assert rest[0] == killed
    states = [one.state for one in again.trials()]
    assert states == ["complete"] * 12 + ["killed"] + ["complete"] * 4
    assert again.trials()[13].reason == "in the place of trial 12, which was killed"
    assert rest == run(opened(tmp_path / "whole"), 16)[12:], "the kill changed what came after it"


def test_a_default_trial_that_was_killed_is_repeated_as_the_default(tmp_path: Path) -> None:
    opened(tmp_path).ask(1)
    study = opened(tmp_path)
    study.give_up_running()
    assert run(study, 1) == [DEFAULTS]
    assert [(one.state, one.default) for one in study.trials()] == [("killed", True), ("complete", True)]


def test_a_kill_before_a_trial_has_values_costs_nothing_and_never_the_default(tmp_path: Path) -> None:
    study = opened(tmp_path)
    study._study.ask()  # the first step of Study.ask, and no further
    again = opened(tmp_path)
    again.give_up_running()
    assert run(again, 1) == [DEFAULTS]
    again._study.ask()
    last = opened(tmp_path)
    assert last.give_up_running() == [2]
    assert last.begun() == 1
    assert run(last, 1) == run(opened(tmp_path / "whole"), 2)[1:]


def test_a_trial_that_ends_the_machine_each_time_is_given_up(tmp_path: Path) -> None:
    run(opened(tmp_path), 1)
    values = [kill_one(tmp_path) for _ in range(3)]
    assert values[0] == values[1] == values[2] != DEFAULTS
    study = opened(tmp_path)
    assert study.to_repeat() == []
    assert study.begun() == 2, "the third attempt counts"
    assert [one.state for one in study.trials()] == ["complete", "killed", "killed", "failed"]
    assert study.trials()[-1].reason == "the search was killed while it ran, 3 times"


def kill_one(folder: Path, **how: bool) -> dict[str, Any]:
    """Begin a trial as after a kill, and find it running as the next search does; return its values."""
    values = opened(folder).ask(1)[1]
    opened(folder).give_up_running(**how)
    return values


def test_the_default_is_repeated_however_often_it_is_killed(tmp_path: Path) -> None:
    for _ in range(5):
        assert kill_one(tmp_path) == DEFAULTS
    study = opened(tmp_path)
    assert study.begun() == 0
    assert run(study, 1) == [DEFAULTS]
    assert study.trials()[-1].default


def test_of_an_end_in_order_no_trial_is_suspected(tmp_path: Path) -> None:
    run(opened(tmp_path), 1)
    values = kill_one(tmp_path)
    assert [kill_one(tmp_path, stopped=True) for _ in range(4)] == [values] * 4
    assert kill_one(tmp_path) == values
    assert opened(tmp_path).to_repeat() == [6], "two kills, and four times stopped"
    assert opened(tmp_path).begun() == 1
    assert run(opened(tmp_path), 1) == [values]


def test_a_metric_that_is_infinite_is_a_failure_and_no_value(tmp_path: Path) -> None:
    study = opened(tmp_path, direction="higher_is_better")
    trial, _ = study.ask(1)
    study.evaluated(trial, 10, 0.5)
    study.evaluated(trial, 20, float("nan"))
    study.ended(trial, float("inf"), 1.0, 30, reason="the metric is inf")
    assert study.best() is None
    [failed] = study.trials()
    assert (failed.state, failed.value, failed.evaluations) == ("failed", 0.5, ((10, 0.5),))


def test_two_at_once_are_two_trials(tmp_path: Path) -> None:
    study = opened(tmp_path)
    (first, a), (second, b) = study.ask(2), study.ask(2)
    assert (first.number, second.number) == (0, 1)
    assert a != b


def test_what_is_worse_than_half_of_the_others_is_pruned(tmp_path: Path) -> None:
    study = opened(tmp_path, direction="higher_is_better")
    for _ in range(5):
        trial, _ = study.ask(1)
        assert not any(study.evaluated(trial, step, 0.9) for step in (10, 20))
        study.ended(trial, 0.9, 1.0, 20)
    trial, _ = study.ask(1)
    assert not study.evaluated(trial, 10, 0.2), "the first evaluation is too early"
    assert study.evaluated(trial, 20, 0.2)
    study.ended(trial, None, 1.0, 30, pruned=True)
    last = study.trials()[-1]
    assert (last.state, last.value, last.evaluations) == ("pruned", 0.2, ((10, 0.2), (20, 0.2)))
    assert study.best() == study.trials()[0]


def test_a_failed_trial_counts_and_has_a_reason(tmp_path: Path) -> None:
    study = opened(tmp_path)
    trial, _ = study.ask(1)
    study.ended(trial, float("nan"), 1.0, 30, reason="the metric is NaN")
    [failed] = study.trials()
    assert (failed.state, failed.reason, failed.value) == ("failed", "the metric is NaN", None)
    assert study.begun() == 1
    assert study.best() is None


def test_a_place_with_marks_of_an_address_in_it(tmp_path: Path) -> None:
    run(opened(tmp_path / "a b%20?c#d"), 1)
    assert (tmp_path / "a b%20?c#d" / "study.db").exists()
