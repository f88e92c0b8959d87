"""One node of a run whose nodes a scheduler elsewhere starts, each by a command of its own: ``runner.py node``.

What runs the node is what runs it in a local run: the fork server, :func:`pipeline.local.scheduler.run_nodes` and
:mod:`pipeline.local.node`, here for a chain of one. What a local run's process knows of its run is taken from the
run's record instead, which the first node to start writes:

- ``runs/<run>/job.json`` has the settings, ``code/`` the code, ``nodes.json`` and ``pipeline.pb`` the chain. They are
  made once, by whoever holds ``.begin``, and hold for all nodes.
- A node is one process's at a time: ``.nodes/<node>``, held with ``flock(2)`` by the command and all that it starts,
  so that it is free when the last of them is gone, however that came; on a server's store a lock of the database too
  (:mod:`pipeline.metadata.lease`). Who comes second finds the node done.
- What is done already, and whether that is there which the node waits for, is what ML Metadata says.
- ``outcome.json`` is brought up to date as each node ends: it is there once a node failed, and once all have ended
  well. No command has to close a run; a node that is tried again takes the outcome back.

A node is tried once: how often a task is tried again is the scheduler's to say.
"""

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from components.user_code.checks import check_code
from pipeline.config import Problem
from pipeline.errors import (
    InfrastructureError,
    NotBlessedError,
    PipelineError,
    SettingsError,
    TerminatedError,
    from_json,
)
from pipeline.lineage.archive import read_json, resumes_of
from pipeline.lineage.store import Execution, open_store
from pipeline.local import leftovers
from pipeline.local.liveness import Wait, hold_node, turn_at
from pipeline.local.processes import Server
from pipeline.local.record import Job, NodeResult, record_job, write_json
from pipeline.local.resuming import open_run
from pipeline.local.run import Watcher, cause, check_files, close_nodes, prepare, write_ends
from pipeline.local.scheduler import run_nodes
from pipeline.local.stopping import Stop
from pipeline.local.workspace import Workspace, open_workspace, shared
from pipeline.metadata.lease import Lease, leases, me
from pipeline.metadata.record import read_record

_WELL = ("ran", "reused")
_GONE = "its process was gone before it could say how it ended"


@dataclass(frozen=True)
class Call:
    """One node of a run, as a scheduler asks for it.

    Attributes:
        problem: The problem, with the settings that the run is to have.
        upstream: For each node of the chain those that it waits for.
        node: The node.
        run: The run's name.
        workspace: The workspace.
        pipeline: The compiled pipeline's file.
        overrides: The settings that the run is given beyond the file's, as ``key=value``.
        given: All options that made the settings what they are, for who runs the same here.
        pushed_to: Where versions of the model are pushed to, if that is not the workspace's own place.
        wait: Seconds to wait for somebody who runs this very node.
    """

    problem: Problem
    upstream: Mapping[str, tuple[str, ...]]
    node: str
    run: str
    workspace: Path
    pipeline: Path
    overrides: tuple[str, ...] = ()
    given: tuple[str, ...] = ()
    pushed_to: str | None = None
    wait: float = 3600.0


@dataclass(frozen=True)
class Done:
    """How a node ended.

    Attributes:
        job: Its run.
        result: How it ended.
        error: What decides the exit code: what went wrong, or that the model was not blessed; None if all is well.
        before: Whether it had ended before, so that nothing was to be done.
    """

    job: Job
    result: NodeResult
    error: PipelineError | None
    before: bool = False


