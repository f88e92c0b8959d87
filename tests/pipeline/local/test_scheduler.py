"""The scheduler with the fork server, TFX's launcher and ML Metadata as they are, and nodes that misbehave.

One server serves all tests of this file; each test has nodes of its own, of one run.
"""

import dataclasses
import importlib
import signal
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

import pytest
from tfx.dsl.compiler import compiler, constants
from tfx.orchestration import pipeline
from tfx.orchestration.portable import runtime_parameter_utils

from pipeline.config import read_problem
from pipeline.errors import LimitError, OutOfMemoryError, PipelineError, TransientError
from pipeline.lineage.store import Execution, open_store
from pipeline.local import attempts, scheduler
from pipeline.local.processes import Server
from pipeline.local.record import Job, NodeResult, create_job
from pipeline.local.run import close_nodes
from pipeline.local.scheduler import run_nodes
from pipeline.local.stopping import Stop
from pipeline.local.workspace import open_workspace
from pipeline.metadata.client import connection_config

pytestmark = pytest.mark.slow

NODES = {
    "Killed": "killed once",
    "AfterKilled": "fine",
    "KilledAlways": "killed always",
    "KilledAlways2": "killed always",
    "Beside": "fine",
    "NoMemory": "no memory once",
    "BesideNoMemory": "stays on",
    "NoMemoryInC": "no memory in C++",
    "Locked": "fine",
    "Terminated": "terminated once",
    "Wrong": "wrong code",
    "BesideWrong": "fine",
    "Wrong2": "wrong code when another sleeps",
    "Sleeps": "sleeps",
    "AfterSleeps": "fine",
    "Sleeps2": "sleeps too",
    "Trainer": "sleeps",
    "Grows": "grows",
    "Stubborn": "does not end",
    "AfterStubborn": "fine",
}


class Heard:
    """Keeps what the scheduler tells."""

    def __init__(self) -> None:
        self.told: list[tuple[str, ...]] = []
        self.waits: list[float] = []
        self.notes: list[str] = []
        self.stop: Stop | None = None
        self.number = signal.SIGTERM
        self.after: Path | None = None

    def started(self, node: str) -> None:
        self.told.append(("started", node))

    def progressed(self, node: str, event: dict[str, Any]) -> None:
        self.notes.append(f"{node}: {event['note']}")

    def again(self, node: str, attempt: int, most: int, wait: float, error: PipelineError) -> None:
        self.told.append(("again", node, f"{attempt} of {most}", error.headline))
        self.waits.append(wait)

    def ended(self, result: NodeResult) -> None:
        self.told.append(("ended", result.node, result.state))

    def tick(self) -> None:
        if self.stop is not None and self.after is not None and self.after.exists():
            self.stop.number = self.number

    def begins(self, job: Job) -> None: ...

    def note(self, text: str) -> None:
        self.told.append(("note", text))


@dataclasses.dataclass(frozen=True)
class Yard:
    """The run that all nodes belong to, and its server."""

    job: Job
    server: Server
    scratch: Path

    def run(
        self, upstream: dict[str, list[str]], heard: Heard | None = None, most: int = 2, **rules: Any
    ) -> dict[str, NodeResult]:
        """Run some of the nodes under rules of their own, as ``run_problem`` does."""
        settings = self.job.problem.settings
        changed = settings.model_copy(update={"run": settings.run.model_copy(update=rules)})
        job = dataclasses.replace(self.job, problem=self.job.problem.model_copy(update={"settings": changed}))
        heard = heard or Heard()
        results = run_nodes(self.server, job, upstream, heard, most, stop=heard.stop)
        close_nodes(self.server, job, results, heard)
        assert not [one for one in heard.told if one[0] == "note"], heard.told
        return results

    def executions(self, node: str) -> list[Execution]:
        """The executions of a node, oldest first, as another process finds them."""
        store = open_store(self.job.workspace.metadata)
        found = store.executions_of_run(self.job.run)
        places = store.places_of(one.id for one in found)
        return [one for one in found if places[one.id][1] == node]

    def made(self, node: str) -> list[str]:
        """What lies about of a node's outputs."""
        folder = self.job.workspace.artifacts("small") / node
        return sorted(file.name for file in folder.glob("made/*/*"))

    def left(self, acts: str) -> None:
        """Assert that nothing lives on, or lies about, of a node that was ended."""
        process, folder = (self.scratch / f"{acts} leaves").read_text().split(" ", 1)
        end = time.monotonic() + 5
        while Path(f"/proc/{process}").exists() and time.monotonic() < end:
            time.sleep(0.02)
        assert not Path(f"/proc/{process}").exists()
        assert not Path(folder).exists()
        (self.scratch / f"{acts} leaves").unlink()


