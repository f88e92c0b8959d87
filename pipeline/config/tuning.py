"""The settings of a search, and whether its space fits the training that it varies; docs/tuning.md.

The keys of a dimension are those of the Optuna call that it ends up in: ``suggest_float(name, low, high, step, log)``,
``suggest_int`` and ``suggest_categorical(name, choices)``.
"""

import difflib
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

from pydantic import Field, StrictBool, StrictFloat, StrictInt, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from pipeline.config.section import Direction, Section

SEARCHED = ("train_steps", "num_epochs", "batch_size", "shuffle_buffer")
"""The keys of ``[training]`` that a search may vary, beside all of ``[training.params]``."""


# Words of the names that Estimators, Keras and TFMA have for metrics.
_LOW = {
    "loss",
    "error",
    "crossentropy",
    "entropy",
    "deviance",
    "perplexity",
    "mae",
    "mse",
    "rmse",
    "mape",
    "msle",
    "brier",
}
_HIGH = {"accuracy", "auc", "precision", "recall", "f1", "iou", "ndcg", "map", "r2"}


class SpaceError(ValueError):
    """A dimension does not fit.

    Args:
        text: What would be right.
        hint: What to do.
    """

    def __init__(self, text: str, hint: str | None = None) -> None:
        super().__init__(text)
        self.hint = hint


class Dimension(Section):
    """One value that the search varies, under the name that it has in `[training.params]` or `[training]`."""

    type: Literal["float", "int", "categorical"] = Field(description="suggest_float, suggest_int, suggest_categorical")
    low: StrictFloat | None = Field(None, description="the least value, of a float or int")
    high: StrictFloat | None = Field(None, description="the greatest value, of a float or int")
    step: StrictFloat | None = Field(None, gt=0, description="between two neighbouring values; any value if not set")
    log: StrictBool = Field(False, description="search evenly in the logarithm: for what spans orders of magnitude")
    choices: tuple[Any, ...] | None = Field(None, description="the values of a categorical, of any type")

    @model_validator(mode="after")
    def _is_whole(self) -> "Dimension":
        numbers = {"low": self.low, "high": self.high, "step": self.step}
        if self.type == "categorical":
            wrong = [name for name, value in {**numbers, "log": self.log or None}.items() if value is not None]
            if wrong:
                raise SpaceError(f"choices alone with a categorical, not {' or '.join(wrong)}")
            if self.choices is None or len({json.dumps(one, default=str) for one in self.choices}) < 2:
                raise SpaceError("two or more different choices")
            if len({json.dumps(one, default=str) for one in self.choices}) < len(self.choices):
                raise SpaceError("each choice once")
            return self
        if self.choices is not None:
            raise SpaceError(f"low and high with a {self.type}, not choices", 'choices go with type = "categorical"')
        if self.low is None or self.high is None or not self.low < self.high:
            raise SpaceError("low and high, with low below high")
        if not all(math.isfinite(one) for one in (self.low, self.high)):
            raise SpaceError("finite numbers")
        if self.log and self.step is not None:
            raise SpaceError("log or step, not both")
        if self.log and self.low <= 0:
            raise SpaceError("low above 0 with log = true: zero has no logarithm")
        if self.type == "int" and not all(one is None or one == int(one) for one in numbers.values()):
            raise SpaceError("whole numbers with an int")
        return self

    def holds(self, value: Any) -> bool:
        """Whether a value is one that the search may come to."""
        if self.choices is not None:
            return value in self.choices
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return False
        low, high = self.low or 0.0, self.high or 0.0
        if not low <= value <= high or (self.type == "int" and value != int(value)):
            return False
        steps = 0.0 if self.step is None else (value - low) / self.step
        return math.isclose(steps, round(steps), abs_tol=1e-8)

    def ends(self) -> tuple[Any, ...]:
        """Return the values by which to see whether all of them are allowed."""
        if self.choices is not None:
            return self.choices
        return tuple(int(one) if self.type == "int" else one for one in (self.low or 0.0, self.high or 0.0))

    def __str__(self) -> str:
        if self.choices is not None:
            return "one of " + ", ".join(json.dumps(one) for one in self.choices)
        return f"from {self.low:g} to {self.high:g}" + (f" in steps of {self.step:g}" if self.step else "")


class Tuning(Section):
    """The search of `runner.py tune`, and where the Trainer's values come from; docs/tuning.md."""

    use: Literal["nothing", "latest", "search"] = Field(
        "nothing",
        description="where a run takes values from: `[training]` as it stands; the best ones of the latest search in"
        " the workspace; a search of its own, by a node Tuner before the Trainer",
    )
    trials: StrictInt = Field(20, ge=1, le=100_000, description="trials of the search, the default values among them")
    parallel: StrictInt = Field(1, ge=1, le=256, description="trials at once, each in a process of its own")
    metric: str = Field(
        "loss", min_length=1, description="the objective: a metric of the model's own evaluation, or loss"
    )
    direction: Direction | None = Field(
        None,
        description="which value of the metric is best; if unset as `[[evaluation.metrics]]` says, or by its name",
    )
    held_out: StrictFloat = Field(
        0.2, gt=0, lt=1, description="share of the train split that trials are judged by and not trained on"
    )
    evaluations: StrictInt = Field(5, ge=1, le=10_000, description="evaluations in a trial, evenly spaced")
    sampler: Literal["tpe", "random"] = Field("tpe", description="optuna.samplers: TPESampler or RandomSampler")
    pruner: Literal["median", "none"] = Field(
        "median", description="optuna.pruners: MedianPruner ends trials that are worse than half of those before"
    )
    compare: StrictBool = Field(
        True, description="train the default and the best values on all of train at the end, and judge both on eval"
    )
    space: dict[str, Dimension] = Field(
        {}, description="what is varied, by its name in `[training.params]` or `[training]`"
    )

    @property
    def lower_is_better(self) -> bool:
        """Which value of the metric is best, as far as these settings tell."""
        return (self.direction or usual_direction(self.metric)) != "higher_is_better"

    @model_validator(mode="after")
    def _has_a_space(self) -> "Tuning":
        if self.use == "search" and not self.space:
            raise SpaceError("a search space in [tuning.space]", "docs/tuning.md shows one")
        return self


