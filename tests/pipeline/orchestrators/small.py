"""A compiled pipeline of three nodes, made without TFX, and what pods are told of it."""

from pathlib import Path
from typing import Any

from pipeline.config.model import Settings
from pipeline.orchestrators.compiled import Compiled, CompiledNode
from pipeline.orchestrators.targets import Options

IMAGE = "team/estimator-pipeline:1"
PROJECT = Path(__file__).resolve().parents[3]
OUTPUTS = {
    "ExampleGen": {"examples": "Examples"},
    "Trainer": {"model": "Model", "model_run": "ModelRun"},
    "Resolver": {},
}


def compiled(problem: str = "flat_rents", **changes: Any) -> Compiled:
    """Return a compiled pipeline; ``settings`` are TOML's tables by name, the rest fields of the class."""
    tables = changes.pop("settings", {})
    settings = {"label": "rent", "data": {"path": "/data/rents"}, "metadata": {"url": "mysql://p@db:3306/m"}, **tables}
    values: dict[str, Any] = {
        "problem": problem,
        "folder": f"$PROJECT/pipeline/problems/{problem}",
        "workspace": "/mnt/pipeline",
        "pipeline_root": f"/mnt/pipeline/artifacts/{problem}",
        "serving": f"/mnt/pipeline/serving/{problem}",
        "metadata_url": "mysql://p@db:3306/m",
        "given": ("--set", "metadata.url=mysql://p@db:3306/m"),
        "settings": Settings.model_validate(settings).model_dump(mode="json", by_alias=True),
        "nodes": (
            CompiledNode("ExampleGen", "ours", (), True, "Reads."),
            CompiledNode("Trainer", "theirs", ("ExampleGen",), True, "Trains."),
            CompiledNode("Resolver", "theirs", ("ExampleGen", "Trainer"), False, "Finds."),
        ),
        "ir": {"nodes": [_node(name, outputs) for name, outputs in OUTPUTS.items()]},
    }
    return Compiled(**{**values, **changes})


def _node(name: str, outputs: dict[str, str]) -> dict[str, Any]:
    made = {key: {"artifact_spec": {"type": {"name": kind}}} for key, kind in outputs.items()}
    return {"pipeline_node": {"node_info": {"id": name}, **({"outputs": {"outputs": made}} if made else {})}}


def options(**changes: Any) -> Options:
    deploy = PROJECT / "deploy"
    given = {"out": deploy / "rents.yaml", "pipeline": deploy / "rents.pipeline.json", "image": IMAGE}
    return Options(**{**given, **changes})
