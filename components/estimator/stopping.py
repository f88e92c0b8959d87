"""Early stopping, with the meaning of ``tf.estimator.experimental.stop_if_*_hook``.

Their rules are kept, and the hook that carries them out is theirs (``make_early_stopping_hook``). Asked by the clock or
by steps they would read the event files again and again, or late; here the rule is asked once after each evaluation, so
that a training stops right at the checkpoint that was the reason.
"""

from collections.abc import Mapping
from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

import tensorflow as tf

from components.estimator.evaluations import Evaluations
from pipeline.config.model import EarlyStopping


def early_stopping_hook(estimator: Any, settings: EarlyStopping, evaluations: Evaluations) -> Any:
    """Make the hook for ``TrainSpec.hooks``.

    Args:
        estimator: The Estimator that is trained.
        settings: When to stop.
        evaluations: To which the evaluations of this training are added.
    """
    asked = -1

    def should_stop() -> bool:
        nonlocal asked
        if len(evaluations.by_step) == asked:
            return False
        asked = len(evaluations.by_step)
        return reason_to_stop(settings, evaluations.by_step) is not None

    return tf.estimator.experimental.make_early_stopping_hook(
        estimator, should_stop, run_every_secs=None, run_every_steps=1
    )


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
