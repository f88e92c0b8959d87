"""One local run, from a problem's folder to its outcome."""

import json
import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from components.cluster.roles import refuse_replica
from components.estimator.forwarding import check_columns, columns_by_use
from components.example_gen.kinds import load_schema
from components.example_gen.sources import list_sources
from components.user_code.checks import check_code
from pipeline.config import SETTINGS_FILE, Problem
from pipeline.errors import CancelledError, DataError, InfrastructureError, PipelineError, SettingsError
from pipeline.lineage.archive import resumes_of
from pipeline.local.attempts import Tries
from pipeline.local.causes import ended
from pipeline.local.leftovers import remove, sweep
from pipeline.local.liveness import hold
from pipeline.local.memory import default_nodes
from pipeline.local.partial import WHOLE, Part, check
from pipeline.local.processes import Server
from pipeline.local.record import Job, NodeResult, create_job, read_done, write_json
from pipeline.local.resuming import changed_since, data_changed_since, open_run, put_aside, refuse_if_alive
from pipeline.local.scheduler import Listener, run_nodes
from pipeline.local.server import CLOSE, PREPARE
from pipeline.local.stopping import Stop
from pipeline.local.workspace import Workspace, open_workspace, shared

_AT_ONCE: AbstractContextManager[None] = nullcontext()
_PATIENCE = 20.0  # seconds for writing down how nodes ended; where that fails, the next run does it


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
        resumed: How often it was resumed.
    """

    job: Job
    results: dict[str, NodeResult]
    seconds: float
    error: PipelineError | None
    resumed: int = 0

    def outputs(self, node: str, key: str) -> list[dict[str, Any]]:
        """Return the artifacts that a node gave out under ``key``, empty if it did not come to that."""
        result = self.results.get(node)
        return (result.outputs or {}).get(key, []) if result else []


def run_problem(
    problem: Problem,
    root: Path,
    watcher: Watcher,
    *,
    cache: bool = True,
    most: int | None = None,
    part: Part = WHOLE,
    given: Sequence[str] = (),
) -> Outcome:
    """Run the chain of a problem in the workspace ``root``.

    Args:
        problem: The problem with its settings.
        root: The workspace; made if it is not there.
        watcher: Told what happens.
        cache: Whether nodes may reuse what earlier runs made.
        most: How many nodes run at once; by default one a core, and no more than there is memory for.
        part: Which part of the chain is run.
        given: The options that made the settings what they are, kept for who resumes the run.

    Returns:
        The outcome; that a node failed, or that the run was cancelled, is part of it.

    Raises:
        PipelineError: If it cannot even begin: no data, no workspace, nothing to import.
        StoppedAtOnce: On the second Ctrl-C or SIGTERM; the first one ends the run in order, as a SIGHUP does.
    """
    began = time.monotonic()
    refuse_replica(os.environ)
    part = check(part, problem.settings, cache=cache)
    check_code(problem.name, problem.folder)
    check_files(problem)
    workspace = open_workspace(root, problem.settings.metadata.address)
    with shared(workspace, watcher.note):
        job = create_job(workspace, problem, cache=cache, part=part, given=given)
        with hold(job.folder):
            return _carry_out(job, watcher, began, most)


def resume_run(workspace: Workspace, run: str, watcher: Watcher, *, most: int | None = None) -> Outcome:
    """Go on with a run that did not end well, with the code, settings and data path that it began with.

    Args:
        workspace: The workspace.
        run: The run.
        watcher: Told what happens.
        most: How many nodes run at once; by default one a core, and no more than there is memory for.

    Returns:
        The outcome of the run as a whole.

    Raises:
        PipelineError: If it cannot even begin: the run is under way, or its record is damaged.
        StoppedAtOnce: On the second Ctrl-C or SIGTERM; the first one ends the run in order, as a SIGHUP does.
    """
    began = time.monotonic()
    refuse_replica(os.environ)
    job = open_run(workspace, run)
    refuse_if_alive(job.folder)
    with shared(workspace, watcher.note), hold(job.folder):
        for changed in (changed_since(job), data_changed_since(job)):
            if changed:
                watcher.note(changed)
        number = put_aside(job)
        spent = resumes_of(job.folder)[-1]["seconds"]
        return _carry_out(job, watcher, began - spent, most, number)


def _carry_out(job: Job, watcher: Watcher, began: float, most: int | None, resumed: int = 0) -> Outcome:
    """Run what a run has not done yet, and record how it ended; the caller holds the run."""
    watcher.begins(job)
    remove(job.folder)
    sweep(job.folder.parent)
    stop = Stop()
    results: dict[str, NodeResult] = {}
    error: PipelineError | None
    try:
        with stop.heeded(), stop.in_order(), Server(job) as server:
            error, results = _in_server(server, job, watcher, most, stop)
    except InfrastructureError as lost:  # the fork server is gone; what happened until then is still to be told
        error = lost
    finally:
        remove(job.folder)
    outcome = Outcome(job, results, time.monotonic() - began, error, resumed)
    try:
        write_json(job.folder / "outcome.json", _record(outcome))
    except OSError as failure:  # what happened is still to be told
        watcher.note(f"the run's outcome could not be recorded: {failure}")
    return outcome


def _in_server(
    server: Server, job: Job, watcher: Watcher, most: int | None, stop: Stop
) -> tuple[PipelineError | None, dict[str, NodeResult]]:
    error = prepare(server, job, watcher, stop)
    if error is not None:
        return error, {}
    upstream = json.loads((job.folder / "nodes.json").read_text(encoding="utf-8"))
    done = read_done(job, upstream)
    for why, nodes in _by_reason(done).items():
        watcher.note(f"  {why}: {', '.join(nodes)}")
    left = {node: [one for one in needs if one not in done] for node, needs in upstream.items() if node not in done}
    found = run_nodes(server, job, left, watcher, most or default_nodes(), stop=stop)
    close_nodes(server, job, found, watcher)
    results = {node: (done if node in done else found)[node] for node in upstream}
    unfinished = any(one.state in ("cancelled", "skipped") for one in results.values())
    return (stop.error if unfinished else None) or cause(results), results


def _by_reason(done: Mapping[str, NodeResult]) -> dict[str, list[str]]:
    """Return the nodes that are not started, by why they are not."""
    found: dict[str, list[str]] = {}
    for node, result in done.items():
        found.setdefault(result.why if result.why.startswith("as run ") else "done before", []).append(node)
    return found


def cause(results: Mapping[str, NodeResult]) -> PipelineError | None:
    """Return the error that tells why a run failed, where nodes that run at once may have failed for one reason.

    Bad data is a cause, not a consequence: Transform trips over it without a word of what is wrong, and often before
    ExampleValidator can say so.
    """
    errors = [one.error for one in results.values() if one.error]
    return next((one for one in errors if isinstance(one, DataError)), errors[0] if errors else None)


def check_files(problem: Problem) -> None:
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
        "resumed": outcome.resumed,
        "cancelled": isinstance(outcome.error, CancelledError),
        "nodes": [result.as_json() for result in outcome.results.values()],
    }


def prepare(
    server: Server,
    job: Job,
    watcher: Watcher,
    stop: Stop,
    *,
    turn: AbstractContextManager[Any] = _AT_ONCE,
    done: Callable[[], bool] = lambda: False,
) -> PipelineError | None:
    """Wait until the libraries are loaded and the chain is compiled.

    Args:
        server: The fork server.
        job: The run.
        watcher: Told what happens.
        stop: Looked at all the time: whether the run is to end.
        turn: Entered for the compiling, where others may be about to do so too.
        done: Asked then whether the chain is compiled already.

    Returns:
        Why it could not be; None if it is.
    """
    began = time.monotonic()
    watcher.started("loading")
    error: PipelineError | None = None
    tries = Tries(1 + job.problem.settings.run.retries)
    if _wait(server, watcher, stop, lambda message: bool(message.get("ready"))) is not None:
        with turn:
            while stop.number is None and not done():
                _sleep(tries.due, watcher, stop)
                job.result(PREPARE).unlink(missing_ok=True)  # that of an attempt before
                server.start(PREPARE)
                message = _wait(server, watcher, stop, lambda message: message.get("ended") == PREPARE)
                if message is None:
                    break
                error = ended(job, PREPARE, message["code"], time.monotonic() - began).error
                wait = tries.again(error) if error is not None else None
                if error is None or wait is None:
                    break
                watcher.again("loading", len(tries.failures) + 1, tries.most, wait, error)
    seconds = time.monotonic() - began
    if stop.error is not None:
        watcher.ended(NodeResult("loading", "cancelled", seconds))
        return stop.error
    error = tries.last(error) if error else None
    state = "failed" if error else "ran"
    watcher.ended(NodeResult("loading", state, seconds, "TensorFlow, Beam and TFX", error=error))
    return error


def _sleep(until: float, watcher: Watcher, stop: Stop) -> None:
    while time.monotonic() < until and stop.number is None:
        time.sleep(0.1)
        watcher.tick()


def close_nodes(server: Server, job: Job, results: Mapping[str, NodeResult], watcher: Watcher) -> None:
    """Have it written into ML Metadata how nodes ended that could not do so themselves.

    Args:
        server: The fork server; nothing is done if it is gone.
        job: The run.
        results: How each node ended, by its id.
        watcher: Told if it could not be done.
    """
    ends = {
        one.node: (one.state, one.error.headline if one.error else one.why)
        for one in results.values()
        if one.state in ("failed", "cancelled")
    }
    if ends:
        write_ends(server, ends, watcher)


def write_ends(server: Server, ends: Mapping[str, tuple[str, str]], watcher: Watcher) -> None:
    """Have it written into ML Metadata how nodes ended; see :mod:`pipeline.local.closing`.

    Args:
        server: The fork server; nothing is done if it is gone.
        ends: For each node ``failed`` or ``cancelled``, and why.
        watcher: Told if it could not be done.
    """
    until = time.monotonic() + _PATIENCE
    try:
        server.start(CLOSE, ends=dict(ends))
        message = _wait(server, watcher, None, lambda message: message.get("ended") == CLOSE, until)
    except InfrastructureError:  # it was hard enough to end the run
        message = None
    if message is None or message["code"] != 0:
        watcher.note("the metadata does not say yet that nodes failed or were cancelled; the next run sees to that")


def _wait(
    server: Server,
    watcher: Watcher,
    stop: Stop | None,
    wanted: Callable[[dict[str, Any]], bool],
    until: float = math.inf,
) -> dict[str, Any] | None:
    """Wait for a message of the server; return None if the run is to end before, or it is too late."""
    while (stop is None or stop.number is None) and time.monotonic() < until:
        for message in server.messages(0.2):
            if wanted(message):
                return message
        watcher.tick()
    return None