def run_node(call: Call, watcher: Watcher) -> Done:
    """Run one node of a run; begin the run if it is its first.

    Args:
        call: What is asked for.
        watcher: Told what happens.

    Returns:
        How it ended; that it failed, or was ended by a signal, is part of it.

    Raises:
        PipelineError: If it cannot even begin: the run is one of other settings, what the node waits for is not
            there, or somebody else runs it and does not end.
        StoppedAtOnce: On the second Ctrl-C or SIGTERM, or on the first as long as it waits for others.
    """
    if not (call.workspace / "runs" / call.run / "job.json").is_file():
        _refuse_unready(call.node, call.run, call.upstream[call.node], {})
        check_code(call.problem.name, call.problem.folder)
        check_files(call.problem)
    workspace = open_workspace(call.workspace, call.problem.settings.metadata.address)
    folder = workspace.run(call.run)
    wait = Wait(call.wait, watcher.note)
    with (
        shared(workspace, watcher.note),
        hold_node(folder, call.node, f"{me()}, since {time.strftime('%H:%M:%S')}", wait) as descriptor,
        _on_server(workspace) as lease,
    ):
        if lease is not None:
            own = lease(f"run {call.run} node {call.node}")
            wait.until(own.take, own.holder, f"{call.node} of run {call.run}")
        begin = _Beginning(folder, wait, lease and lease(f"run {call.run}"))
        with begin.turn():
            job = _begin(call, workspace, watcher)
        watcher.begins(job)
        tried = _tried(workspace, job)
        upstream = _chain(job) or call.upstream
        _check_chain(call, upstream)
        last = tried.get(call.node)
        if last is not None and last.state in _WELL:
            return _done_before(job, begin, call.node, last)
        _refuse_unready(call.node, job.run, upstream[call.node], tried)
        result = _carry_out(call, job, begin, watcher, descriptor, again=last is not None)
    return Done(job, result, result.error or _refusal(result))


def _carry_out(
    call: Call, job: Job, begin: "_Beginning", watcher: Watcher, descriptor: int, *, again: bool
) -> NodeResult:
    """Run the node and record how it ended; the caller holds it."""
    node, stop = call.node, Stop()
    with begin.turn():
        for file in (job.result(node), job.folder / "outcome.json"):
            file.unlink(missing_ok=True)
    _head_log(job.log(node))
    leftovers.remove_all(job.folder, node)
    waiting = Wait(call.wait, watcher.note, lambda: stop.number is not None)
    try:
        with stop.heeded(), stop.in_order(), Server(job, node, (descriptor,)) as server:
            error = prepare(server, job, watcher, stop, turn=begin.turn(waiting), done=lambda: bool(_chain(job)))
            if error is None and again:
                write_ends(server, {node: ("failed", _GONE)}, watcher)
            if error is None:
                result = run_nodes(server, _tried_once(job), {node: ()}, watcher, 1, stop=stop)[node]
                close_nodes(server, job, {node: result}, watcher)
            else:
                result = NodeResult(node, "failed", error=error)
    except InfrastructureError as lost:  # the fork server is gone
        result = NodeResult(node, "failed", error=lost)
    finally:
        leftovers.remove_all(job.folder, node)
    if stop.error is not None and result.state not in _WELL:
        result = replace(result, state="cancelled", error=_ended_by(stop, node))
    try:
        with begin.turn():
            write_json(job.result(node), result.as_json())
            _write_outcome(job)
    except (OSError, PipelineError) as failure:  # what happened is still to be told
        watcher.note(f"how the node ended could not be recorded: {failure}")
    return result


def _ended_by(stop: Stop, node: str) -> PipelineError:
    kind = type(stop.error) if stop.error else TerminatedError
    return kind(f"{node} was ended by {stop.name}", hint="run the same command again: it goes on where it was")


class _Beginning:
    """Who writes the record of a run, one after the other.

    Args:
        folder: The record.
        wait: How long to wait for others.
        lease: The lock of the database for it, if the metadata is on a server.
    """

    def __init__(self, folder: Path, wait: Wait, lease: Lease | None) -> None:
        self._folder, self._wait, self._lease = folder, wait, lease

    @contextmanager
    def turn(self, wait: Wait | None = None) -> Iterator[None]:
        """Have the record for oneself; not if the waiting was to end."""
        wait, what = wait or self._wait, f"The beginning of run {self._folder.name}"
        with turn_at(self._folder / ".begin", wait, what):
            taken = self._lease is not None and wait.until(self._lease.take, self._lease.holder, what)
            try:
                yield
            finally:
                if taken and self._lease is not None:
                    self._lease.release()


