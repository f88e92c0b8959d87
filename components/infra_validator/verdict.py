"""The verdict on an export, as it is written to ``verdict.json`` inside the InfraBlessing artifact. Plain Python."""

import dataclasses
import json
import os
from dataclasses import dataclass
from pathlib import Path

VERDICT_FILE = "verdict.json"


@dataclass(frozen=True)
class InfraVerdict:
    """Whether an export can be served, and why not.

    Attributes:
        blessed: Whether it can.
        reasons: Sentences: each fault, or what it answered.
        examples: Real examples that it was asked.
        signatures: The export's signatures.
        load_seconds: Time to load it; None where it did not come to that.
        first_answer_seconds: Time for the first batch, in which TensorFlow also prepares the graph.
        batch_seconds: Time for the same batch again.
        notes: What else a reader should know.
    """

    blessed: bool
    reasons: tuple[str, ...]
    examples: int = 0
    signatures: tuple[str, ...] = ()
    load_seconds: float | None = None
    first_answer_seconds: float | None = None
    batch_seconds: float | None = None
    notes: tuple[str, ...] = ()


def write_verdict(verdict: InfraVerdict, folder: str | os.PathLike[str]) -> Path:
    """Write ``verdict.json`` into the folder of an InfraBlessing artifact and return its path."""
    path = Path(folder) / VERDICT_FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(dataclasses.asdict(verdict), indent=2) + "\n", encoding="utf-8")
    return path


def read_verdict(folder: str | os.PathLike[str]) -> InfraVerdict:
    """Read the verdict from the folder of an InfraBlessing artifact.

    Raises:
        FileNotFoundError: if the folder holds none.
    """
    value = json.loads((Path(folder) / VERDICT_FILE).read_text(encoding="utf-8"))
    tuples = {name: tuple(value[name]) for name in ("reasons", "signatures", "notes")}
    return InfraVerdict(**{**value, **tuples})