def usual_direction(metric: str) -> Direction | None:
    """Return which value of a metric is best as its name has it; None if it does not tell."""
    words = set(re.findall("[a-z0-9]+", metric.lower()))
    low, high = bool(words & _LOW), bool(words & _HIGH)
    if low == high:  # as an accuracy_loss
        return None
    return "lower_is_better" if low else "higher_is_better"


def known_direction(tuning: Tuning, told: Mapping[str, Direction]) -> Direction:
    """Return which value of the metric of a search is best.

    Args:
        tuning: The search.
        told: What the evaluation's own settings say, by metric.

    Raises:
        ValidationError: If two settings contradict each other, or, where there is something to search, nothing tells.
    """
    elsewhere = told.get(tuning.metric)
    found = tuning.direction or elsewhere or usual_direction(tuning.metric)
    if tuning.direction and elsewhere and tuning.direction != elsewhere:
        error = SpaceError(
            f"what [[evaluation.metrics]] says of {tuning.metric}: {elsewhere}", "leave it out: that is taken over"
        )
    elif found is None and tuning.space:
        error = SpaceError(
            f"lower_is_better or higher_is_better: the name {tuning.metric} does not tell",
            f"set tuning.direction, or another tuning.metric if {tuning.metric} is misspelt",
        )
    else:
        return found or "lower_is_better"
    about = PydanticCustomError("value_error", "{error}", {"error": error})
    item = InitErrorDetails(type=about, loc=("tuning", "direction"), input=tuning.direction)
    raise ValidationError.from_exception_data("Settings", [item])


def default_of(name: str, training: Any) -> Any:
    """Return the value that a dimension has without a search.

    Args:
        name: Its name in ``[training.params]`` or ``[training]``.
        training: The settings ``Training``.
    """
    return training.params[name] if name in training.params else getattr(training, name)


def set_beside(tuning: Tuning, training: Any, given: Iterable[Sequence[str | int]]) -> list[str]:
    """Return which of some settings a search varies, so that a run with tuned values does not train with what they say.

    A whole table, as ``training.params``, is none of them: it says more than what is searched.

    Args:
        tuning: The settings of the search.
        training: The settings ``Training``.
        given: What is set, as paths of names.

    Returns:
        The dotted names of what is searched, in the order of the space.
    """
    places = [("training", "params", name) if name in training.params else ("training", name) for name in tuning.space]
    paths = {tuple(path) for path in given}
    return [".".join(place) for place in places if place in paths]


def check_space(space: Mapping[str, Dimension], training: Any) -> None:
    """Hold a search space against the training that it varies.

    Args:
        space: The dimensions by name.
        training: The settings ``Training``.

    Raises:
        ValidationError: With one finding for each dimension that does not fit.
    """
    found = [
        InitErrorDetails(
            type=PydanticCustomError("value_error", "{error}", {"error": error}),
            loc=("space", name),
            input=dimension.model_dump(exclude_defaults=True),
        )
        for name, dimension in space.items()
        for error in _misfits(name, dimension, training)
    ]
    if found:
        raise ValidationError.from_exception_data("Tuning", found)


def _misfits(name: str, dimension: Dimension, training: Any) -> Iterator[SpaceError]:
    of_params, of_training = name in training.params, name in type(training).model_fields
    if of_params and of_training:
        yield SpaceError("a name that only one of [training] and [training.params] has", "rename the one in params")
        return
    if not of_params and name not in SEARCHED:
        yield _unknown(name, of_training, training)
        return
    if not of_params:
        wrong = _refused(name, dimension, training)
        if wrong:
            yield SpaceError(f"values that training.{name} may have ({wrong})")
            return
    default = default_of(name, training)
    if default is None:
        yield SpaceError(f"a default to begin with: set training.{name}, too")
    elif not dimension.holds(default):
        yield SpaceError(
            f"a space that holds the default {json.dumps(default, default=str)}, which the search begins with;"
            f" this one is {dimension}",
            "widen the space, or change the default",
        )


def _unknown(name: str, of_training: bool, training: Any) -> SpaceError:
    known = [*training.params, *SEARCHED]
    if of_training:
        return SpaceError(f"of [training] one of {', '.join(SEARCHED)}", "a search varies nothing else of [training]")
    close = difflib.get_close_matches(name, known, n=1)
    hint = (
        f"did you mean tuning.space.{close[0]}?" if close else f"set training.params.{name}, the value without a search"
    )
    return SpaceError(f"a name that [training.params] or [training] has: {', '.join(known)}", hint)


def _refused(name: str, dimension: Dimension, training: Any) -> str | None:
    """Return why ``[training]`` would not take a value of a dimension."""
    given = training.model_dump(exclude_unset=True)
    for value in dimension.ends():
        try:
            type(training).model_validate({**given, name: value})
        except ValidationError as error:
            return f"{json.dumps(value, default=str)}: {error.errors()[0]['msg'].removeprefix('Value error, ')}"
    return None
