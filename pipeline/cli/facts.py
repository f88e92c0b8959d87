"""What the results of nodes say: rows, verdicts and the pushed version; plain files and properties only."""

import json
from pathlib import Path
from typing import Any

from components.description import SIGNATURES
from components.evaluator.verdict import Verdict, read_verdict
from components.infra_validator.verdict import InfraVerdict
from components.infra_validator.verdict import read_verdict as read_infra_verdict
from components.trainer.record import TrainingRecord, read_record
from pipeline.local.record import NodeResult
from pipeline.local.run import Outcome


def rows_of(result: NodeResult) -> dict[str, int]:
    """Return the rows of each split that ExampleGen wrote; empty for other nodes."""
    if result.node != "ExampleGen" or not result.outputs:
        return {}
    [examples] = result.outputs["examples"]
    rows = json.loads(examples["properties"].get("split_rows", "{}"))
    return {split: rows[split] for split in sorted(rows, key=lambda name: (name != "train", name))}


def sources(outcome: Outcome) -> list[dict[str, Any]]:
    """Return the files that were read, with their rows and hashes."""
    examples = outcome.outputs("ExampleGen", "examples")
    return list(json.loads(examples[0]["properties"].get("sources", "[]"))) if examples else []


def verdict(outcome: Outcome) -> Verdict | None:
    """Return the Evaluator's verdict, if the run came to one."""
    evaluation = outcome.outputs("Evaluator", "evaluation")
    return read_verdict(Path(evaluation[0]["uri"])) if evaluation else None


def infra_verdict(outcome: Outcome) -> InfraVerdict | None:
    """Return the InfraValidator's verdict, if the run came to one."""
    blessing = outcome.outputs("InfraValidator", "blessing")
    return read_infra_verdict(Path(blessing[0]["uri"])) if blessing else None


def training(outcome: Outcome) -> TrainingRecord | None:
    """Return what the training did, in this run or in the one whose model is reused."""
    return training_of(outcome.results["Trainer"]) if "Trainer" in outcome.results else None


def training_of(result: NodeResult) -> TrainingRecord | None:
    """Return what a Trainer's training did; None for other nodes."""
    model_run = (result.outputs or {}).get("model_run", []) if result.node == "Trainer" else []
    return read_record(Path(model_run[0]["uri"])) if model_run else None


def model_run(outcome: Outcome) -> Path | None:
    """Return the folder with a training's checkpoints and curve; None if there was no training."""
    found = outcome.outputs("Trainer", "model_run")
    return Path(found[0]["uri"]) if found else None


def signatures(pushed: dict[str, Any]) -> Path | None:
    """Return the file beside a pushed model that says how to ask it; None if there is none, as in older versions."""
    file = Path(pushed["pushed_destination"]) / SIGNATURES
    return file if file.is_file() else None


def pushed(outcome: Outcome) -> dict[str, Any] | None:
    """Return the pushed version's properties, or None if nothing was pushed."""
    model = outcome.outputs("Pusher", "pushed_model")
    properties = model[0]["properties"] if model else {}
    return properties if properties.get("pushed_version") not in (None, "") else None
