"""One run in full: its nodes, what they made, its metrics and bounds, anomalies, settings, code and libraries."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.lineage import facts
from pipeline.lineage.archive import Archive, Record, read_json
from pipeline.lineage.code import files
from pipeline.lineage.liveness import is_alive, node_is_alive
from pipeline.lineage.pushes import producers
from pipeline.lineage.runs import Parts, Run, describe, parts
from pipeline.lineage.store import Artifact, Execution
from pipeline.lineage.tuned import tuned_values


@dataclass(frozen=True)
class Node:
    """A node of a run.

    Attributes:
        name: The node.
        state: ``ran``, ``reused``, ``failed``, ``skipped``, ``cancelled``, ``running``, ``stopped`` (it was under
            way when its run was), or ``not started``.
        started: Seconds since the epoch; None if it did not start.
        seconds: How long it took; None likewise.
        why: Why it ran or was reused, as the run said.
        error: What went wrong, as :meth:`pipeline.errors.PipelineError.as_json` says it.
        execution: Its execution's number; None if it has none.
        attempts: How often it was tried.
        outputs: What it gave out.
        log: Its log; None if there is none.
        made_in: The run whose result it reused.
    """

    name: str
    state: str
    started: float | None = None
    seconds: float | None = None
    why: str = ""
    error: dict[str, Any] | None = None
    execution: int | None = None
    attempts: int = 1
    outputs: tuple[dict[str, Any], ...] = ()
    log: str | None = None
    made_in: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the node as it is printed."""
        seconds = None if self.seconds is None else round(self.seconds, 3)
        return {**vars(self), "started": facts.iso(self.started), "seconds": seconds, "outputs": list(self.outputs)}


@dataclass(frozen=True)
class Details:
    """A run in full.

    Attributes:
        run: The run in short.
        nodes: Its nodes in the order in which they started.
        measurements: Every metric on every slice, with bounds and what was compared.
        notes: What else the verdict says.
        anomalies: Sentences by column; None if the run did not look for any.
        settings: The settings; empty if they are not recorded.
        tuned: The values of a search that it trained with in their place, or found; empty if there are none.
        code: The hash of the code that a node's module reaches, by node.
        files: The files of the copy of the code, by their paths; empty if there is no copy.
        libraries: Versions by library; empty if they are not recorded.
        error: What stopped the run.
    """

    run: Run
    nodes: tuple[Node, ...]
    measurements: tuple[dict[str, Any], ...] = ()
    notes: tuple[str, ...] = ()
    anomalies: tuple[str, ...] | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    tuned: dict[str, Any] = field(default_factory=dict)
    code: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    libraries: dict[str, str] = field(default_factory=dict)
    error: dict[str, Any] | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the run as ``show --json`` prints it."""
        return {
            **self.run.as_json(),
            "nodes": [one.as_json() for one in self.nodes],
            "measurements": list(self.measurements),
            "notes": list(self.notes),
            "anomalies": None if self.anomalies is None else list(self.anomalies),
            "settings": self.settings,
            "tuned": self.tuned,
            "code": {"hashes": self.code, "files": self.files},
            "libraries": self.libraries,
            "error": self.error or self.run.error or None,
        }


def details(archive: Archive, name: str) -> Details:
    """Return a run in full."""
    record, found = archive.record(name), parts(archive, name)
    evaluation = found.one("ModelEvaluation")
    told = (facts.verdict(evaluation, whole=True) if evaluation else None) or {}
    kept = settings_and_libraries(archive, name, found)
    hashes = {node: facts.code_hash(one) for node, one in _by_node(archive, found.executions).items()}
    return Details(
        run=describe(archive, name),
        nodes=tuple(nodes(archive, name)),
        measurements=tuple(told.get("measurements", ())),
        notes=tuple(told.get("notes", ())),
        anomalies=_anomalies(found),
        settings=kept[0],
        tuned=tuned_values(found),
        code={node: digest for node, digest in hashes.items() if digest},
        files={path: str(file) for path, file in files(record.code).items()} if record.job else {},
        libraries=kept[1],
        error=(record.outcome or {}).get("error"),
    )


def settings_and_libraries(archive: Archive, name: str, found: Parts) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the settings of a run and the versions of its libraries.

    They are in the run's record, and in ML Metadata in the properties of the Pusher, which runs in every run.
    """
    job = archive.record(name).job
    settings, libraries = job.get("problem", {}).get("settings"), job.get("libraries")
    for one in found.executions:
        kept = facts.json_of(one.get("custom_config"))
        if isinstance(kept, dict) and "settings" in kept:
            settings, libraries = settings or kept["settings"], libraries or kept.get("libraries")
    return settings or {}, libraries or {}