@pytest.fixture(scope="module")
def monkeypatch() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="module")
def yard(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Yard]:
    root = tmp_path_factory.mktemp("yard")
    folder, scratch = root / "small", root / "scratch"
    folder.mkdir()
    scratch.mkdir()
    (folder / "pipeline.toml").write_text('label = "y"\n[data]\npath = "rows.csv"\n')
    # By a name that the server finds too; there, some library's own tests stand before ours.
    there = Path(__file__).parent
    monkeypatch.syspath_prepend(there)
    monkeypatch.setenv("PYTHONPATH", str(there))
    small = importlib.import_module("small_nodes").Small
    job = create_job(open_workspace(root / "workspace"), read_problem(folder), cache=False)
    chain = pipeline.Pipeline(
        pipeline_name="small",
        pipeline_root=str(job.workspace.artifacts("small")),
        components=[small(acts=acts, scratch=str(scratch)).with_id(name) for name, acts in NODES.items()],
        metadata_connection_config=connection_config(job.workspace.root),
    )
    ir = compiler.Compiler().compile(chain)
    runtime_parameter_utils.substitute_runtime_parameter(ir, {constants.PIPELINE_RUN_ID_PARAMETER_NAME: job.run})
    job.chain.write_bytes(ir.SerializeToString())
    with Server(job) as server:
        while not any(message.get("ready") for message in server.messages(60)):
            pass
        yield Yard(job, server, scratch)


def test_a_killed_node_is_attempted_again_as_an_execution_of_its_own(yard: Yard) -> None:
    heard = Heard()
    results = yard.run({"Killed": [], "AfterKilled": ["Killed"]}, heard)
    assert {node: result.state for node, result in results.items()} == {"Killed": "ran", "AfterKilled": "ran"}
    assert heard.told[1] == ("again", "Killed", "2 of 3", "Killed was killed")
    assert 0 <= heard.waits[0] <= attempts.FIRST_WAIT
    assert heard.notes == ["Killed: try 0", "Killed: try 1", "AfterKilled: try 0"]
    [failure] = results["Killed"].failures
    assert failure.got is not None
    assert failure.got.startswith("signal 9 (SIGKILL), having held ")
    first, second = yard.executions("Killed")
    assert (first.state, second.state) == ("failed", "ran")
    assert first.get("failure") == "Killed was killed"
    assert results["Killed"].execution == second.id
    assert yard.made("Killed") == ["whole"], "what the killed attempt had half made is still there"
    log = yard.job.log("Killed").read_text()
    assert log.count("===== attempt 2 of 3 =====") == 1
    assert log.index("try 0") < log.index("attempt 2 of 3") < log.index("try 1")


def test_attempts_come_to_an_end_and_others_go_on(yard: Yard) -> None:
    results = yard.run({"KilledAlways": [], "Beside": []}, most=1, retries=1)
    assert results["Beside"].state == "ran"
    error = results["KilledAlways"].error
    assert isinstance(error, TransientError)
    assert error.headline == "KilledAlways was killed"
    assert str(error.got).endswith("attempt 2 of 2")
    assert "--max-nodes 1" in str(error.hint)
    assert [one.state for one in yard.executions("KilledAlways")] == ["failed", "failed"]
    assert yard.made("KilledAlways") == []


def test_who_found_no_memory_has_the_machine_for_itself_the_next_time(yard: Yard) -> None:
    class Letting(Heard):
        def again(self, node: str, attempt: int, most: int, wait: float, error: PipelineError) -> None:
            super().again(node, attempt, most, wait, error)
            (yard.scratch / "stay on").touch()

    heard = Letting()
    results = yard.run({"NoMemory": [], "BesideNoMemory": []}, heard)
    assert {result.state for result in results.values()} == {"ran"}
    [failure] = results["NoMemory"].failures
    assert isinstance(failure, OutOfMemoryError)
    assert failure.headline == "NoMemory ran out of memory"
    assert "MemoryError" in str(failure.got)
    assert "training.batch_size" in str(failure.hint)
    assert heard.told[-3:] == [
        ("ended", "BesideNoMemory", "ran"),
        ("started", "NoMemory"),
        ("ended", "NoMemory", "ran"),
    ]


def test_no_memory_in_native_code_is_told_by_name(yard: Yard) -> None:
    error = yard.run({"NoMemoryInC": []}, retries=1)["NoMemoryInC"].error
    assert isinstance(error, OutOfMemoryError)
    assert error.headline == "NoMemoryInC ran out of memory"
    assert str(error.got).startswith("the memory that it asked for was not to be had, having held ")
    assert str(error.hint).startswith("nothing ran beside it the last time: make training.batch_size")


def test_a_node_that_finds_the_metadata_locked_is_attempted_again(yard: Yard) -> None:
    held = sqlite3.connect(yard.job.workspace.metadata, isolation_level=None)
    held.execute("BEGIN IMMEDIATE")

    class Releasing(Heard):
        def again(self, node: str, attempt: int, most: int, wait: float, error: PipelineError) -> None:
            held.close()
            super().again(node, attempt, most, wait, error)

    heard = Releasing()
    result = yard.run({"Locked": []}, heard)["Locked"]
    assert result.state == "ran"
    assert [one[3] for one in heard.told if one[0] == "again"] == ["Locked found the metadata locked"]
    assert [one.state for one in yard.executions("Locked")] == ["ran"]


