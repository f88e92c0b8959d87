"""One local run, from a problem's folder to its outcome."""

import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from components.estimator.forwarding import check_columns, columns_by_use
from components.example_gen.kinds import load_schema
from components.example_gen.sources import list_sources
from components.user_code.checks import check_code
from pipeline.config import SETTINGS_FILE, Problem
from pipeline.errors import DataError, PipelineError, SettingsError
from pipeline.local.liveness import hold
from pipeline.local.processes import Server
from pipeline.local.record import Job, NodeResult, create_job, write_json
from pipeline.local.scheduler import Listener, ended, run_nodes
from pipeline.local.server import PREPARE
from pipeline.local.workspace import open_workspace, shared


class Watcher(Listener, Protocol):
    """A listener that is also told about the run as a whole."""

    def begins(self, job: Job) -> None:
        """The run has a name and a record."""

    def note(self, text: str) -> None:
        """Something that belongs to no node."""


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        job: The run.
        results: The result of each node by its id.
        seconds: How long it took, loading included.
        error: What stopped it, if anything did.
    """

    job: Job
    results: dict[str, NodeResult]
    seconds: float
    error: PipelineError | None

    def outputs(self, node: str, key: str) -> list[dict[str, Any]]:
        """Return the artifacts that a node gave out under ``key``, empty if it did not come to that."""
        result = self.results.get(node)
        return (result.outputs or {}).get(key, []) if result else []


def run_problem(
    problem: Problem, root: Path, watcher: Watcher, *, cache: bool = True, most: int | None = None
) -> Outcome:
    """Run the chain of a problem in the workspace ``root``.

    Args:
        problem: The problem with its settings.
        root: The workspace; made if it is not there.
        watcher: Told what happens.
        cache: Whether nodes may reuse what earlier runs made.
        most: How many nodes run at once; by default as many as there are cores.

    Returns:
        The outcome; that a node failed is part of it.

    Raises:
        PipelineError: If it cannot even begin: no data, no workspace, nothing to import.
    """
    began = time.monotonic()
    check_code(problem.name, problem.folder)
    _check_files(problem)
    workspace = open_workspace(root, problem.settings.metadata.address)
    with shared(workspace, watcher.note):
        job = create_job(workspace, problem, cache=cache)
        with hold(job.folder):
            return _carry_out(job, watcher, began, most)


def _carry_out(job: Job, watcher: Watcher, began: float, most: int | None) -> Outcome:
    """Run the nodes, and record how the run ended; the caller holds it."""
    watcher.begins(job)
    with Server(job) as server:
        error = _prepare(server, job, watcher)
        results = {}
        if error is None:
            upstream = json.loads((job.folder / "nodes.json").read_text(encoding="utf-8"))
            results = run_nodes(server, job, upstream, watcher, most or _cores())
            error = cause(results)
    outcome = Outcome(job, results, time.monotonic() - began, error)
    try:
        write_json(job.folder / "outcome.json", _record(outcome))
    except OSError as failure:  # what happened is still to be told
        watcher.note(f"the run's outcome could not be recorded: {failure}")
    return outcome


def cause(results: Mapping[str, NodeResult]) -> PipelineError | None:
    """Return the error that tells why a run failed, where nodes that run at once may have failed for one reason.

    Bad data is a cause, not a consequence: Transform trips over it without a word of what is wrong, and often before
    ExampleValidator can say so.
    """
    errors = [one.error for one in results.values() if one.error]
    return next((one for one in errors if isinstance(one, DataError)), errors[0] if errors else None)


def _check_files(problem: Problem) -> None:
    """Refuse a data path that leads nowhere, and a schema that is none or lacks a column that the settings name.

    All before anything is loaded. What an inferred schema lacks is only known when the Trainer starts, and said there.
    """
    settings = problem.folder / SETTINGS_FILE
    try:
        list_sources(problem.settings.data.path)
    except DataError as error:
        if error.where is None:
            error.where = f"data.path in {settings}, which is relative to that folder, or --data"
        raise
    name = problem.settings.schema_.file
    if name is not None and not (problem.folder / name).is_file():
        raise SettingsError(
            "The curated schema is not there",
            got=str(problem.folder / name),
            where=f"schema.file in {settings}",
            hint="name a file in the problem's folder, or leave schema.file out to have one inferred",
        )
    if name is not None:
        schema = load_schema(str(problem.folder / name))
        check_columns(problem.settings.serving.forward_features, *columns_by_use(schema))


def _record(outcome: Outcome) -> dict[str, Any]:
    return {
        "run": outcome.job.run,
        "seconds": round(outcome.seconds, 3),
        "error": outcome.error.as_json() if outcome.error else None,
        "nodes": [result.as_json() for result in outcome.results.values()],
    }


def _prepare(server: Server, job: Job, watcher: Watcher) -> PipelineError | None:
    """Wait until the libraries are loaded and the chain is compiled."""
    began = time.monotonic()
    watcher.started("loading")
    _wait(server, watcher.tick, lambda message: bool(message.get("ready")))
    server.start(PREPARE)
    message = _wait(server, watcher.tick, lambda message: message.get("ended") == PREPARE)
    result = ended(job, PREPARE, message["code"], time.monotonic() - began)
    watcher.ended(NodeResult("loading", result.state, result.seconds, "TensorFlow, Beam and TFX", error=result.error))
    return result.error


def _wait(server: Server, tick: Callable[[], None], wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    while True:
        for message in server.messages(0.2):
            if wanted(message):
                return message
        tick()


def _cores() -> int:
    return max(1, len(os.sched_getaffinity(0)))