def nodes(archive: Archive, name: str) -> list[Node]:
    """Return the nodes of a run: those that ran in the order of their start, then those that did not."""
    record = archive.record(name)
    executions = archive.store.executions_of_run(name)
    attempts: dict[str, list[Execution]] = {}
    places = archive.store.places_of(one.id for one in executions)
    for one in executions:
        attempts.setdefault(places.get(one.id, ("", ""))[1] or one.type.rsplit(".", 1)[-1], []).append(one)
    events = archive.store.events_of_executions(one.id for one in executions)
    made = {one.id: one for one in archive.store.artifacts(event.artifact for event in events if event.output)}
    first = producers(archive, made)
    runs = archive.store.runs_of(first.values())
    found = []
    for node, tried in attempts.items():
        last, told = tried[-1], record.node(node)
        outputs = [(event.key, made[event.artifact]) for event in events if event.execution == last.id and event.output]
        makers = (
            {runs.get(first[one.id], "") for _, one in outputs if one.id in first} if last.state == "reused" else set()
        )
        found.append(
            Node(
                name=node,
                state=_state(last, told, _left(record, node)),
                started=last.started,
                seconds=_seconds(last, told),
                why=str(told.get("why") or ""),
                error=told.get("error"),
                execution=last.id,
                attempts=len(tried),
                outputs=tuple(_output(key, artifact) for key, artifact in outputs),
                log=_log(archive, name, node),
                made_in=min(makers - {""}, default=None),
            )
        )
    found.sort(key=lambda one: (one.started or 0, one.execution or 0))
    known = {one.name for one in found}
    for told in (record.outcome or {}).get("nodes", ()):
        if told["node"] not in known:
            log = _log(archive, name, told["node"])
            seconds = told.get("seconds") or None
            found.append(
                Node(told["node"], told["state"], seconds=seconds, error=told.get("error"), log=log, attempts=0)
            )
    return found


def _left(record: Record, node: str) -> str:
    """Return what became of a node that ML Metadata has as running."""
    if record.scheduled and node_is_alive(record.folder, node):
        return "running"
    if record.outcome:
        return "cancelled"
    alive = node_is_alive(record.folder, node) if record.scheduled else is_alive(record.folder)
    return "stopped" if record.job and not alive else "running"


def planned(archive: Archive, name: str) -> list[Node]:
    """Return the nodes that a run was to have, but that it did not come to."""
    known = {one.name for one in nodes(archive, name)}
    wanted = read_json(archive.record(name).folder / "nodes.json") or {}
    return [Node(node, "not started", attempts=0) for node in wanted if node not in known]


def _state(last: Execution, told: dict[str, Any], left: str) -> str:
    """Return how a node ended; ``left`` is what became of one that ML Metadata has as running."""
    if told.get("state") in ("failed", "skipped", "cancelled"):
        return str(told["state"])
    return left if last.state == "running" else last.state


def _seconds(last: Execution, told: dict[str, Any]) -> float | None:
    if told.get("seconds"):
        return float(told["seconds"])
    return None if last.state == "running" else last.ended - last.started


def _output(key: str, artifact: Artifact) -> dict[str, Any]:
    return {"name": key, "id": artifact.id, "type": artifact.type, "uri": artifact.uri, "gone": artifact.gone}


def _log(archive: Archive, run: str, node: str) -> str | None:
    file = archive.root / "logs" / run / f"{node}.log"
    return str(file) if file.is_file() else None


def _by_node(archive: Archive, executions: tuple[Execution, ...]) -> dict[str, Execution]:
    places = archive.store.places_of(one.id for one in executions)
    return {places.get(one.id, ("", ""))[1] or one.type: one for one in executions}


def _anomalies(found: Parts) -> tuple[str, ...] | None:
    """Read what ExampleValidator found; None if there is nothing to read."""
    artifact = found.one("ExampleAnomalies")
    if artifact is None:
        return None
    from google.protobuf import message
    from tensorflow_metadata.proto.v0 import anomalies_pb2

    sentences: dict[str, list[str]] = {}
    files_read = 0
    for file in sorted(Path(artifact.uri).glob("Split-*/SchemaDiff.pb")):
        told: Any = anomalies_pb2.Anomalies()
        try:
            told.ParseFromString(file.read_bytes())
        except (OSError, message.DecodeError):
            continue
        files_read += 1
        for column, info in sorted(told.anomaly_info.items()):
            sentence = f"{column}: {info.short_description}: {info.description}"
            sentences.setdefault(sentence, []).append(file.parent.name.removeprefix("Split-"))
    if not files_read:
        return None
    return tuple(f"{sentence} (split {', '.join(splits)})" for sentence, splits in sentences.items())
