"""The history: for each run when it was, how it went, what it read, how good the model was, and what was pushed."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pipeline.lineage import facts
from pipeline.lineage.archive import Archive, Record
from pipeline.lineage.facts import Source
from pipeline.lineage.liveness import is_alive
from pipeline.lineage.store import Artifact, Execution

_OWN = 60.0
WAITS = 86_400.0
"""Seconds since its last sign of life for which a run's scheduler may start its next node, or one that failed again."""


@dataclass(frozen=True)
class Run:
    """One run in short.

    Attributes:
        name: The run.
        problem: Its problem.
        started: Seconds since the epoch; None if nothing says when.
        seconds: How long it took: until now, if it is under way, and until its last sign of life, if it was stopped;
            None if that is not known.
        state: ``done``, ``failed``, ``running``, ``waiting`` (for the scheduler elsewhere that starts its nodes),
            ``cancelled`` (by a signal), or ``stopped`` before its end.
        sources: The files that it read.
        rows: Rows by split.
        span: The span of the data.
        blessed: Whether its model was; None if it did not come to a verdict.
        reasons: Why, or why not.
        metric: The key metric's name, value and bounds; None if nothing was measured.
        search: Of a run that searched for values, what was found: metric, value, trials, values; None of others.
        version: The version that holds its model; None if it was not pushed.
        new: Whether that version is of this very run.
        error: What went wrong, in a sentence.
        resumed: How often it was resumed.
        part: Which part of the chain was run, as ``--to Trainer``; empty for all of it.
    """

    name: str
    problem: str
    started: float | None = None
    seconds: float | None = None
    state: str = "done"
    sources: tuple[Source, ...] = ()
    rows: dict[str, int] = field(default_factory=dict)
    span: int = 0
    blessed: bool | None = None
    reasons: tuple[str, ...] = ()
    metric: dict[str, Any] | None = None
    search: dict[str, Any] | None = None
    version: int | None = None
    new: bool = False
    error: str = ""
    resumed: int = 0
    part: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the run as ``runs --json`` prints it."""
        return {
            "run": self.name,
            "problem": self.problem,
            "started": facts.iso(self.started),
            "seconds": None if self.seconds is None else round(self.seconds, 1),
            "state": self.state,
            "data": {"files": [one.as_json() for one in self.sources], "rows": self.rows, "span": self.span},
            "blessed": self.blessed,
            "reasons": list(self.reasons),
            "metric": {name: self.metric.get(name) for name in ("metric", "value")} if self.metric else None,
            "search": self.search,
            "version": self.version,
            "pushed": self.new,
            "error": self.error or None,
            "resumed": self.resumed,
            "part": self.part or None,
        }


@dataclass(frozen=True)
class Parts:
    """The executions of a run and what went in and out.

    Attributes:
        executions: Of each node the last attempt.
        made: Artifacts by the key that they were given out under, reused ones included.
        used: Artifacts by the key that they were taken in under.
    """

    executions: tuple[Execution, ...]
    made: dict[str, list[Artifact]]
    used: dict[str, list[Artifact]]

    def one(self, type_name: str) -> Artifact | None:
        """Return what was made of a type; the last, if there are several."""
        found = [one for group in self.made.values() for one in group if one.type == type_name]
        return max(found, key=lambda one: one.id, default=None)


def parts(archive: Archive, run: str) -> Parts:
    """Return the executions of a run with their artifacts."""
    last: dict[str, Execution] = {}
    for one in archive.store.executions(archive.record(run).executions) or archive.store.executions_of_run(run):
        last[one.type] = one  # oldest first: of several attempts the last one counts
    events = archive.store.events_of_executions(one.id for one in last.values())
    known = {one.id: one for one in archive.store.artifacts(event.artifact for event in events)}
    made: dict[str, list[Artifact]] = {}
    used: dict[str, list[Artifact]] = {}
    for event in events:
        if event.artifact in known:
            (made if event.output else used).setdefault(event.key, []).append(known[event.artifact])
    return Parts(tuple(last.values()), made, used)


def list_runs(archive: Archive, names: Sequence[str]) -> list[Run]:
    """Return runs in short, asking for the metadata of all of them at once."""
    executions = [one for name in names for one in archive.record(name).executions]
    archive.store.executions(executions)
    archive.store.artifacts(event.artifact for event in archive.store.events_of_executions(executions))
    return [describe(archive, name) for name in names]


def describe(archive: Archive, name: str) -> Run:
    """Return one run in short."""
    record, found = archive.record(name), parts(archive, name)
    examples = next(iter(found.made.get("examples", ())), None)
    evaluation, pushed = found.one("ModelEvaluation"), found.one("PushedModel")
    told = facts.verdict(evaluation) if evaluation else None
    blessed, reasons = verdict(found)
    version = pushed.get("pushed_version") if pushed and pushed.get("pushed") else None
    state = _state(archive, record, found)
    return Run(
        name=name,
        problem=str(record.job.get("problem", {}).get("name") or _problem(archive, found)),
        started=record.job.get("started") or min((one.started for one in found.executions), default=None),
        seconds=_seconds(archive, record, found, state),
        state=state,
        sources=tuple(facts.sources(examples)) if examples else (),
        rows=facts.rows(examples) if examples else {},
        span=int(examples.get("span", 0) or 0) if examples else 0,
        blessed=blessed,
        reasons=reasons,
        metric=facts.key_metric(told) if told else None,
        search=next((facts.search(one) for one in found.made.get("best_hyperparameters", ())), None),
        version=int(version) if version else None,
        new=bool(version) and not (pushed and pushed.get("reused")),
        error=str(((record.outcome or {}).get("error") or {}).get("headline", "")) or _failed(archive, record, found),
        resumed=record.resumed,
        part=record.part,
    )


def verdict(found: Parts) -> tuple[bool | None, tuple[str, ...]]:
    """Return what the gates of a run said, and why; None if it did not come to that."""
    blessings = [one for one in (found.one("ModelBlessing"), found.one("InfraBlessing")) if one is not None]
    if found.one("ModelBlessing") is None:
        return None, ()
    refused = [one for one in blessings if one.get("blessed") != 1]
    told = refused or blessings[:1]
    reasons = tuple(str(one.get("blessing_message", "")) for one in told if one.get("blessing_message"))
    return not refused, reasons


def problem_of(archive: Archive, name: str) -> str:
    """Return the problem of a run; empty if nothing says which it is."""
    known = archive.record(name).job.get("problem", {}).get("name")
    return str(known) if known else _problem(archive, parts(archive, name))


def _problem(archive: Archive, found: Parts) -> str:
    for one in found.executions:
        config = facts.json_of(one.get("custom_config"))
        if isinstance(config, dict) and config.get("problem"):
            return str(config["problem"])
    places = archive.store.places_of(one.id for one in found.executions[:1])
    return next(iter(places.values()))[0] if places else ""


def is_waiting(archive: Archive, name: str) -> bool:
    """Say whether a run's next node may be started by its scheduler at any moment, while none runs just now.

    Nobody can tell when a scheduler has given up: for a day it is trusted, unless somebody resumed the run here.
    """
    record = archive.record(name)
    if not record.scheduled or record.resumed or record.outcome is not None or is_alive(record.folder):
        return False
    return _is_trusted(archive, record)


def may_be_tried_again(archive: Archive, name: str) -> bool:
    """Say whether a scheduler may start a node of a run again that failed or was ended, for as long as one is trusted.

    Between two attempts a run is told as failed: nobody can tell whether there will be another one.
    """
    record = archive.record(name)
    if not record.scheduled or not (record.outcome or {}).get("error"):
        return False
    return _is_trusted(archive, record)


def _is_trusted(archive: Archive, record: Record) -> bool:
    """Whether the scheduler of a run is still taken to go on with it."""
    return time.time() - _last_sign(archive, record, parts(archive, record.run)) < WAITS


def _seconds(archive: Archive, record: Record, found: Parts, state: str) -> float | None:
    if record.outcome and state != "running":
        return float(record.outcome.get("seconds", 0))
    if record.job.get("started"):
        began, spent = record.began
        ended = time.time() if state == "running" else _last_sign(archive, record, found)
        return spent + max(0.0, ended - began)
    if not found.executions:
        return None
    return max(one.ended for one in found.executions) - min(one.started for one in found.executions)


def _last_sign(archive: Archive, record: Record, found: Parts) -> float:
    """Return when a run last did something: what its executions say, its logs and the results of its nodes.

    The times of files count if they are those of the run's own, not of a copy of the workspace.
    """
    signs = [record.began[0], *(at for one in found.executions for at in (one.started, one.ended))]
    job = record.folder / "job.json"  # written as the run begins, and never again
    if abs(job.stat().st_mtime - record.job["started"]) < _OWN:
        folders = (archive.root / "logs" / record.run, record.folder / "nodes", record.folder / "events")
        signs += [file.stat().st_mtime for folder in folders if folder.is_dir() for file in folder.iterdir()]
    return max(signs)


def _state(archive: Archive, record: Record, found: Parts) -> str:
    if record.scheduled and is_alive(record.folder):  # another node of it may have failed meanwhile
        return "running"
    if record.outcome is not None:
        if record.outcome.get("cancelled"):
            return "cancelled"
        return "failed" if record.outcome.get("error") else "done"
    states = {one.state for one in found.executions}
    if record.job:
        if is_alive(record.folder):
            return "running"
        return "waiting" if is_waiting(archive, record.run) else "stopped"
    if "failed" in states:
        return "failed"
    if "running" in states:
        return "running"
    return "stopped" if "cancelled" in states else "done"


def _failed(archive: Archive, record: Record, found: Parts) -> str:
    """Say which nodes failed, where no outcome says more."""
    if record.outcome is not None:
        return ""
    places = archive.store.places_of(one.id for one in found.executions if one.state == "failed")
    nodes = [node for _, node in places.values()]
    return f"{', '.join(nodes)} failed" if nodes else ""
