"""The search with real processes, whose training is a word: what each kind of end does to the search."""

import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from components.progress import VARIABLE
from components.tuner import child
from components.tuner.comparing import compare
from components.tuner.record import Compared, Trial
from components.tuner.search import Search
from components.tuner.splitting import Rows
from components.tuner.study import Study
from pipeline.config.model import Training
from pipeline.config.tuning import Tuning
from pipeline.errors import InfrastructureError, PipelineError, UserCodeError


def carry_out(request: Mapping[str, Any], model_dir: Path, line: Any) -> None:
    """Do what the mood is: a training that takes no time."""
    del model_dir
    mood, rate = request["settings"]["params"]["mood"], request["settings"]["params"]["rate"]
    folder = Path(request["marks"])
    if mood == "dies once" and not (folder / "died").exists():
        (folder / "died").touch()
        mood = "dies"
    if mood == "dies":
        os.kill(os.getpid(), signal.SIGKILL)
    if mood == "endless":
        time.sleep(600)
    if mood == "slow to raise":
        time.sleep(0.2)
    if "raise" in mood:
        line.say(error=UserCodeError("model_fn raised ValueError", got="such a mood").as_json(), diverged=False)
    elif mood == "nan":
        line.say(error=UserCodeError("The loss became NaN").as_json(), diverged=True)
    else:
        line.say(done={"step": 10, "metrics": {"loss": rate if mood != "infinite" else float("inf"), "auc": 0.5}})


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Forks, which have this module's training in the place of TensorFlow's."""
    module = ModuleType("components.tuner.trial")
    module.carry_out = carry_out  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "components.tuner.trial", module)
    monkeypatch.setattr(child, "may_fork", lambda: True)
    monkeypatch.setenv(VARIABLE, str(tmp_path / "told.jsonl"))


def prepared(folder: Path, moods: list[str], default: str, **more: Any) -> tuple[Study, Search]:
    space = {
        "rate": {"type": "float", "low": 0.01, "high": 1.0},
        "mood": {"type": "categorical", "choices": moods},
    }
    tuning = Tuning.model_validate({"space": space, "sampler": "random", "trials": 8, **more})
    training = Training.model_validate({"train_steps": 10, "params": {"rate": 0.5, "mood": default}})
    study = Study(folder / "study", "moods", tuning, {"rate": 0.5, "mood": default}, seed=3)
    rows = Rows((), (), 80, 20)
    return study, Search(study, tuning, training, rows, folder=folder / "trials", request=asked(folder))


def asked(folder: Path) -> Any:
    return lambda settings: {"settings": settings.model_dump(mode="json", exclude_unset=True), "marks": str(folder)}


def searched(folder: Path, moods: list[str], default: str, **more: Any) -> tuple[Trial, ...]:
    study, search = prepared(folder, moods, default, **more)
    search.run()
    return study.trials()


def told(folder: Path) -> str:
    return (folder / "told.jsonl").read_text()


@pytest.mark.usefixtures("stub")
@pytest.mark.parametrize("parallel", [1, 4])
def test_what_raises_for_some_values_is_their_fault(tmp_path: Path, parallel: int) -> None:
    trials = searched(tmp_path, ["good", "raises"], "good", parallel=parallel, trials=6)
    assert len(trials) == 6
    states = {(one.values["mood"], one.state) for one in trials}
    assert states == {("good", "complete"), ("raises", "failed")}
    assert {one.reason for one in trials if one.state == "failed"} == {"model_fn raised ValueError: such a mood"}


@pytest.mark.usefixtures("stub")
@pytest.mark.parametrize("parallel", [1, 4])
def test_what_raises_for_the_default_values_ends_the_search(tmp_path: Path, parallel: int) -> None:
    moods = ["good", "slow to raise"]
    with pytest.raises(UserCodeError, match="model_fn raised"):
        searched(tmp_path, moods, "slow to raise", parallel=parallel, trials=40)
    study, search = prepared(tmp_path, moods, "slow to raise", parallel=parallel, trials=40)
    with pytest.raises(UserCodeError, match="model_fn raised"):
        search.run()  # not as if the default had failed for good
    assert [one.default for one in study.trials()].count(True) == 2


@pytest.mark.usefixtures("stub")
def test_a_default_that_diverges_is_a_bad_choice_of_values(tmp_path: Path) -> None:
    trials = searched(tmp_path, ["good", "nan", "infinite"], "nan", trials=6)
    assert (trials[0].state, trials[0].default) == ("failed", True)
    found = {one.values["mood"]: (one.state, one.reason) for one in trials}
    assert found == {
        "good": ("complete", None),
        "nan": ("failed", "The loss became NaN"),
        "infinite": ("failed", "loss is inf"),
    }


@pytest.mark.usefixtures("stub")
def test_where_nothing_trains_the_search_does_not_go_through_all_trials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("components.tuner.search._FAILURES", 4)
    trials = searched(tmp_path, ["nan", "raises"], "nan", trials=50)
    assert {one.state for one in trials} == {"failed"}
    assert len(trials) == 4


@pytest.mark.usefixtures("stub")
@pytest.mark.parametrize("default", ["good", "dies once"])
def test_a_trial_whose_process_is_killed_is_repeated_and_does_not_count(tmp_path: Path, default: str) -> None:
    trials = searched(tmp_path, ["good", "dies once"], default, parallel=2, trials=3)
    [killed] = [one for one in trials if one.state == "killed"]
    assert "was ended by SIGKILL" in str(killed.reason)
    [again] = [one for one in trials if one.reason == f"in the place of trial {killed.number}, which was killed"]
    assert (again.state, again.values, again.default) == ("complete", killed.values, killed.default)
    assert sum(one.state == "complete" for one in trials) == 3


@pytest.mark.usefixtures("stub")
def test_a_trial_that_kills_its_process_three_times_has_failed(tmp_path: Path) -> None:
    study, search = prepared(tmp_path, ["good", "dies"], "good", trials=2)
    study._study.enqueue_trial({"rate": 0.1, "mood": "dies"})
    search.run()
    assert [one.state for one in study.trials()] == ["complete", "killed", "killed", "failed"]
    assert "SIGKILL (out of memory?), 3 times" in str(study.trials()[-1].reason)


@pytest.mark.usefixtures("stub")
def test_a_machine_that_kills_the_default_or_all_of_them_ends_the_search(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InfrastructureError, match="SIGKILL"):
        searched(tmp_path / "default", ["good", "dies"], "dies", trials=4)
    monkeypatch.setattr("components.tuner.search._LOST", 4)
    study, search = prepared(tmp_path / "all", ["good", "dies"], "good", trials=4)
    for number in range(3):
        study._study.enqueue_trial({"rate": 0.1 + number / 100, "mood": "dies"})
    with pytest.raises(InfrastructureError, match="SIGKILL"):
        search.run()
    assert [one.state for one in study.trials()] == ["complete", *["killed"] * 4]


@pytest.mark.usefixtures("stub")
def test_a_search_that_ends_in_order_takes_nothing_from_the_trials_that_ran(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study, search = prepared(tmp_path, ["good", "endless"], "endless", parallel=2, trials=2)
    study._study.enqueue_trial({"rate": 0.1, "mood": "endless"})
    monkeypatch.setattr(search, "_tell_progress", lambda: sys.exit(143))  # as SIGTERM does to a node
    with pytest.raises(SystemExit):
        search.run()
    assert [one.state for one in study.trials()] == ["killed", "killed"]
    assert {one.reason for one in study.trials()} == {"the search was stopped while it ran"}
    assert (study.begun(), study.to_repeat()) == (0, [0, 1])
    again, search = prepared(tmp_path, ["good", "endless"], "endless", parallel=2, trials=2)
    monkeypatch.setattr(search, "_tell_progress", lambda: sys.exit(143))
    with pytest.raises(SystemExit):
        search.run()
    assert "goes on where it was stopped: trials 0 and 1 were running then and are repeated" in told(tmp_path)
    assert again.trials()[2].default


@pytest.mark.usefixtures("stub")
def test_one_trial_that_was_running_is_told_of_in_the_singular(tmp_path: Path) -> None:
    prepared(tmp_path, ["good", "nan"], "good")[0].ask(1)
    searched(tmp_path, ["good", "nan"], "good", trials=1)
    assert "goes on after a kill: trial 0 was running then and is repeated" in told(tmp_path)


@pytest.mark.usefixtures("stub")
def test_a_default_that_diverges_on_all_rows_leaves_the_best_values_what_they_are(tmp_path: Path) -> None:
    training = Training.model_validate({"train_steps": 10, "params": {"rate": 0.5, "mood": "nan"}})
    default, best = {"rate": 0.5, "mood": "nan"}, {"rate": 0.1, "mood": "good"}
    expected = Compared({"loss": None}, {"loss": 0.1, "auc": 0.5})
    for _ in range(2):  # the second time as it was kept
        assert compare(training, default, best, tmp_path / "compared", asked(tmp_path), metric="loss") == expected
    with pytest.raises(PipelineError, match="model_fn raised"):
        compare(training, {"mood": "raises"}, best, tmp_path / "compared", asked(tmp_path), metric="loss")
