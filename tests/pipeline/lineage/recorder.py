"""Writes a workspace as runs leave it, without running any: ML Metadata through its own API, records and small files.

What a node records is copied from real runs of the project; tests/e2e/test_questions.py asks the same
questions of those.
"""

import hashlib
import json
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ml_metadata.proto import metadata_store_pb2 as mlmd

from pipeline.metadata.client import Client, connection_config

LIBRARIES = {"tensorflow": "2.16.2", "tfx": "1.16.0"}
COLUMNS = {"area": ["area"], "central": ["district"], "rent": ["rent"], "rooms": ["rooms"]}
SCHEMA = "".join(
    f'feature {{ name: "{name}" type: {kind} presence {{ min_fraction: 1 min_count: 1 }} '
    "shape { dim { size: 1 } } }\n"
    for name, kind in (("area", "FLOAT"), ("rooms", "INT"), ("district", "BYTES"), ("rent", "FLOAT"))
)
ALL = ("ExampleGen", "ImportSchemaGen", "Transform", "Trainer", "Evaluator", "InfraValidator")
MODEL = "def model_fn(features, labels, mode, params):\n    return None\n"
_STATES = {
    "ran": mlmd.Execution.COMPLETE,
    "reused": mlmd.Execution.CACHED,
    "failed": mlmd.Execution.FAILED,
    "running": mlmd.Execution.RUNNING,
}
SPLITS = '["train", "eval"]'
Outputs = Mapping[str, tuple[str, Mapping[str, Any]]]
Step = tuple[str, Sequence[str], Outputs, Mapping[str, Any]]
Pairs = Sequence[tuple[str, Any]]


def source(path: str, content: str = "v1", rows: int = 300) -> dict[str, Any]:
    """The record of a data file."""
    hashed = hashlib.blake2b(content.encode(), digest_size=20).hexdigest()
    return {"path": path, "format": "csv", "bytes": 7000, "hash": hashed, "rows": rows}


def digest(code: str) -> str:
    """The hash of code."""
    return hashlib.sha256(code.encode()).hexdigest()


def settings(**training: Any) -> dict[str, Any]:
    """A problem's settings."""
    return {
        "label": "rent",
        "data": {"path": "../rows.csv", "hash_buckets": {"train": 4, "eval": 1}, "span": None},
        "training": {"train_steps": 20, "batch_size": 32, "params": {"learning_rate": 0.1}, **training},
        "evaluation": {"metrics": [{"name": "mean_absolute_error", "upper_bound": 1000.0}]},
    }


