"""One node of a run whose nodes a scheduler elsewhere starts, each by a command of its own: ``runner.py node``.

What runs the node is what runs it in a local run: the fork server, :func:`pipeline.local.scheduler.run_nodes` and
:mod:`pipeline.local.node`, here for a chain of one. What a local run's process knows of its run is taken from the
run's record instead, which the first node to start writes:

- ``runs/<run>/job.json`` has the settings, ``code/`` the code, ``nodes.json`` and ``pipeline.pb`` the chain. They are
  made once, by whoever holds ``.begin``, and hold for all nodes. (But the chain is compiled again, from the same code
  and settings, where this project or its libraries are others than then.)
- A node is one process's at a time: ``.nodes/<node>``, held with ``flock(2)`` by the command and all that it starts,
  so that it is free when the last of them is gone, however that came; on a server's store a lock of the database too
  (:mod:`pipeline.metadata.lease`). Who comes second finds the node done.
- What is done already, and whether that is there which the node waits for, is what ML Metadata says.
- ``outcome.json`` is brought up to date as each node ends: it is there once a node failed, and once all have ended
  well. No command has to close a run; a node that is tried again takes the outcome back.

A node is tried once: how often a task is tried again is the scheduler's to say.
"""

import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from components.user_code.checks import check_code
from pipeline.errors import InfrastructureError, PipelineError, SettingsError, TerminatedError
from pipeline.lineage.archive import read_json
from pipeline.lineage.store import Execution, Store, open_store
from pipeline.local import leftovers
from pipeline.local.gone import refuse_gone
from pipeline.local.liveness import Wait, hold_node
from pipeline.local.processes import Server
from pipeline.local.record import Job, NodeResult, write_json
from pipeline.local.run import Watcher, check_files, close_nodes, prepare, write_ends
from pipeline.local.scheduled import WELL, Call, begin_run, bring_up_to_date, chain_of, is_compiled, refusal_of
from pipeline.local.scheduler import run_nodes
from pipeline.local.stopping import Stop
from pipeline.local.turns import Beginning, on_server
from pipeline.local.workspace import open_workspace, shared
from pipeline.metadata.lease import me

_GONE = "its process was gone before it could say how it ended"


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
        on_server(workspace) as lease,
    ):
        if lease is not None:
            own = lease(f"run {call.run} node {call.node}")
            wait.until(own.take, own.holder, f"{call.node} of run {call.run}")
        begin = Beginning(workspace, call.run, wait)
        with begin.turn():
            job = begin_run(call, workspace, watcher.note)
        watcher.begins(job)
        store = open_store(workspace.metadata)
        tried = _tried(store, job)
        upstream = chain_of(job) or call.upstream
        _check_chain(call, upstream)
        last = tried.get(call.node)
        if last is not None and last.state in WELL:
            return _done_before(store, job, begin, call.node, last)
        _refuse_unready(call.node, job.run, upstream[call.node], tried)
        refuse_gone(store, job, {one: tried[one] for one in upstream[call.node]})
        result = _carry_out(call, job, begin, watcher, descriptor, again=last is not None)
    return Done(job, result, result.error or refusal_of(result))


def _carry_out(call: Call, job: Job, begin: Beginning, watcher: Watcher, descriptor: int, *, again: bool) -> NodeResult:
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
            error = prepare(server, job, watcher, stop, turn=begin.turn(waiting), done=lambda: is_compiled(job))
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
    if stop.error is not None and result.state not in WELL:
        result = replace(result, state="cancelled", error=_ended_by(stop, node))
    try:
        with begin.turn(Wait(call.wait, watcher.note), surely=True):
            write_json(job.result(node), result.as_json())
            bring_up_to_date(job, chain_of(job) or call.upstream)
    except (OSError, PipelineError) as failure:  # what happened is still to be told
        watcher.note(f"how the node ended could not be recorded: {failure}")
    return result


def _ended_by(stop: Stop, node: str) -> PipelineError:
    kind = type(stop.error) if stop.error else TerminatedError
    return kind(f"{node} was ended by {stop.name}", hint="run the same command again: it goes on where it was")


def _check_chain(call: Call, upstream: Mapping[str, tuple[str, ...]]) -> None:
    if call.node not in upstream:
        raise SettingsError(
            f"{call.node} is no node of the run {call.run}",
            expected="one of: " + ", ".join(upstream),
            where=str(call.pipeline),
            hint="begin another run: this one has another chain than that file",
        )


def _tried(store: Store, job: Job) -> dict[str, Execution]:
    """Return for each node its last execution in the run; one that ended well before any other."""
    executions = store.executions_of_run(job.run)
    places = store.places_of(one.id for one in executions)
    found: dict[str, Execution] = {}
    for one in executions:
        problem, node = places.get(one.id, ("", ""))
        if problem == job.problem.name and (node not in found or found[node].state not in WELL):
            found[node] = one
    return found


def _refuse_unready(node: str, run: str, needs: tuple[str, ...], tried: Mapping[str, Execution]) -> None:
    """Refuse to run a node before what it waits for: TFX would do nothing, and say nothing."""
    missing = {one: tried[one].state if one in tried else "not started" for one in needs}
    missing = {one: state for one, state in missing.items() if state not in WELL}
    if missing:
        raise SettingsError(
            f"{node} cannot run yet: what it waits for has not ended well in this run",
            got=", ".join(f"{one}: {state}" for one, state in missing.items()),
            expected=f"{', '.join(needs)} to have ended well before",
            where=f"run {run}",
            hint="run those first, in the same run; `python runner.py show RUN` says how each went",
        )


def _done_before(store: Store, job: Job, begin: Beginning, node: str, last: Execution) -> Done:
    """Say how a node ended that had ended well; complete the record where who did it was killed before he could.

    Of what it made nothing may be gone, or those after it would fail. After the Pusher there is none, and what it did
    is done: were it to be done again, an older model would come over a newer one.
    """
    if node != "Pusher":
        refuse_gone(store, job, {node: last})
    told = read_json(job.result(node)) or {}
    if told.get("execution") == last.id and told.get("state") in WELL:
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
        with begin.turn(surely=True), contextlib.suppress(OSError):
            write_json(job.result(node), result.as_json())
            bring_up_to_date(job, chain_of(job) or [node])
    return Done(job, result, refusal_of(result), before=True)


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
