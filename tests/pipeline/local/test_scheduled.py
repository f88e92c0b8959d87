"""The record of a run whose nodes a scheduler starts: begun once, for one problem and its settings. Nothing is run."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.config import read_problem, with_overrides
from pipeline.errors import DataError, NotBlessedError, PipelineError, SettingsError, TerminatedError
from pipeline.local.record import Job, NodeResult, write_json
from pipeline.local.scheduled import Call, begin_run, bring_up_to_date, chain_of, refusal_of
from pipeline.local.workspace import Workspace, open_workspace

CHAIN = {"ExampleGen": (), "Trainer": ("ExampleGen",), "Pusher": ("Trainer",)}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return open_workspace(tmp_path / "w")


@pytest.fixture
def call(tmp_path: Path) -> Call:
    folder = tmp_path / "prices"
    folder.mkdir()
    (folder / "pipeline.toml").write_text('label = "price"\n[data]\npath = "rows.csv"\n')
    return Call(
        read_problem(folder),
        CHAIN,
        "ExampleGen",
        "prices.1",
        tmp_path / "w",
        tmp_path / "p.json",
        given=("--data", "x"),
    )


def silent(text: str) -> None:
    raise AssertionError(text)


def other(call: Call, *sets: str) -> Call:
    return replace(call, overrides=sets, problem=with_overrides(call.problem, sets, call.pipeline))


def test_a_run_is_begun_once(call: Call, workspace: Workspace) -> None:
    job = begin_run(call, workspace, silent)
    assert (job.run, job.given, job.pushed_to) == ("prices.1", ("--data", "x"), None)
    assert (job.code / "pipeline.toml").is_file()
    (call.problem.folder / "pipeline.toml").write_text("")
    again = begin_run(replace(call, node="Trainer"), workspace, silent)
    assert again == job
    assert (again.code / "pipeline.toml").read_text(), "it goes on with the code that it began with"


def test_a_run_keeps_to_where_it_puts_what_it_makes(call: Call, workspace: Workspace) -> None:
    job = begin_run(replace(call, kept_in="/mnt/volume/prices"), workspace, silent)
    assert job.artifacts == Path("/mnt/volume/prices")
    assert begin_run(call, workspace, silent) == job


def test_what_was_half_begun_is_begun_anew(call: Call, workspace: Workspace) -> None:
    left = workspace.run("prices.1") / "code" / "prices"
    left.mkdir(parents=True)
    (left / "torn.py").write_text("")
    job = begin_run(call, workspace, silent)
    assert [one.name for one in job.code.iterdir()] == ["pipeline.toml"]


def test_settings_hold_for_the_whole_run(call: Call, workspace: Workspace) -> None:
    begin_run(other(call, "data.span=3", "training.seed=1"), workspace, silent)
    begin_run(other(call, "training.seed = 1", "data.span=3"), workspace, silent)
    for sets in ([], ["data.span=4", "training.seed=1"]):
        with pytest.raises(SettingsError, match="began with other settings") as caught:
            begin_run(other(call, *sets), workspace, silent)
        assert caught.value.expected == "--set data.span=3 --set training.seed=1"


def test_a_file_that_was_compiled_anew_changes_no_run(call: Call, workspace: Workspace) -> None:
    job = begin_run(call, workspace, silent)
    anew = replace(call, problem=with_overrides(call.problem, ["training.seed=2"], call.pipeline))
    said: list[str] = []
    assert begin_run(anew, workspace, said.append) == job
    assert said == [f"{call.pipeline} was compiled anew since; the run goes on with what it began with"]


def test_a_name_is_of_one_problem(call: Call, workspace: Workspace) -> None:
    begin_run(call, workspace, silent)
    flats = call.problem.model_copy(update={"name": "flats"})
    with pytest.raises(SettingsError, match=r"The run prices\.1 is one of prices") as caught:
        begin_run(replace(call, problem=flats), workspace, silent)
    assert "as flats.prices.1" in str(caught.value.hint)


def test_a_run_of_this_machine_goes_on_if_the_settings_are_the_same(call: Call, workspace: Workspace) -> None:
    job = begin_run(call, workspace, silent)
    file = job.folder / "job.json"
    value = json.loads(file.read_text())
    del value["scheduled"]  # as `run` writes it
    file.write_text(json.dumps(value))
    assert begin_run(other(call, "run.retries=0"), workspace, silent).run == job.run
    with pytest.raises(SettingsError, match="began with other settings") as caught:
        begin_run(other(call, "training.seed=2"), workspace, silent)
    assert str(caught.value.expected).endswith("what differs: training")


def ended(job: Job, node: str, state: str, error: PipelineError | None = None) -> dict[str, Any] | None:
    """Record how a node ended, and return the run's outcome."""
    write_json(job.result(node), NodeResult(node, state, 1.5, "why", error, {}, 7).as_json())
    bring_up_to_date(job, CHAIN)
    file = job.folder / "outcome.json"
    return json.loads(file.read_text()) if file.exists() else None


def test_the_outcome_follows_the_nodes(call: Call, workspace: Workspace) -> None:
    job = begin_run(call, workspace, silent)
    assert chain_of(job) is None
    failed = ended(job, "ExampleGen", "failed", DataError("a bad row"))
    assert failed is not None
    assert (failed["error"]["headline"], failed["cancelled"]) == ("a bad row", False)
    assert ended(job, "ExampleGen", "ran") is None, "it goes on"
    cancelled = ended(job, "Trainer", "cancelled", TerminatedError("Trainer was ended by SIGTERM"))
    assert cancelled is not None
    assert (cancelled["error"]["exit_code"], cancelled["cancelled"]) == (143, True)
    assert ended(job, "Trainer", "reused") is None
    done = ended(job, "Pusher", "ran")
    assert done is not None
    assert (done["error"], [one["node"] for one in done["nodes"]]) == (None, list(CHAIN))


def test_a_pusher_that_pushed_nothing_says_why() -> None:
    def pusher(**properties: Any) -> NodeResult:
        return NodeResult("Pusher", "ran", outputs={"pushed_model": [{"uri": "/p", "properties": properties}]})

    error = refusal_of(pusher(pushed=0, reason="not blessed by the Evaluator: too bad"))
    assert isinstance(error, NotBlessedError)
    assert (error.exit_code, error.got) == (5, "not blessed by the Evaluator: too bad")
    assert refusal_of(pusher(pushed=1)) is None
    assert refusal_of(NodeResult("Trainer", "ran", outputs={"model": [{"uri": "/m", "properties": {}}]})) is None
    assert refusal_of(NodeResult("Trainer", "failed")) is None