class Recorder:
    """Writes one workspace; the values of a run that are not given are those of the run before."""

    def __init__(self, root: Path, *, files: bool = True) -> None:
        self.root = root
        self.files = files
        root.mkdir(parents=True, exist_ok=True)
        self.store = Client(connection_config(root), root)
        self._types: dict[tuple[str, str], int] = {}
        self._contexts: dict[tuple[str, str], int] = {}
        self._folder = 0
        self.made: dict[str, dict[str, Any]] = {}
        self.versions: dict[str, tuple[int, str]] = {}

    def run(
        self,
        name: str,
        *,
        problem: str = "flats",
        changed: Sequence[str] = ALL,
        sources: Sequence[Mapping[str, Any]] | None = None,
        span: int = 0,
        code: str = MODEL,
        value: float = 100.0,
        bound: float = 1000.0,
        slices: Mapping[str, float] | None = None,
        given: Mapping[str, Any] | None = None,
        libraries: Mapping[str, str] | None = None,
        columns: Mapping[str, list[str]] | None = None,
        used: Sequence[str] = ("area", "district", "rooms"),
        anomalies: Path | None = None,
        warm_start: bool = False,
        tuned: Mapping[str, Any] | None = None,
        fails: str | None = None,
        running: bool = False,
        record: bool = True,
        push: bool = True,
        started: float | None = None,
    ) -> None:
        """Write one run.

        Args:
            name: The run.
            problem: Its problem.
            changed: The nodes that ran; the others were reused.
            sources: The data files.
            span: Their span.
            code: The text of model.py.
            value: The metric ``mean_absolute_error``, on all rows.
            bound: Its upper bound: the model is blessed if the value is at or below.
            slices: The metric's value by slice.
            given: The settings.
            libraries: The libraries' versions.
            columns: Which columns each transformed feature is made of.
            used: The columns that the model's answers depend on.
            warm_start: Whether the Trainer starts from the model before.
            anomalies: The folder of the ExampleAnomalies artifact; without it there is no ExampleValidator.
            tuned: The values of a search of the run's own, which the Trainer takes.
            fails: The node that fails; those after it are skipped.
            running: Whether the run ends before the Evaluator, without an outcome.
            record: Whether there is a folder ``runs/<run>``; none on an orchestrator.
            push: Whether there is a folder of the pushed version.
            started: When, in seconds since the epoch.
        """
        made = self.made.setdefault(problem, {})
        given = dict(given or settings())
        files = list(sources or [source("/data/rows.csv")])
        rows = sum(one["rows"] for one in files)
        split_rows = json.dumps({"train": rows - rows // 5, "eval": rows // 5})
        verdict = _verdict(value, bound, rows // 5, slices or {})
        config = {"problem": problem, "label": "rent", "code": digest("preprocessing")}
        trained = {**config, "code": digest(code), "training": json.dumps(given["training"])}
        kept = {"settings": given, "libraries": dict(libraries or LIBRARIES)}
        examples = {"sources": json.dumps(files), "split_rows": split_rows, "span": span, "split_names": SPLITS}
        graph = {"columns": json.dumps(columns or COLUMNS)}
        told = {"blessed": int(verdict["blessed"]), "blessing_message": verdict["reasons"][0]}
        short = {name: verdict[name] for name in ("blessed", "rows")}
        short["measurements"] = [one for one in verdict["measurements"] if one["slice"] == "overall"]
        answered = {"blessed": 1, "blessing_message": "answered 16 real examples", "columns": json.dumps(used)}

        read = {"examples": ("Examples", examples)}
        transformed = {
            "transform_graph": ("TransformGraph", graph),
            "transformed_examples": ("Examples", {"split_rows": split_rows}),
        }
        judged = {"model_blessing": ("ModelBlessing", told), "evaluation": ("ModelEvaluation", _verdict_in(short))}
        tried = {"infra_blessing": ("InfraBlessing", answered)}
        seen = ["transformed_examples", "transform_graph", "schema"]
        chain: list[Step] = [
            ("ExampleGen", [], read, {}),
            ("ImportSchemaGen", [], {"schema": ("Schema", {})}, {"schema_text": SCHEMA}),
            ("Transform", ["examples", "schema"], transformed, {"custom_config": json.dumps(config)}),
            ("Trainer", seen, {"model": ("Model", {})}, {"custom_config": json.dumps(trained)}),
            ("Resolver", [], {}, {}),
            ("Evaluator", ["examples", "model", "schema"], judged, {}),
            ("InfraValidator", ["examples", "model"], tried, {}),
            (
                *("Pusher", ["model", "model_blessing", "infra_blessing"]),
                *({"pushed_model": ("PushedModel", {})}, {"custom_config": json.dumps(kept), "run": name}),
            ),
        ]
        if anomalies is not None:
            chain.insert(2, ("ExampleValidator", ["examples"], {"anomalies": ("ExampleAnomalies", {})}, {}))
            changed = [*changed, "ExampleValidator"]
        nodes: list[dict[str, Any]] = []
        for node, inputs, outputs, had in chain:
            if any(one["state"] == "failed" for one in nodes):
                nodes.append(_result(node, "skipped"))
                continue
            state = "ran" if node in {*changed, "Resolver", "Pusher"} else "reused"
            state = "failed" if node == fails else "running" if running and node == "Evaluator" else state
            ins = [(key, made[key]) for key in inputs]
            ins += self._more(name, problem, warm_start=warm_start, tuned=tuned) if node == "Trainer" else []
            if state == "ran":
                pushed = self._pushed(problem, made["model"], verdict, given=push) if node == "Pusher" else {}
                self._make(
                    problem, node, {key: (kind, {**told_of, **pushed}) for key, (kind, told_of) in outputs.items()}
                )
            outs = [(key, made[key]) for key in outputs] if state in ("ran", "reused") else []
            execution = self.execution((name, problem, node), state, had, ins, outs)
            nodes.append(_result(node, state, execution, dict(outs)))
            if node == "ExampleValidator":
                shutil.copytree(anomalies or "", made["anomalies"].uri, dirs_exist_ok=True)
            if self.files and state == "ran" and node == "ImportSchemaGen":
                _write(Path(made["schema"].uri) / "schema.pbtxt", SCHEMA)
            if self.files and state == "ran" and node == "Evaluator":
                _write(Path(made["evaluation"].uri) / "verdict.json", json.dumps(verdict))
            if state == "running":
                break
        if record and self.files:
            when = started or time.time()
            self._record(name, problem, kept, code=code, nodes=nodes, started=when, ended=not running)

    def _make(self, problem: str, node: str, outputs: Outputs) -> None:
        self._folder += 1
        for key, (type_name, properties) in outputs.items():
            uri = self.root / "artifacts" / problem / node / key / str(self._folder)
            artifact = mlmd.Artifact(type_id=self._type("artifact", type_name), uri=str(uri), state=mlmd.Artifact.LIVE)
            _fill(artifact.custom_properties, properties)
            self.made[problem][key] = artifact

    def _more(self, run: str, problem: str, *, warm_start: bool, tuned: Mapping[str, Any] | None) -> Pairs:
        """What a Trainer takes besides its data: a model to start from, the values of a search, which is written."""
        made = self.made[problem]
        found: list[tuple[str, Any]] = [("base_model", made["model"])] if warm_start else []
        if tuned is not None:
            told = {"values": json.dumps(tuned), "metric": "loss", "trials": 6}
            self._make(problem, "Tuner", {"best_hyperparameters": ("HyperParameters", told)})
            values = made["best_hyperparameters"]
            self.execution((run, problem, "Tuner"), "ran", {}, [], [("best_hyperparameters", values)])
            found.append(("hyperparameters", values))
        return found

    def _pushed(self, problem: str, model: mlmd.Artifact, verdict: dict[str, Any], *, given: bool) -> dict[str, Any]:
        if not verdict["blessed"]:
            return {"pushed": 0, "reason": f"not blessed by the Evaluator: {verdict['reasons'][0]}"}
        hashed = digest(model.uri)
        version, last = self.versions.get(problem, (0, ""))
        version += hashed != last
        self.versions[problem] = (version, hashed)
        folder = self.root / "serving" / problem / str(version)
        if given and self.files:
            told = {"model_hash": hashed, "pushed_at": "2026-01-01T00:00:00+00:00", "model_uri": model.uri}
            _write(folder / "assets.extra" / "push.json", json.dumps(told))
        return {
            **{"pushed": 1, "pushed_destination": str(folder), "pushed_version": str(version)},
            **{"model_hash": hashed, "reused": int(hashed == last), "reason": "blessed by both gates"},
        }

    def _record(
        self,
        name: str,
        problem: str,
        kept: Mapping[str, Any],
        *,
        code: str,
        nodes: list[dict[str, Any]],
        started: float,
        ended: bool,
    ) -> None:
        folder = self.root / "runs" / name
        job = {
            "run": name,
            "problem": {"name": problem, "folder": f"/problems/{problem}", "settings": kept["settings"]},
            "workspace": str(self.root),
            "started": started,
            "libraries": kept["libraries"],
        }
        _write(folder / "job.json", json.dumps(job))
        _write(folder / "code" / problem / "model.py", code)
        for one in nodes:
            if one["state"] != "skipped":
                _write(self.root / "logs" / name / f"{one['node']}.log", f"{one['node']} of {name}\n")
        if ended:
            error = next((one["error"] for one in nodes if one["error"]), None)
            outcome = {"run": name, "seconds": 41.0, "error": error, "nodes": nodes}
            _write(folder / "outcome.json", json.dumps(outcome))

    def search(self, run: str, problem: str, folder: Path) -> None:
        """Write a search of a run: the values that it found, and its trials; ``folder`` is its node's."""
        number = len(self.store.get_artifacts())
        outputs = []
        for key, name in (("best_hyperparameters", "HyperParameters"), ("tuner_results", "TunerResults")):
            uri = str(folder / key / str(number))
            kind = self._type("artifact", name)
            outputs.append((key, mlmd.Artifact(type_id=kind, uri=uri, state=mlmd.Artifact.LIVE)))
        self.execution((run, problem, "Tuner"), "ran", {}, [], outputs)

    def _type(self, family: str, name: str) -> int:
        key = (family, name)
        if key not in self._types:
            kinds = {"artifact": mlmd.ArtifactType, "execution": mlmd.ExecutionType, "context": mlmd.ContextType}
            put = getattr(self.store, f"put_{family}_type")
            self._types[key] = put(kinds[family](name=name))
        return self._types[key]

    def _context(self, kind: str, name: str) -> mlmd.Context:
        context = mlmd.Context(type_id=self._type("context", kind), name=name)
        if (kind, name) not in self._contexts:
            [self._contexts[kind, name]] = self.store.put_contexts([context])
        context.id = self._contexts[kind, name]
        return context

    def execution(
        self, place: tuple[str, str, str], state: str, properties: Mapping[str, Any], inputs: Pairs, outputs: Pairs
    ) -> int:
        """Write one execution of a run, a problem and a node; return its number."""
        run, problem, node = place
        execution = mlmd.Execution(
            type_id=self._type("execution", f"components.{node.lower()}.component.{node}"),
            last_known_state=_STATES[state],
        )
        _fill(execution.custom_properties, properties)
        pairs = [(one, _event(mlmd.Event.INPUT, key)) for key, one in inputs]
        pairs += [(one, _event(mlmd.Event.OUTPUT, key)) for key, one in outputs]
        contexts = [
            self._context("pipeline", problem),
            self._context("pipeline_run", run),
            self._context("node", f"{problem}.{node}"),
        ]
        number, ids, _ = self.store.put_execution(execution, pairs, contexts)
        for (artifact, _), given in zip(pairs, ids, strict=True):
            artifact.id = given
        return int(number)


def _verdict_in(short: Mapping[str, Any]) -> dict[str, Any]:
    return {"verdict": json.dumps(short)}


def _verdict(value: float, bound: float, rows: int, slices: Mapping[str, float]) -> dict[str, Any]:
    bounds = dict.fromkeys(("lower_bound", "direction", "change_absolute", "change_relative")) | {"upper_bound": bound}
    blessed = value <= bound
    words = "at or below" if blessed else "above"
    reason = f"mean_absolute_error {value:,.4g} is {words} its upper bound {bound:,.0f}"

    def one(metric: str, name: str, number: float, *, judged: bool = False) -> dict[str, Any]:
        passed = blessed if judged else None
        told = {"metric": metric, "slice": name, "value": number, "baseline": None}
        return {**told, "bounds": dict(bounds) if judged else None, "passed": passed}

    measured = [
        one("example_count", "overall", rows),
        one("mean_absolute_error", "overall", value, judged=True),
        *(one("mean_absolute_error", name, number) for name, number in slices.items()),
    ]
    return {
        **{"blessed": blessed, "reasons": [reason], "rows": rows, "measurements": measured, "notes": []},
        **{"model_uri": "", "baseline_uri": None},
    }


def _result(
    node: str, state: str, execution: int | None = None, outputs: Mapping[str, mlmd.Artifact] | None = None
) -> dict[str, Any]:
    error = {"kind": "error", "exit_code": 1, "headline": f"{node} broke"} if state == "failed" else None
    return {
        **{"node": node, "state": state, "seconds": 1.5, "why": "first run" if state == "ran" else "", "error": error},
        "outputs": {key: [{"id": one.id, "uri": one.uri, "properties": {}}] for key, one in (outputs or {}).items()},
        "execution": execution,
    }


def _event(kind: Any, key: str) -> mlmd.Event:
    event = mlmd.Event(type=kind)
    event.path.steps.add().key = key
    event.path.steps.add().index = 0
    return event


def _fill(target: Any, properties: Mapping[str, Any]) -> None:
    for name, value in properties.items():
        if isinstance(value, int):
            target[name].int_value = value
        elif isinstance(value, float):
            target[name].double_value = value
        else:
            target[name].string_value = str(value)


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
