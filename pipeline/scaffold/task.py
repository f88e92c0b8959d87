"""What the label asks for: regression or classification, and the bound that beats a constant prediction.

The constant is the best there is for the metric on the eval split as ExampleGen will make it: its median, its commonest
class. A model has to be better by a margin: one part in fifty of the constant's error or, where eval is so small that
this may be chance, about a standard error of it.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from components.example_gen.kinds import Kind
from pipeline.errors import DataError, SettingsError
from pipeline.scaffold.columns import Column
from pipeline.scaffold.literals import number
from pipeline.scaffold.profiling import Profile
from pipeline.scaffold.roles import odd_cell

TaskName = Literal["regression", "classification"]

_MOST_CLASSES = 100
_FEW_CLASSES = 20  # a label of whole numbers with no more values is taken for classes
_RARE = 0.2  # where fewer rows are of other classes than the commonest, accuracy says little
_LEAST_MARGIN = 0.02


@dataclasses.dataclass(frozen=True)
class Bound:
    """What a model must keep.

    Attributes:
        metric: Name of the metric.
        value: Its bound.
        lower: Whether it bounds from below.
        constant: What the constant prediction reaches.
        says: What the constant prediction does, in words.
    """

    metric: str
    value: float
    lower: bool
    constant: float
    says: str


@dataclasses.dataclass(frozen=True)
class Task:
    """What is to be learned.

    Attributes:
        name: ``regression`` or ``classification``.
        reason: Why it is taken for that.
        bound: What a model must keep.
        center: Regression: the label's median.
        spread: Regression: how far the label is from it on average.
        classes: Classification: the values of the label, in order.
        numbered: Classification: whether the file numbers the classes 0, 1, ... itself.
    """

    name: TaskName
    reason: str
    bound: Bound
    center: float = 0.0
    spread: float = 1.0
    classes: tuple[Any, ...] = ()
    numbered: bool = False

    @property
    def is_binary(self) -> bool:
        """Whether there are two classes."""
        return len(self.classes) == 2


def find_task(profile: Profile, said: TaskName | None = None) -> Task:
    """Find out what the label asks for.

    Args:
        profile: The file's statistics.
        said: The task, if a person said it.

    Raises:
        DataError: Nothing can be learned from this label.
        SettingsError: The label cannot be what was said.
    """
    label = profile.label
    if label.distinct < 2:
        raise DataError(
            f"The label is the same in every row: {label.name}.",
            got=str(next(iter(label.values or {"one value": 0}))),
            expected="at least two values",
            where=profile.path,
            hint="name another column with --label, or gather other rows",
        )
    few = {split: rows for split, rows in profile.rows.items() if rows < 10}
    if few:
        raise DataError(
            "Too few different rows to judge a model by.",
            got=", ".join(f"{split} {rows} rows" for split, rows in profile.rows.items()),
            expected="at least 10 in each split; equal rows fall into the same one",
            where=profile.path,
            hint="gather more rows",
        )
    name, reason = _guess(label)
    if said is not None:
        name, reason = said, "as you said"
    if name == "regression":
        if not label.is_number:
            raise SettingsError(
                f"{label.name} is text, which regression cannot predict",
                got=", ".join(map(repr, list(label.values or [])[:5])),
                expected="numbers",
                hint="leave --task out, or mend the cells that are no numbers",
            )
        return _regression(profile, reason)
    odd = odd_cell(label)
    if label.values is None or label.distinct > _MOST_CLASSES:
        raise SettingsError(
            f"{label.name} has too many values to be classes",
            got=f"{label.distinct:,} values in {label.rows:,} rows",
            expected=f"at most {_MOST_CLASSES} classes" + (", or numbers" if not label.is_number else ""),
            hint="use --task regression"
            if label.is_number
            else f"it holds numbers, but for {odd}: mend them, or take these rows out"
            if odd
            else "name another column with --label",
        )
    return _classification(profile, reason)


def _guess(label: Column) -> tuple[TaskName, str]:
    if not label.is_number:
        return "classification", f"text, {label.distinct:,} values"
    if label.distinct == 2:
        return "classification", "two values"
    kind = "whole numbers" if label.whole else "numbers"
    if label.whole and label.distinct <= _FEW_CLASSES and label.distinct * 5 <= label.rows:
        return "classification", f"{label.distinct} whole numbers; if they count something, say --task regression"
    return "regression", f"{kind}, {'about ' * (label.values is None)}{label.distinct:,} values"


def _regression(profile: Profile, reason: str) -> Task:
    train, judged = profile.labels["train"], profile.labels["eval"]
    best = float(np.median(judged))
    error = float(np.mean(np.abs(judged - best)))
    if not error:
        raise DataError(
            f"The label is nearly always the same: {profile.label.name}.",
            got=f"{best:.6g} in all rows of the eval split",
            expected="a label that varies",
            where=profile.path,
            hint="name another column with --label, or learn whether it differs, with --task classification",
        )
    center = float(np.median(train))
    spread = float(np.mean(np.abs(train - center))) or float(np.std(train)) or 1.0
    bound = Bound(
        "mean_absolute_error",
        number(error * (1 - _margin(profile)), 4),
        False,
        error,
        f"always saying {best:.4g}, the median",
    )
    return Task("regression", reason, bound, number(center), number(spread, 3))


def _classification(profile: Profile, reason: str) -> Task:
    counts = profile.label_counts or {}
    train, judged = counts["train"], counts["eval"]
    values = sorted(profile.label.values or {})
    whole = profile.label.is_number and profile.label.whole
    classes = tuple(int(one) for one in values) if whole else tuple(values)
    numbered = profile.label.kind is Kind.INT and classes == tuple(range(len(classes)))
    commonest = max(judged, key=lambda one: judged[one])
    share = judged[commonest] / profile.rows["eval"]
    metric = "binary_accuracy" if len(classes) == 2 else "sparse_categorical_accuracy"
    says = f"always saying {classes[values.index(commonest)]}, the commonest class"
    bound = Bound(metric, number(share + _margin(profile) * (1 - share), 4), True, share, says)
    if 1 - share < _RARE:
        bound = _rare(classes, train, judged, _margin(profile))
    return Task("classification", reason, bound, classes=classes, numbered=numbered)


def _margin(profile: Profile) -> float:
    """Return how much better than the constant a model has to be, as a share of the constant's error."""
    return max(_LEAST_MARGIN, 1 / math.sqrt(profile.rows["eval"]))


def _rare(classes: Sequence[Any], train: Mapping[Any, int], judged: Mapping[Any, int], margin: float) -> Bound:
    """Return a bound for a label that is nearly always the same: of a metric in which the rare classes count."""
    if len(classes) == 2:
        fewest = max(min(judged.get(one, 0) for one in classes), 1)
        least = 0.5 + max(_LEAST_MARGIN, 0.6 / math.sqrt(fewest))
        return Bound("auc", number(min(least, 0.95), 4), True, 0.5, "giving all rows the same answer")
    # Each share with one row more, since a class that train lacks would cost infinitely much.
    total = sum(train.values()) + len(classes)
    cost = -sum(rows * math.log((train.get(one, 0) + 1) / total) for one, rows in judged.items())
    entropy = cost / max(sum(judged.values()), 1)
    says = "always giving each class its share as the probability"
    return Bound("sparse_categorical_crossentropy", number(entropy * (1 - margin), 4), False, entropy, says)
