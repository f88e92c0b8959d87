"""What ``diff``, ``show``, ``why`` and ``lineage model`` say of values that a search found."""

import json
from pathlib import Path

import pytest
from ml_metadata.proto import metadata_store_pb2 as mlmd

from tests.components.tuner.searches import search
from tests.pipeline.command_line import Ask, Said
from tests.pipeline.lineage.recorder import Recorder, settings

FIRST, SECOND, UNTUNED = "flats-20260101-100000", "flats-20260102-100000", "flats-20260103-100000"
TRAINED = ("Trainer", "Evaluator", "InfraValidator")
GIVEN = settings(params={"learning_rate": 0.02, "units": 16, "layers": 2})
CHANGED = settings(params={"learning_rate": 0.01, "units": 16, "layers": 3})


@pytest.fixture(scope="session")
def searched(memory: Path) -> Path:
    """Two runs with values of two searches, and one that trained with its settings."""
    root = memory / "searched"
    writer = Recorder(root)
    writer.run(FIRST, given=GIVEN, tuned={"learning_rate": 0.0632949, "units": 15})
    writer.run(SECOND, given=GIVEN, changed=TRAINED, tuned={"learning_rate": 0.0865906, "units": 11})
    writer.run(UNTUNED, given=CHANGED, changed=TRAINED)
    return root


@pytest.fixture
def said(ask: Ask, searched: Path) -> Ask:
    def given(*arguments: str) -> Said:
        return ask(*arguments, "--workspace", str(searched))

    return given


def test_two_models_of_two_searches_are_told_apart(said: Ask) -> None:
    lines = [" ".join(line.split()) for line in said("diff", FIRST, SECOND).out.splitlines()]
    at = lines.index("tuned learning_rate: 0.06329 -> 0.08659")
    assert lines[at + 1] == "units: 15 -> 11"
    assert lines[at + 2] == "settings the same"
    assert said("diff", FIRST, SECOND, "--json").json["tuned"] == {
        "before": {"learning_rate": 0.0632949, "units": 15},
        "after": {"learning_rate": 0.0865906, "units": 11},
        "changed": {
            "learning_rate": {"before": 0.0632949, "after": 0.0865906},
            "units": {"before": 15, "after": 11},
        },
    }


def test_a_tuned_run_and_one_that_is_not_are_compared_by_what_they_trained_with(said: Ask) -> None:
    lines = [" ".join(line.split()) for line in said("diff", SECOND, UNTUNED).out.splitlines()]
    at = lines.index("tuned learning_rate: 0.08659 -> 0.01 (not tuned)")
    assert lines[at + 1] == "units: 11 -> 16 (not tuned)"
    assert "settings training.params.learning_rate: 0.02 -> 0.01 (not used in the first run: tuned)" in lines
    assert "training.params.layers: 2 -> 3" in lines


def test_runs_without_a_search_say_nothing_of_one(ask: Ask) -> None:
    told = ask("diff", FIRST, SECOND)  # of the workspace without any
    assert "tuned" not in told.out
    assert ask("diff", FIRST, SECOND, "--json").json["tuned"] == {"before": {}, "after": {}, "changed": {}}


def test_show_says_which_settings_gave_way(said: Ask) -> None:
    lines = [" ".join(line.split()) for line in said("show", FIRST).out.splitlines()]
    assert "tuned learning_rate 0.06329, units 15" in lines
    assert "training.params.learning_rate = 0.02 (not used: tuned)" in lines
    assert "training.params.layers = 2" in lines
    assert said("show", UNTUNED, "--json").json["tuned"] == {}


def test_why_tells_the_values_of_both_searches(said: Ask) -> None:
    told = said("why", "Trainer", SECOND).out
    assert "learning_rate 0.0632949, units 15 -> " in told
    assert "learning_rate 0.0865906, units 11" in told


def test_lineage_says_which_value_held(ask: Ask, memory: Path) -> None:
    root = memory / "held"
    Recorder(root).run(FIRST, given=GIVEN, tuned={"learning_rate": 0.0865906, "units": 11})
    told = ask("lineage", "model", "--workspace", str(root)).out
    assert "learning_rate 0.02 (not used: tuned), units 16 (not used: tuned), layers 2" in told
    nodes = ask("lineage", "model", "--workspace", str(root), "--json").json["nodes"]
    [one] = [node for node in nodes if node["kind"] == "settings"]
    assert one["not_used"] == ["params.learning_rate", "params.units"]
    [tuned] = [node for node in nodes if node["kind"] == "tuned"]
    assert tuned["values"] == {"learning_rate": 0.0865906, "units": 11}


@pytest.fixture(scope="session")
def tuned(memory: Path) -> Path:
    """What a `tune` leaves: a run that only searched."""
    root = memory / "tuned"
    writer = Recorder(root)
    found, results = search(), root / "results"
    results.mkdir()
    found.write(results)
    kinds = [writer._type("artifact", name) for name in ("HyperParameters", "TunerResults")]
    values = mlmd.Artifact(type_id=kinds[0], uri=str(root / "values"), state=mlmd.Artifact.LIVE)
    values.custom_properties["values"].string_value = json.dumps(found.values)
    values.custom_properties["metric"].string_value = found.metric
    values.custom_properties["value"].double_value = 24.0
    values.custom_properties["trials"].int_value = 5
    told = mlmd.Artifact(type_id=kinds[1], uri=str(results), state=mlmd.Artifact.LIVE)
    outputs = [("best_hyperparameters", values), ("tuner_results", told)]
    writer.execution((FIRST, "flats", "Tuner"), "ran", {}, [], outputs)
    return root


def test_runs_and_show_tell_what_a_search_found(ask: Ask, tuned: Path) -> None:
    [row] = [line for line in ask("runs", "--workspace", str(tuned)).out.splitlines() if line.startswith(FIRST)]
    assert "mean_absolute_error 24, the best of 5 trials" in row
    [told] = ask("runs", "--workspace", str(tuned), "--json").json
    values = {"rate": 0.05, "units": [16, 8]}
    assert told["search"] == {"metric": "mean_absolute_error", "value": 24.0, "trials": 5, "values": values}
    lines = [" ".join(line.split()) for line in ask("show", FIRST, "--workspace", str(tuned)).out.splitlines()]
    at = lines.index("search mean_absolute_error (lower is better) in 5 trials, 1 pruned, 1 failed")
    assert lines[at + 1] == "best trial 2: rate 0.05, units [16,8]"
    assert lines[at + 2].startswith("held out mean_absolute_error 24, default 30: 20.0% better")
    assert lines[at + 3].startswith("eval mean_absolute_error 28, default 32: 12.5% better")
    assert lines[at + 4].split()[:2] == ["trial", "value"]


def test_of_a_search_whose_files_are_gone_the_metadata_tells(ask: Ask, tuned: Path) -> None:
    file = tuned / "results" / "search.json"
    file.rename(tuned / "gone.json")
    try:
        lines = [" ".join(line.split()) for line in ask("show", FIRST, "--workspace", str(tuned)).out.splitlines()]
    finally:
        (tuned / "gone.json").rename(file)
    assert "search mean_absolute_error 24, the best of 5 trials" in lines
    assert "tuned rate 0.05, units [16,8]" in lines