@contextmanager
def _on_server(workspace: Workspace) -> Iterator[Callable[[str], Lease] | None]:
    """Give the locks of the store; None where it is a file of the workspace, whose locks will do."""
    record = read_record(workspace.root)
    if record is None:
        yield None
        return
    with leases(record.address) as found:
        yield found


def _begin(call: Call, workspace: Workspace, watcher: Watcher) -> Job:
    """Return the run as it was recorded; record it if nobody did."""
    folder = workspace.run(call.run)
    if not (folder / "job.json").is_file():
        scheduled = {"pipeline": str(call.pipeline), "set": list(call.overrides)}
        return record_job(
            Job(
                *(call.run, call.problem, workspace),
                cache=True,
                given=call.given,
                scheduled=scheduled,
                pushed_to=call.pushed_to,
            )
        )
    job = open_run(workspace, call.run)
    if job.problem.name != call.problem.name:
        raise SettingsError(
            f"The run {call.run} is one of {job.problem.name}",
            got=f"a node of {call.problem.name}",
            where=str(folder),
            hint=f"name it otherwise: a run's name is its own among all problems, as {call.problem.name}.{call.run}",
        )
    differing = _differing(job.problem, call.problem)
    sets = job.scheduled.get("set")
    if sets is not None and _as_values(sets) == _as_values(call.overrides):
        if differing:
            watcher.note(f"{call.pipeline} was compiled anew since; the run goes on with what it began with")
    elif differing or sets is not None:
        raise SettingsError(
            f"The run {call.run} began with other settings",
            got=" ".join(f"--set {one}" for one in call.overrides) or "no --set",
            expected=" ".join(f"--set {one}" for one in sets) or "no --set"
            if sets is not None
            else f"those that it was begun with; what differs: {', '.join(differing)}",
            where=str(folder / "job.json"),
            hint="give all nodes of a run the same, or begin another run",
        )
    return job


def _differing(ours: Problem, theirs: Problem) -> list[str]:
    """Return the sections of the settings that differ, but for how nodes are treated."""
    one, other = (each.settings.model_dump(mode="json", by_alias=True) for each in (ours, theirs))
    return [name for name in one if name != "run" and one[name] != other[name]]


def _as_values(sets: Any) -> dict[str, str]:
    return {key.strip(): value.strip() for key, _, value in (one.partition("=") for one in sets)}


def _chain(job: Job) -> dict[str, tuple[str, ...]] | None:
    """Return the chain as it was compiled for the run; None before that."""
    found = read_json(job.folder / "nodes.json")
    return {node: tuple(needs) for node, needs in found.items()} if found else None


def _check_chain(call: Call, upstream: Mapping[str, tuple[str, ...]]) -> None:
    if call.node not in upstream:
        raise SettingsError(
            f"{call.node} is no node of the run {call.run}",
            expected="one of: " + ", ".join(upstream),
            where=str(call.pipeline),
            hint="begin another run: this one has another chain than that file",
        )


def _tried(workspace: Workspace, job: Job) -> dict[str, Execution]:
    """Return for each node its last execution in the run; one that ended well before any other."""
    store = open_store(workspace.metadata)
    executions = store.executions_of_run(job.run)
    places = store.places_of(one.id for one in executions)
    found: dict[str, Execution] = {}
    for one in executions:
        problem, node = places.get(one.id, ("", ""))
        if problem == job.problem.name and (node not in found or found[node].state not in _WELL):
            found[node] = one
    return found


