"""Reports the progress of training: step, loss and examples per second."""

import time
from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

import tensorflow as tf

from components.progress import report


class ProgressHook(tf.estimator.SessionRunHook):
    """Reports every ``seconds``, and at the end.

    Args:
        loss: The scalar loss tensor.
        train_steps: The step at which training ends.
        batch_size: Rows in a batch, to turn steps into examples.
        seconds: Time between two reports; the loss is fetched only for these.
    """

    def __init__(self, loss: Any, train_steps: int, batch_size: int, seconds: float = 0.5) -> None:
        self._loss = loss
        self._train_steps = train_steps
        self._batch_size = batch_size
        self._seconds = seconds
        self._last: tuple[float, int] | None = None

    def begin(self) -> None:
        """Find the step's tensor; called before the session is made."""
        self._step = tf.compat.v1.train.get_or_create_global_step()

    def after_create_session(self, session: Any, coord: Any) -> None:
        """Start the clock at the step that training continues from."""
        self._last = time.monotonic(), int(session.run(self._step))
        if self._last[1]:
            report(note=f"continues from step {self._last[1]:,}")

    def before_run(self, run_context: Any) -> Any:
        """Ask for step and loss when a report is due."""
        del run_context
        due = self._last is None or time.monotonic() - self._last[0] >= self._seconds
        return tf.estimator.SessionRunArgs([self._step, self._loss]) if due else None

    def after_run(self, run_context: Any, run_values: Any) -> None:
        """Report if this run was asked for."""
        del run_context
        if run_values.results is None:
            return
        step, loss = run_values.results
        now = time.monotonic()
        speed = None
        if self._last and now > self._last[0] and step > self._last[1]:
            speed = (int(step) - self._last[1]) * self._batch_size / (now - self._last[0])
        self._last = now, int(step)
        report(step=int(step), of=self._train_steps, loss=float(loss), examples_per_second=speed)
