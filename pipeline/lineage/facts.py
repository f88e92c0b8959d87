"""What single artifacts and executions say, wherever it is written: in their properties, else in their files."""

import json
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline.lineage.archive import read_json
from pipeline.lineage.store import Artifact, Execution

COUNT = "example_count"
OVERALL = "overall"


@dataclass(frozen=True)
class Source:
    """A data file as it was when it was read.

    Attributes:
        path: Its path.
        hash: BLAKE2b of its bytes, in hexadecimal.
        rows: Rows that were read; None if that is not recorded.
        bytes: Its size.
    """

    path: str
    hash: str
    rows: int | None
    bytes: int

    def as_json(self) -> dict[str, Any]:
        """Return the file as it is printed."""
        return {"path": self.path, "hash": self.hash, "rows": self.rows, "bytes": self.bytes}


def json_of(text: Any) -> Any:
    """Return what a property's text says as JSON; None if it is none."""
    if not isinstance(text, str):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return None


def sources(examples: Artifact) -> list[Source]:
    """Return the files that were read into an Examples artifact."""
    records = json_of(examples.get("sources")) or []
    return [Source(one["path"], one.get("hash", ""), one.get("rows"), one.get("bytes", 0)) for one in records]


def rows(examples: Artifact) -> dict[str, int]:
    """Return the rows of each split, the training split first."""
    counts: dict[str, int] = json_of(examples.get("split_rows")) or {}
    return {split: counts[split] for split in sorted(counts, key=lambda name: (name != "train", name))}


def verdict(evaluation: Artifact, *, whole: bool = False) -> dict[str, Any] | None:
    """Return a verdict: its answer and what was measured on all rows.

    Args:
        evaluation: The ModelEvaluation artifact.
        whole: Whether every slice, the reasons and notes are wanted, which only the artifact's file has.
    """
    short = json_of(evaluation.get("verdict"))
    if isinstance(short, dict) and not whole:
        return short
    file = read_json(Path(evaluation.uri) / "verdict.json")
    return file or (short if isinstance(short, dict) else None)


def key_metric(told: dict[str, Any]) -> dict[str, Any] | None:
    """Return the first metric on all rows that has a bound, or else the first that is no count."""
    overall = [one for one in told.get("measurements", ()) if one["slice"] == OVERALL and one["metric"] != COUNT]
    return next((one for one in overall if one.get("bounds")), overall[0] if overall else None)


def number(value: Any) -> str:
    """Return a number as a person reads it."""
    if value is None:
        return "missing"
    real = float(value)
    if not math.isfinite(real):
        return str(real)
    return f"{real:,.0f}" if abs(real) >= 1000 else f"{real:.4g}"


def moment(seconds: float | None) -> str:
    """Return a time, in seconds since the epoch, as a person reads it: local, to the second."""
    return "" if seconds is None else datetime.fromtimestamp(seconds).strftime("%Y-%m-%d %H:%M:%S")


def iso(seconds: float | None) -> str | None:
    """Return a time as a program reads it: UTC, ISO 8601."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def code_hash(execution: Execution) -> str:
    """Return the hash of the problem's code that a node's module reaches; empty where none is recorded."""
    return str((json_of(execution.get("custom_config")) or {}).get("code", ""))


def training(execution: Execution) -> dict[str, Any]:
    """Return the training settings of a Trainer's execution."""
    found = json_of((json_of(execution.get("custom_config")) or {}).get("training"))
    return found if isinstance(found, dict) else {}


def tuned(artifact: Artifact) -> dict[str, Any]:
    """Return the values that a HyperParameters artifact holds, by name; empty if it does not say."""
    found = json_of(artifact.get("values"))
    return found if isinstance(found, dict) else {}


def search(artifact: Artifact) -> dict[str, Any]:
    """Return what the search that made a HyperParameters artifact found: its metric, best value, trials and values."""
    return {**{name: artifact.get(name) for name in ("metric", "value", "trials")}, "values": tuned(artifact)}


def flat(settings: Any, prefix: str = "") -> dict[str, Any]:
    """Return nested settings by dotted names; a list is one value."""
    if not isinstance(settings, dict):
        return {prefix: settings}
    found: dict[str, Any] = {}
    for name, value in settings.items():
        found.update(flat(value, f"{prefix}.{name}" if prefix else str(name)))
    return found


def short(digest: str) -> str:
    """Return the beginning of a hash."""
    return digest[:12]


def times(count: int) -> str:
    """Return how often something was done, in words."""
    return "1 time" if count == 1 else f"{count} times"
