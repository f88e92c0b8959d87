"""The verdict on a model, as it is written to ``verdict.json`` inside the ModelEvaluation artifact.

Plain Python: the command line and the pages read verdicts without TensorFlow.
"""

import dataclasses
import json
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

VERDICT_FILE = "verdict.json"
OVERALL = "overall"

Direction = Literal["lower_is_better", "higher_is_better"]


@dataclass(frozen=True)
class Bounds:
    """What a metric must keep; see :class:`pipeline.config.model.Metric` for the meaning of each."""

    lower_bound: float | None = None
    upper_bound: float | None = None
    direction: Direction | None = None
    change_absolute: float | None = None
    change_relative: float | None = None

    @property
    def has_value(self) -> bool:
        """Whether the value itself is bounded."""
        return self.lower_bound is not None or self.upper_bound is not None

    @property
    def has_change(self) -> bool:
        """Whether the change from the blessed model is bounded."""
        return self.change_absolute is not None or self.change_relative is not None


@dataclass(frozen=True)
class Measurement:
    """One metric on one slice.

    Attributes:
        metric: The metric's name, as in the settings.
        slice: ``overall``, or ``feature=value`` (several joined by a comma).
        value: The candidate's value; None where TFMA gave none. May be NaN.
        baseline: The blessed model's value on the same rows; None where there is no such model.
        bounds: What the value was judged by; None where it is only measured.
        passed: Whether it kept its bounds; None where it is only measured.
    """

    metric: str
    slice: str
    value: float | None
    baseline: float | None = None
    bounds: Bounds | None = None
    passed: bool | None = None


@dataclass(frozen=True)
class Verdict:
    """Whether a model may be pushed, and why.

    Attributes:
        blessed: Whether it may.
        reasons: Sentences. Those that refuse, if it was refused; otherwise those that let it pass.
        rows: Rows of the split that were evaluated.
        measurements: Every metric on every slice, overall first.
        notes: What else a reader should know, such as thresholds that could not be judged yet.
        model_uri: The candidate's artifact.
        baseline_uri: The blessed model's artifact; None on the first run.
    """

    blessed: bool
    reasons: tuple[str, ...]
    rows: int
    measurements: tuple[Measurement, ...] = ()
    notes: tuple[str, ...] = ()
    model_uri: str = ""
    baseline_uri: str | None = None

    def overall(self) -> tuple[Measurement, ...]:
        """Return what was measured on all rows."""
        return tuple(m for m in self.measurements if m.slice == OVERALL)

    def as_json(self) -> dict[str, Any]:
        """Return the verdict as JSON values; NaN and infinities, which JSON lacks, as text."""
        value = dataclasses.asdict(self)
        for measurement in value["measurements"]:
            for field in ("value", "baseline"):
                number = measurement[field]
                if number is not None and not math.isfinite(number):
                    measurement[field] = str(number)
        return value

    def in_short(self) -> str:
        """Return what goes into ML Metadata, as JSON: the answer and what was measured on all rows."""
        value = dataclasses.replace(self, measurements=self.overall(), notes=()).as_json()
        return json.dumps({name: value[name] for name in ("blessed", "rows", "measurements")}, allow_nan=False)


def write_verdict(verdict: Verdict, folder: str | os.PathLike[str]) -> Path:
    """Write ``verdict.json`` into the folder of a ModelEvaluation artifact and return its path."""
    path = Path(folder) / VERDICT_FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(verdict.as_json(), indent=2, allow_nan=False) + "\n", encoding="utf-8")
    return path


def read_verdict(folder: str | os.PathLike[str]) -> Verdict:
    """Read the verdict from the folder of a ModelEvaluation artifact.

    Raises:
        FileNotFoundError: if the folder holds none.
    """
    value = json.loads((Path(folder) / VERDICT_FILE).read_text(encoding="utf-8"))
    return Verdict(
        blessed=value["blessed"],
        reasons=tuple(value["reasons"]),
        rows=value["rows"],
        measurements=tuple(_measurement(item) for item in value["measurements"]),
        notes=tuple(value["notes"]),
        model_uri=value["model_uri"],
        baseline_uri=value["baseline_uri"],
    )


def _measurement(value: dict[str, Any]) -> Measurement:
    return Measurement(
        metric=value["metric"],
        slice=value["slice"],
        value=_number(value["value"]),
        baseline=_number(value["baseline"]),
        bounds=None if value["bounds"] is None else Bounds(**value["bounds"]),
        passed=value["passed"],
    )


def _number(value: float | str | None) -> float | None:
    return None if value is None else float(value)