def test_a_node_that_somebody_else_ends_is_attempted_again(yard: Yard) -> None:
    result = yard.run({"Terminated": []})["Terminated"]
    assert result.state == "ran"
    assert [one.got for one in result.failures] == ["signal 15 (SIGTERM)"]


def test_wrong_code_is_not_attempted_again_and_others_go_on(yard: Yard) -> None:
    heard = Heard()
    results = yard.run({"Wrong": [], "BesideWrong": []}, heard)
    assert {node: result.state for node, result in results.items()} == {"Wrong": "failed", "BesideWrong": "ran"}
    assert not heard.waits
    [execution] = yard.executions("Wrong")
    assert (execution.state, execution.get("failure")) == ("failed", "model_fn of small raised ValueError")


def test_fail_fast_ends_what_runs_and_skips_what_waits(yard: Yard) -> None:
    results = yard.run({"Wrong2": [], "Sleeps": [], "AfterSleeps": ["Sleeps"]}, fail_fast=True)
    assert {node: one.state for node, one in results.items()} == {
        "Wrong2": "failed",
        "Sleeps": "cancelled",
        "AfterSleeps": "skipped",
    }
    why = "Wrong2 failed, and that ends the run (--fail-fast)"
    assert results["Sleeps"].why == results["AfterSleeps"].why == why
    yard.left("sleeps")
    [execution] = yard.executions("Sleeps")
    assert (execution.state, execution.get("failure")) == ("cancelled", why)
    assert yard.made("Sleeps") == []


def test_a_node_over_its_own_time_is_ended_with_its_children_and_not_attempted_again(yard: Yard) -> None:
    heard = Heard()
    error = yard.run({"Trainer": []}, heard, node_timeout_secs=1000, timeout_secs={"Trainer": 5})["Trainer"].error
    assert isinstance(error, LimitError)
    assert error.headline == "Trainer took longer than its limit of 5 s"
    assert "--set run.timeout_secs.Trainer=10" in str(error.hint)
    assert error.where == str(yard.job.log("Trainer"))
    assert not heard.waits
    yard.left("sleeps")
    [execution] = yard.executions("Trainer")
    assert (execution.state, execution.get("failure")) == ("failed", error.headline)


def test_a_node_over_its_memory_is_ended(yard: Yard) -> None:
    result = yard.run({"Grows": []}, node_memory_mb=900)["Grows"]
    assert isinstance(result.error, LimitError)
    assert result.error.headline == "Grows ran out of memory: it held more than its limit of 900 MB"
    held = int(str(result.error.got).removesuffix(" MB"))
    proposed = int(str(result.error.hint).partition("--set run.memory_mb.Grows=")[2].partition(",")[0])
    assert 1.5 * held <= proposed < 1.5 * held + 100
    assert result.peak_mb is not None
    assert 900 < result.peak_mb < 4000
    assert result.failures == ()


def test_a_run_that_is_stopped_ends_its_nodes_in_order(yard: Yard) -> None:
    heard = Heard()
    heard.stop, heard.after = Stop(), yard.scratch / "sleeps too leaves"
    since = time.monotonic()
    results = yard.run({"Sleeps2": [], "AfterSleeps": ["Sleeps2"]}, heard)
    assert time.monotonic() - since < scheduler.GRACE + 5
    assert {node: one.state for node, one in results.items()} == {"Sleeps2": "cancelled", "AfterSleeps": "skipped"}
    yard.left("sleeps too")  # SIGTERM was enough: it removed its temporary folder
    [execution] = yard.executions("Sleeps2")
    assert (execution.state, execution.get("failure")) == ("cancelled", "the run was cancelled")
    assert heard.stop.error is not None
    assert (heard.stop.error.exit_code, heard.stop.error.headline) == (143, "The run was cancelled by SIGTERM")


def test_a_node_that_waits_for_another_attempt_is_cancelled_too(yard: Yard) -> None:
    stop = Stop()

    class Stopping(Heard):
        def again(self, node: str, attempt: int, most: int, wait: float, error: PipelineError) -> None:
            stop.number = signal.SIGINT

    heard = Stopping()
    heard.stop = stop
    result = yard.run({"KilledAlways2": []}, heard)["KilledAlways2"]
    assert (result.state, [str(one) for one in result.failures]) == ("cancelled", ["KilledAlways2 was killed"])
    assert [one.state for one in yard.executions("KilledAlways2")] == ["cancelled"]


def test_who_does_not_heed_sigterm_is_killed(yard: Yard) -> None:
    heard = Heard()
    heard.stop, heard.after = Stop(), yard.scratch / "does not end leaves"
    results = yard.run({"Stubborn": [], "AfterStubborn": ["Stubborn"]}, heard)
    assert scheduler.GRACE <= results["Stubborn"].seconds < scheduler.GRACE + 5
    assert results["Stubborn"].state == "cancelled"
    yard.left("does not end")
    assert [one.state for one in yard.executions("Stubborn")] == ["cancelled"]
