"""How a training went: its loss and evaluations by step, kept beside the checkpoints; imports no framework.

The file is small and is written anew each time, whole or not at all. However long a training is, it holds a few hundred
stretches of steps: where there would be more, two become one.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from components.whole import write_whole

FILE, PICTURE = "curve.json", "training.svg"
MOST = 400  # stretches at the most; half of it at least, once there were so many steps


@dataclass(frozen=True)
class Stretch:
    """Some steps of a training.

    Attributes:
        step: The last of them.
        steps: How many they are.
        loss: The mean of their losses.
        watched: Other numbers as they were last in it: ``learning_rate``, ``gradient_norm``, ``examples_per_second``.
    """

    step: int
    steps: int
    loss: float
    watched: Mapping[str, float] = field(default_factory=dict)

    def joined(self, after: "Stretch") -> "Stretch":
        """Return this one and the one after it as one."""
        steps = self.steps + after.steps
        loss = (self.loss * self.steps + after.loss * after.steps) / steps
        return Stretch(after.step, steps, loss, {**self.watched, **after.watched})


@dataclass
class Curve:
    """The curve of a training, as far as it has come.

    Attributes:
        stretches: In the order of their steps.
        evaluations: Metrics by name, by the step of the checkpoint.
        every: How many steps a new stretch is to have.
    """

    stretches: list[Stretch] = field(default_factory=list)
    evaluations: dict[int, dict[str, float]] = field(default_factory=dict)
    every: int = 1

    def add(self, stretch: Stretch) -> None:
        """Add what was trained since the last one."""
        self.stretches.append(stretch)
        if len(self.stretches) >= MOST:
            pairs = zip(self.stretches[::2], self.stretches[1::2], strict=False)
            self.stretches = [first.joined(second) for first, second in pairs]
            self.every *= 2

    def until(self, step: int) -> "Curve":
        """Return the part of it up to a step: what a training has of it that goes on from there."""
        stretches = [one for one in self.stretches if one.step <= step]
        return Curve(stretches, {at: one for at, one in self.evaluations.items() if at <= step}, self.every)

    def watched(self, name: str) -> list[tuple[float, float]]:
        """Return one of the other numbers by step."""
        return [(one.step, one.watched[name]) for one in self.stretches if name in one.watched]

    def metric(self, name: str) -> list[tuple[float, float]]:
        """Return a metric of the evaluations by step."""
        return [(step, one[name]) for step, one in sorted(self.evaluations.items()) if name in one]

    def metrics(self) -> list[str]:
        """Return the names of the evaluations' metrics, the loss first, without what is no metric."""
        names = {name: None for one in self.evaluations.values() for name in one if name != "global_step"}
        return sorted(names, key=lambda name: (name != "loss", name))

    def as_json(self) -> dict[str, Any]:
        """Return it as it is written and printed; a number that is not finite becomes null."""
        return {
            "every": self.every,
            "training": [
                {"step": one.step, "steps": one.steps, "loss": _finite(one.loss)}
                | {name: _finite(value) for name, value in one.watched.items()}
                for one in self.stretches
            ],
            "evaluations": [
                {"step": step} | {name: _finite(value) for name, value in one.items() if name != "global_step"}
                for step, one in sorted(self.evaluations.items())
            ],
        }

    def write(self, folder: Path) -> None:
        """Write it into a training's folder, as a new file: the old one may be linked into an artifact."""
        write_whole(folder / FILE, json.dumps(self.as_json(), allow_nan=False))


def read_curve(folder: Path) -> Curve | None:
    """Read what :meth:`Curve.write` wrote; None where there is nothing that can be read."""
    try:
        value = json.loads((folder / FILE).read_text(encoding="utf-8"))
        stretches = [_stretch(dict(one)) for one in value["training"]]
        evaluations = {int(one["step"]): _numbers(one) for one in value["evaluations"]}
        return Curve(stretches, evaluations, int(value["every"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _stretch(one: dict[str, Any]) -> Stretch:
    step, steps, loss = one.pop("step"), one.pop("steps"), one.pop("loss")
    return Stretch(int(step), int(steps), math.nan if loss is None else float(loss), _numbers(one))


def _numbers(one: Mapping[str, Any]) -> dict[str, float]:
    return {name: math.nan if value is None else float(value) for name, value in one.items() if name != "step"}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
