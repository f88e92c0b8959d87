"""``why``: for each thing that a node depends on, changed alone, the answer names it and nothing else."""

import fcntl
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.command_line import Ask
from tests.pipeline.lineage import recorder
from tests.pipeline.lineage.conftest import FROM_TRAINING
from tests.pipeline.lineage.recorder import ALL, Recorder

Refused = Callable[..., str]
ONE, TWO = "flats-20260101-100000", "flats-20260102-100000"


def told(ask: Ask, *arguments: str) -> list[str]:
    """The lines of an answer with single spaces, without what is unchanged."""
    said = ask("why", *arguments)
    assert said.code == 0, said.err
    lines = [" ".join(line.split()) for line in said.out.split("\nunchanged\n")[0].splitlines()]
    return [line for line in lines if line]


def test_changed_data(ask: Ask) -> None:
    changed = "data /data/rows.csv: hash 313e75a1d9ac, 300 rows -> hash f3f483d81ace, 330 rows"
    assert told(ask, "ExampleGen", TWO) == [
        f"ExampleGen ran in {TWO}: 1 thing that it depends on changed since run {ONE}",
        changed,
    ]
    # Three nodes later: the inputs, which node made them, and the first cause of it all.
    assert told(ask, "evaluator", TWO) == [
        f"Evaluator ran in {TWO}: 3 things that it depends on changed since run {ONE}",
        f"input examples: 1 of ExampleGen, run {ONE} -> 10 of ExampleGen, run {TWO}",
        f"input model: 5 of Trainer, run {ONE} -> 14 of Trainer, run {TWO}",
        f"input schema: 2 of ImportSchemaGen, run {ONE} -> 11 of ImportSchemaGen, run {TWO}",
        "first cause: ExampleGen",
        changed,
    ]


def test_changed_code_and_setting(ask: Ask) -> None:
    run = "flats-20260103-100000"
    causes = [
        *("code /problems/flats/model.py:2", "- return None", "+ return spec", "+ # better"),
        "setting training.train_steps: 20 -> 30",
    ]
    words = f"Trainer ran in {run}: 2 things that it depends on changed since run {TWO}"
    assert told(ask, "Trainer", "flats-20260103") == [words, *causes]
    assert told(ask, "InfraValidator", "flats-20260103")[-6:] == ["first cause: Trainer", *causes]
    value = ask("why", "Trainer", "flats-20260103", "--json").json
    assert value["changes"][0] == {
        **{"kind": "code", "name": "model.py", "line": 2},
        **{"before": "    return None", "after": "    return spec\n# better"},
    }
    assert (value["state"], value["compared_with"], value["first_causes"]) == ("ran", TWO, [])
    assert set(value["same"]) == {"input", "library", "setting"}
    assert value["same"]["setting"] == "label, all else in training"


def test_a_changed_library(ask: Ask) -> None:
    assert told(ask, "Trainer", "flats-20260104") == [
        "Trainer ran in flats-20260104-100000: 1 thing that it depends on changed since run flats-20260103-100000",
        "library tfx: 1.16.0 -> 1.16.1",
    ]


def test_nothing_changed(ask: Ask) -> None:
    said = ask("why", "Transform", "flats-20260103")
    assert [" ".join(line.split()) for line in said.out.splitlines()] == [
        f"Transform was reused in flats-20260103-100000: run {TWO} made the result, "
        "and nothing that Transform depends on has changed since",
        "",
        "unchanged",
        "input examples 10, schema 11",
        "code preprocessing.py and what it imports: hash 898ee147b4aa",
        "setting label",
        "library tensorflow 2.16.2, tfx 1.16.0",
    ]


def test_failed_and_what_it_held_up(ask: Ask) -> None:
    [first, *_] = told(ask, "Trainer", "flats-20260105")
    assert first.startswith("Trainer failed in flats-20260105-100000: 3 things that it depends on changed since run ")
    assert first.endswith("; it failed: Trainer broke")
    words = "Evaluator was skipped in flats-20260105-100000: it was not started, since Trainer failed"
    assert told(ask, "Evaluator", "flats-20260105") == [words]


def test_a_node_that_failed_before_it_had_an_execution(ask: Ask, place: Path) -> None:
    Recorder(place).run(ONE, fails="Trainer")
    file = place / "runs" / ONE / "outcome.json"
    outcome = json.loads(file.read_text())
    error = {"kind": "infrastructure", "headline": "The disk is full"}
    next(one for one in outcome["nodes"] if one["node"] == "InfraValidator").update(state="failed", error=error)
    file.write_text(json.dumps(outcome))
    where = ("--workspace", str(place))
    assert told(ask, "InfraValidator", ONE, *where) == [f"InfraValidator failed in {ONE}: The disk is full"]