def _refuse_unready(node: str, run: str, needs: tuple[str, ...], tried: Mapping[str, Execution]) -> None:
    """Refuse to run a node before what it waits for: TFX would do nothing, and say nothing."""
    missing = {one: tried[one].state if one in tried else "not started" for one in needs}
    missing = {one: state for one, state in missing.items() if state not in _WELL}
    if missing:
        raise SettingsError(
            f"{node} cannot run yet: what it waits for has not ended well in this run",
            got=", ".join(f"{one}: {state}" for one, state in missing.items()),
            expected=f"{', '.join(needs)} to have ended well before",
            where=f"run {run}",
            hint="run those first, in the same run; `python runner.py show RUN` says how each went",
        )


def _done_before(job: Job, begin: _Beginning, node: str, last: Execution) -> Done:
    """Say how a node ended that had ended well; complete the record where who did it was killed before he could."""
    store = open_store(job.workspace.metadata)
    told = read_json(job.result(node)) or {}
    if told.get("execution") == last.id and told.get("state") in _WELL:
        result = NodeResult(node, told["state"], told["seconds"], told["why"], None, told["outputs"], last.id)
    else:
        events = [one for one in store.events_of_executions([last.id]) if one.output]
        made = {one.id: one for one in store.artifacts(event.artifact for event in events)}
        outputs: dict[str, list[dict[str, Any]]] = {}
        for event in events:
            one = made[event.artifact]
            properties = {name: one.get(name) for name in ("pushed", "reason") if one.get(name) is not None}
            outputs.setdefault(event.key, []).append({"id": one.id, "uri": one.uri, "properties": properties})
        result = NodeResult(node, last.state, last.ended - last.started, "", None, outputs, last.id)
    outcome = read_json(job.folder / "outcome.json")
    if outcome is None or outcome.get("error") or told.get("execution") != last.id:
        with begin.turn(), contextlib.suppress(OSError):
            write_json(job.result(node), result.as_json())
            _write_outcome(job)
    return Done(job, result, _refusal(result), before=True)


def _refusal(result: NodeResult) -> PipelineError | None:
    """Return that the model was not blessed, of a Pusher that therefore pushed nothing."""
    for made in (result.outputs or {}).get("pushed_model", ()):
        if made["properties"].get("pushed") == 0:
            return NotBlessedError(
                "The model was not blessed; nothing was pushed",
                got=str(made["properties"].get("reason", "")) or None,
                hint="improve the model or change the bounds in pipeline.toml; the same would happen again",
            )
    return None


def _tried_once(job: Job) -> Job:
    """Return a run whose nodes are tried once."""
    settings = job.problem.settings
    rules = settings.run.model_copy(update={"retries": 0})
    return replace(job, problem=job.problem.model_copy(update={"settings": settings.model_copy(update={"run": rules})}))


def _head_log(log: Path) -> None:
    """Part what an attempt logs from what those before it did."""
    with contextlib.suppress(OSError):
        if log.exists():
            with log.open("a", encoding="utf-8") as file:
                file.write(f"\n===== another attempt, {time.strftime('%Y-%m-%d %H:%M:%S')} =====\n")


def _write_outcome(job: Job) -> None:
    """Bring the run's outcome up to date; the caller has its turn at the record."""
    file = job.folder / "outcome.json"
    chain = _chain(job) or {}
    told = {node: found for node in chain if (found := read_json(job.result(node)))}
    results = {
        node: NodeResult(node, one["state"], error=from_json(one["error"]) if one.get("error") else None)
        for node, one in told.items()
    }
    well = {node for node, one in results.items() if one.state in _WELL}
    if well == set(results) and well != set(chain):  # it goes on
        file.unlink(missing_ok=True)
        return
    failed = {node: one for node, one in results.items() if one.state == "failed"}
    error = cause(failed) or cause(results)
    started = json.loads((job.folder / "job.json").read_text(encoding="utf-8"))["started"]
    value = {
        "run": job.run,
        "seconds": round(time.time() - started, 3),
        "error": error.as_json() if error else None,
        "resumed": len(resumes_of(job.folder)),
        "cancelled": not failed and any(one.state == "cancelled" for one in results.values()),
        "nodes": list(told.values()),
    }
    write_json(file, value)
    if error is None:
        leftovers.remove(job.folder)
