"""What a search did, as it is written beside its results and told by the command line; imports no framework."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

FILE = "search.json"
CHART = "search.svg"


@dataclass(frozen=True)
class Trial:
    """One trial.

    Attributes:
        number: Its number in the study, which names its folder.
        state: ``complete``, ``pruned``, ``failed``, ``killed`` (by whatever; it is repeated) or ``running``.
        values: What was varied, by name.
        value: Of the metric; None where it never came to an evaluation.
        default: Whether it has the values of the settings.
        evaluations: Pairs of step and value, in order.
        steps: The step at which it was to end.
        seconds: How long it took.
        reason: Why it failed, or in the place of which killed trial it came.
    """

    number: int
    state: str
    values: dict[str, Any]
    value: float | None = None
    default: bool = False
    evaluations: tuple[tuple[int, float], ...] = ()
    steps: int | None = None
    seconds: float | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Compared:
    """The default and the best values, trained on the whole train split and judged on the eval split.

    Attributes:
        default: Metrics by name with the values of the settings; None for one that is NaN or infinite, as the one that
            the search went by is where the loss became NaN.
        best: The same with the best values of the search.
    """

    default: dict[str, float | None]
    best: dict[str, float | None]


@dataclass(frozen=True)
class Search:
    """A search as a whole.

    Attributes:
        problem: The problem.
        metric: What trials were judged by.
        lower_is_better: Which of its values is best.
        trials: All trials, in order.
        best: The number of the best one.
        values: Its values, by name.
        defaults: The values of the settings.
        fit_rows: Rows that trials were trained on.
        held_out_rows: Rows that they were judged by.
        compared: The comparison on the eval split, if one was asked for.
        seconds: How long all trials took together, whatever ran beside.
        study: The folder of the study: Optuna's storage, and a folder for each trial.
    """

    problem: str
    metric: str
    lower_is_better: bool
    trials: tuple[Trial, ...]
    best: int
    values: dict[str, Any]
    defaults: dict[str, Any]
    fit_rows: int
    held_out_rows: int
    study: str
    compared: Compared | None = None
    seconds: float = field(default=0.0)

    def trial(self, number: int) -> Trial:
        """Return a trial by its number."""
        return next(one for one in self.trials if one.number == number)

    @property
    def default_trial(self) -> Trial | None:
        """The trial with the values of the settings, if it came to its end."""
        return next((one for one in self.trials if one.default and one.state == "complete"), None)

    def best_so_far(self) -> list[tuple[int, float]]:
        """Return the trials by which the best value got better, with that value."""
        found: list[tuple[int, float]] = []
        for one in self.trials:
            if one.state != "complete" or one.value is None:
                continue
            if not found or self.better(one.value, found[-1][1]):
                found.append((one.number, one.value))
        return found

    def better(self, one: float, other: float) -> bool:
        """Whether one value of the metric is better than another."""
        return one < other if self.lower_is_better else one > other

    def margin(self, best: float, default: float) -> float:
        """Return by which share of the default's value the best one is better; negative if it is worse.

        Of a default of 0 nothing is a share: what is better is so infinitely.
        """
        gain = default - best if self.lower_is_better else best - default
        if not gain:
            return 0.0
        return gain / abs(default) if default else math.copysign(math.inf, gain)

    @property
    def counted(self) -> int:
        """How many trials there are but for those that were repeated."""
        return sum(one.state != "killed" for one in self.trials)

    def margins(self) -> dict[str, float]:
        """Return the margins that are known: ``held_out_margin`` and ``eval_margin``."""
        found = {}
        best, default = self.trial(self.best).value, self.default_trial
        if default is not None and default.value is not None and best is not None:
            found["held_out_margin"] = self.margin(best, default.value)
        if self.compared is not None and self.metric in self.compared.best:
            ours, theirs = (one.get(self.metric) for one in (self.compared.best, self.compared.default))
            if ours is not None and theirs is not None:
                found["eval_margin"] = self.margin(ours, theirs)
            else:  # values that cannot be trained with are infinitely worse
                found["eval_margin"] = math.inf if ours is not None else -math.inf if theirs is not None else 0.0
        return found

    def write(self, folder: Path) -> None:
        """Write it into the artifact."""
        (folder / FILE).write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")

    def as_json(self) -> dict[str, Any]:
        """Return it as it is written, with the margins; None for what is no finite number, which JSON does not have."""
        return dict(_plain({**asdict(self), **self.margins()}))


def finite(metrics: Mapping[str, Any]) -> dict[str, float | None]:
    """Return metrics with None for what is NaN or infinite."""
    return {name: float(value) if math.isfinite(value) else None for name, value in metrics.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def read_search(folder: Path) -> Search | None:
    """Read what :meth:`Search.write` wrote; None where there is none."""
    file = folder / FILE
    if not file.exists():
        return None
    value: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    trials = tuple(
        Trial(**{**one, "evaluations": tuple((step, number) for step, number in one["evaluations"])})
        for one in value["trials"]
    )
    compared = Compared(**value["compared"]) if value["compared"] else None
    return Search(**{**value, "trials": trials, "compared": compared})
