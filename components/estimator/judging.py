"""Tells the evaluations of a training to whoever judges it while it goes: the search that it is a trial of."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

import tensorflow as tf

from components.estimator.evaluations import Evaluations


@dataclass(frozen=True)
class Judge:
    """Who is told.

    Attributes:
        tell: Called after each evaluation with its step and its metrics, save the last one, which ends the training.
        metric: The metric that it goes by.
        setting: The setting that names the metric.
    """

    tell: Callable[[int, Mapping[str, float]], None]
    metric: str
    setting: str = "tuning.metric"

    @property
    def named(self) -> tuple[tuple[str, str], ...]:
        """The setting with the metric that it names; the model has to have it."""
        return ((self.setting, self.metric),)


class JudgingHook(tf.estimator.SessionRunHook):
    """Tells each new evaluation; has to follow the hook that saves, and so evaluates.

    Args:
        judge: Who is told.
        evaluations: To which the evaluations of this training are added.
    """

    def __init__(self, judge: Judge, evaluations: Evaluations) -> None:
        self._judge = judge
        self._evaluations = evaluations
        self._told = set(evaluations.by_step)

    def after_run(self, run_context: Any, run_values: Any) -> None:
        """Tell what is new."""
        del run_context, run_values
        for step, metrics in self._evaluations.by_step.items():
            if step not in self._told:
                self._told.add(step)
                self._judge.tell(step, metrics)
