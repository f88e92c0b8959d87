"""The record of a run whose nodes a scheduler elsewhere starts: begun once, brought up to date as each node ends."""

import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.config import Problem
from pipeline.errors import NotBlessedError, PipelineError, SettingsError, from_json
from pipeline.lineage.archive import read_json, resumes_of
from pipeline.local import leftovers
from pipeline.local.record import Job, NodeResult, compiled_by, record_job, write_json
from pipeline.local.resuming import open_run
from pipeline.local.run import cause
from pipeline.local.workspace import Workspace

WELL = ("ran", "reused")
"""The states of a node that has ended well."""


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
        kept_in: Where the nodes put what they make, if that is not the workspace's own place.
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
    kept_in: str | None = None
    wait: float = 3600.0


def begin_run(call: Call, workspace: Workspace, note: Callable[[str], None]) -> Job:
    """Return the run as it was recorded; record it if nobody did. The caller has its turn at the record.

    Args:
        call: What is asked for.
        workspace: The workspace.
        note: Called with what a person should know.

    Raises:
        SettingsError: If the run is another problem's, or began with other settings.
        InfrastructureError: If its record is damaged.
    """
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
                kept_in=call.kept_in,
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
            note(f"{call.pipeline} was compiled anew since; the run goes on with what it began with")
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


def _as_values(sets: Iterable[str]) -> dict[str, str]:
    return {key.strip(): value.strip() for key, _, value in (one.partition("=") for one in sets)}


def chain_of(job: Job) -> dict[str, tuple[str, ...]] | None:
    """Return the chain as it was compiled for the run; None before that."""
    found = read_json(job.folder / "nodes.json")
    return {node: tuple(needs) for node, needs in found.items()} if found else None


def is_compiled(job: Job) -> bool:
    """Say whether the chain of a run is compiled, with the components and libraries that there are now.

    Otherwise what a node makes would be filed under those of the day that the run began, and taken for theirs.
    """
    return chain_of(job) is not None and read_json(job.compiled_by) == compiled_by()


def refusal_of(result: NodeResult) -> PipelineError | None:
    """Return that the model was not blessed, of a Pusher that therefore pushed nothing."""
    for made in (result.outputs or {}).get("pushed_model", ()):
        if made["properties"].get("pushed") == 0:
            return NotBlessedError(
                "The model was not blessed; nothing was pushed",
                got=str(made["properties"].get("reason", "")) or None,
                hint="improve the model or change the bounds in pipeline.toml; the same would happen again",
            )
    return None


def bring_up_to_date(job: Job, chain: Iterable[str]) -> None:
    """Write ``outcome.json`` from what the nodes' results say; the caller has its turn at the record.

    It is there once a node failed or was ended, and once all have ended well; while the run goes on there is none.

    Args:
        job: The run.
        chain: Its nodes.
    """
    file = job.folder / "outcome.json"
    nodes = list(chain)
    told = {node: found for node in nodes if (found := read_json(job.result(node)))}
    results = {
        node: NodeResult(node, one["state"], error=from_json(one["error"]) if one.get("error") else None)
        for node, one in told.items()
    }
    well = {node for node, one in results.items() if one.state in WELL}
    if well == set(results) and well != set(nodes):  # it goes on
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