def test_what_a_run_was_at_and_what_it_did_not_come_to(ask: Ask, refused: Refused, place: Path) -> None:
    where = ("--workspace", str(place))
    Recorder(place).run(ONE, running=True)
    chain: dict[str, list[str]] = {"ExampleGen": [], "Evaluator": ["ExampleGen"], "Pusher": ["Evaluator"]}
    (place / "runs" / ONE / "nodes.json").write_text(json.dumps(chain))
    [first, *_] = told(ask, "Evaluator", ONE, *where)
    assert first == f"Evaluator was under way when {ONE} was stopped: no run before has a result of Evaluator"
    reason = "the run was stopped before it came to it"
    assert told(ask, "Pusher", ONE, *where) == [f"Pusher was not started in {ONE}: {reason}"]
    assert re.search("Evaluator +stopped", ask("show", ONE, *where).out)
    assert f"The run {ONE} has no node 'Resolve'" in refused("why", "Resolve", ONE, *where)
    with (place / "runs" / ONE / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert told(ask, "Evaluator", ONE, *where)[0].startswith(f"Evaluator is running in {ONE}: ")
        reason = "the run is under way, and has not come to it yet"
        assert told(ask, "Pusher", ONE, *where) == [f"Pusher was not started in {ONE}: {reason}"]


def test_the_first_run_and_one_without_a_record(ask: Ask) -> None:
    assert told(ask, "Trainer", ONE) == [f"Trainer ran in {ONE}: no run before has a result of Trainer"]
    assert told(ask, "Trainer", "plants") == ["Trainer ran in plants-weekly: no run before has a result of Trainer"]


def test_what_is_never_reused(ask: Ask) -> None:
    looks = "it looks at the serving folder anew in every run, and pushes nothing that is there already"
    assert told(ask, "Pusher", "flats-20260104")[0].startswith(f"Pusher ran in flats-20260104-100000: {looks}; and ")


def test_an_unknown_node_is_refused_with_a_suggestion(refused: Refused) -> None:
    said = refused("why", "Trianer", "flats-20260103")
    assert "The run flats-20260103-100000 has no node 'Trianer'" in said
    assert "did you mean Trainer?" in said


@pytest.fixture
def pair(place: Path) -> Callable[..., None]:
    """Two runs of which the second ran some nodes again, with what is given otherwise; the record of it is edited."""
    writer = Recorder(place)
    writer.run(ONE)

    def second(job: dict[str, Any] | None = None, **otherwise: Any) -> None:
        writer.run(TWO, **{"changed": FROM_TRAINING, **otherwise})
        for run, more in ((ONE, {}), (TWO, job or {})):
            file = place / "runs" / run / "job.json"
            file.write_text(json.dumps({**json.loads(file.read_text()), "components": {"rows.py": "a"}, **more}))
        upstream = {"ExampleGen": [], "Transform": ["ExampleGen"], "Trainer": ["Transform"], "Evaluator": ["Trainer"]}
        (place / "runs" / TWO / "nodes.json").write_text(json.dumps(upstream))

    return second


def test_asked_for(place: Path, pair: Callable[..., None], ask: Ask) -> None:
    pair({"part": {"first": "Trainer"}})
    here = ("--workspace", str(place))
    assert told(ask, "Trainer", *here) == [f"Trainer ran in {TWO}: --from Trainer: it was to run anew"]
    assert told(ask, "Evaluator", *here)[0] == (
        f"Evaluator ran in {TWO}: --from Trainer: it was to run anew; "
        f"and 1 thing that it depends on changed since run {ONE}"
    )
    assert told(ask, "InfraValidator", *here)[-2:] == [
        "first cause: Trainer",
        "request --from Trainer: it was to run anew",
    ]


def test_no_cache(place: Path, pair: Callable[..., None], ask: Ask) -> None:
    pair({"cache": False}, changed=ALL)
    words = f"Transform ran in {TWO}: --no-cache: the run was to reuse nothing"
    assert told(ask, "Transform", "--workspace", str(place))[0].startswith(words)


def test_a_result_that_is_gone(place: Path, pair: Callable[..., None], ask: Ask) -> None:
    pair()
    gone = place / "artifacts" / "flats" / "Trainer" / "model"
    [words] = told(ask, "Trainer", "--workspace", str(place))
    assert words.startswith(f"Trainer ran in {TWO}: its earlier result is gone: {gone}/")
    cause = told(ask, "Evaluator", "--workspace", str(place))[-2:]
    assert cause[0] == "first cause: Trainer"
    assert cause[1].startswith(f"result its earlier result is gone: {gone}/")


def test_our_own_code(place: Path, pair: Callable[..., None], ask: Ask) -> None:
    """Only what the node runs, and what all of them share."""
    pair({"components": {"rows.py": "b", "trainer/run.py": "c", "pusher/protocol.py": "d"}})
    here = ("--workspace", str(place))
    shared = "component components/rows.py: a -> b"
    assert told(ask, "Trainer", *here)[1:] == [shared, "component components/trainer/run.py: none -> c"]
    assert told(ask, "InfraValidator", *here)[2:4] == [shared, "first cause: Trainer"]


def test_a_schema(place: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = Recorder(place)
    writer.run(ONE)
    changed = recorder.SCHEMA.replace('name: "rooms" type: INT', 'name: "rooms" type: FLOAT')
    monkeypatch.setattr(recorder, "SCHEMA", changed)
    writer.run(TWO, changed=("ImportSchemaGen", "Transform", *FROM_TRAINING))
    here = ("--workspace", str(place))
    assert told(ask, "ImportSchemaGen", *here)[1:] == ["schema rooms was INT and is FLOAT"]
    assert told(ask, "Trainer", *here)[-2:] == ["first cause: ImportSchemaGen", "schema rooms was INT and is FLOAT"]


def test_code_that_another_node_reaches_is_no_cause(place: Path, ask: Ask) -> None:
    """A changed file beside model.py that it does not import is not named, and nor are settings of other nodes."""
    writer = Recorder(place)
    writer.run(ONE)
    writer.run(TWO, code="def model_fn(features, labels, mode, params):\n    return 1\n")
    for run, text in ((ONE, "A = 1\n"), (TWO, "A = 2\n")):
        (place / "runs" / run / "code" / "flats" / "preprocessing.py").write_text(text)
    lines = told(ask, "Trainer", "--workspace", str(place))
    assert [line for line in lines if line.startswith("code ")] == ["code /problems/flats/model.py:2"]
