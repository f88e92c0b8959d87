"""Early stopping, with the meaning of ``tf.estimator.experimental.stop_if_*_hook``.

Their rules are kept, not the hook that carries them out (``make_early_stopping_hook``). Asked by the clock or by steps,
that one reads the event files again and again, or late; and it goes by a global step that is read while the step is
made, so that it may miss the very step of the evaluation. Here the rule is asked once after each evaluation, so that a
training stops right at the checkpoint that was the reason.

Theirs tells the workers of a cluster by a variable of the model, which a converted Keras model does not save, so that
it could not go on after a crash. Here each process that trains reads what the evaluator has written and applies the
rule itself, within a second or two.
"""

import time
from collections.abc import Mapping
from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

import tensorflow as tf

from components.estimator.evaluations import Evaluations
from pipeline.config.model import EarlyStopping

_LOOK_SECS = 1.0


class EarlyStoppingHook(tf.estimator.SessionRunHook):
    """Ends the training after the evaluation that is the reason; has to follow the hook that saves, and so evaluates.

    Args:
        settings: When to stop.
        evaluations: To which the evaluations of this training are added.
        elsewhere: Whether another process evaluates.
    """

    def __init__(self, settings: EarlyStopping, evaluations: Evaluations, elsewhere: bool = False) -> None:
        self._settings = settings
        self._evaluations = evaluations
        self._elsewhere = elsewhere
        self._looked = 0.0
        self._asked = -1

    def after_run(self, run_context: Any, run_values: Any) -> None:
        """Ask the rule if there is a new evaluation."""
        del run_values
        if self._elsewhere and time.monotonic() - self._looked >= _LOOK_SECS:
            self._looked = time.monotonic()
            self._evaluations.refresh()
        count = len(self._evaluations.by_step)
        if count != self._asked:
            self._asked = count
            if reason_to_stop(self._settings, self._evaluations.by_step) is not None:
                run_context.request_stop()


def reason_to_stop(settings: EarlyStopping, evaluations: Mapping[int, Mapping[str, float]]) -> str | None:
    """Return why a training with these evaluations stops, in words; None if it does not.

    Args:
        settings: When to stop.
        evaluations: Metrics by name, by step.
    """
    name = settings.metric
    low = settings.max_steps_without_decrease is not None or settings.stop_if_lower is not None
    target = settings.stop_if_lower if low else settings.stop_if_higher
    patience = settings.max_steps_without_decrease if low else settings.max_steps_without_increase
    best: tuple[int, float] | None = None
    for step, metrics in sorted(evaluations.items()):
        if step < settings.min_steps or name not in metrics:
            continue
        value = metrics[name]
        if target is not None and (value < target if low else value > target):
            return f"{name} reached {value:.6g} at step {step:,}, {'below' if low else 'above'} {target:g}"
        if best is None or (value < best[1] if low else value > best[1]):
            best = step, value
        if patience is not None and step - best[0] >= patience:
            return (
                f"{name} did not {'decrease' if low else 'increase'} for {step - best[0]:,} steps"
                f" ({patience:,} were allowed): best {best[1]:.6g} at step {best[0]:,}, {value:.6g} at step {step:,}"
            )
    return None
