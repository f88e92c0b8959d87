"""Summaries that every training has, without a line in its model: for TensorBoard, and for the training's curve.

The Estimator itself writes the loss of a batch, steps a second and all metrics of evaluations. This adds, below
``training/``: the mean loss since the last summary, the learning rate, examples a second and the norm of all gradients;
and histograms of the weights below ``weights/``.

Nothing is put into the collections of the graph, and most steps compute nothing of it: the gradients' norm, say, is
only asked for at the step of a summary, so the price is that of one step in ``save_summary_steps``. The loss
is at hand at each step anyway, for the Estimator looks whether it is a number.
"""

import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

import tensorflow as tf

from components.estimator.applying import applied_in, learning_rates
from components.trainer.curve import Curve, Stretch
from pipeline.config.model import Training

v1 = tf.compat.v1
_MOST_WEIGHTS = 1 << 17  # of a variable, in a histogram; of more, every so many are taken
_PAUSE = 0.1  # seconds between two steps from which on they are a pause, for a checkpoint or an evaluation
_WRITE_EVERY = 1.0  # seconds between two times that the curve is written


class SummaryHook(tf.estimator.SessionRunHook):
    """Writes summaries and the curve; for the process that writes checkpoints, and before the hook that does.

    Args:
        loss: The scalar loss tensor.
        folder: The training's folder.
        settings: The training's settings.
        evaluations: Metrics by name, by step, to which the evaluations of this training are added as they come.
        curve: What an earlier attempt has written, up to the step that training goes on from.
    """

    def __init__(
        self,
        loss: Any,
        folder: Path,
        settings: Training,
        evaluations: Mapping[int, dict[str, float]],
        curve: Curve,
    ) -> None:
        self._loss = loss
        self._folder = folder
        self._settings = settings
        self._evaluations = evaluations
        self._curve = curve

    def begin(self) -> None:
        """Build what is computed at a summary; the graph is finished after this."""
        self._step_tensor = v1.train.get_or_create_global_step()
        with tf.name_scope("watching"):
            self._scalars = _scalars(v1.get_default_graph())
            self._histograms = _histograms(v1.get_default_graph()) if self._settings.histogram_steps else None

    def after_create_session(self, session: Any, coord: Any) -> None:
        """Begin to count at the step that training goes on from."""
        del coord
        self._writer = v1.summary.FileWriterCache.get(str(self._folder))
        self._step = int(session.run(self._step_tensor))
        self._curve = self._curve.until(self._step)  # a cluster that lost a process goes on from a checkpoint
        self._stretch, self._summary = _Losses(self._step), _Losses(self._step)
        # The first step has summaries, as the Estimator's own; the first one after a restart has none.
        before = self._step - 1 if self._step else -1
        self._due = {every: before // every for every in (self._settings.save_summary_steps, self._histogram_every())}
        self._watched: dict[str, float] = {}
        self._left = self._wrote = time.monotonic()

    def before_run(self, run_context: Any) -> Any:
        """Ask for the loss, and for the rest where a summary is due."""
        del run_context
        now = time.monotonic()
        if now - self._left > _PAUSE:
            self._summary.since += now - self._left
        asked = {"loss": self._loss}
        if self._is_due(self._settings.save_summary_steps):
            asked["scalars"] = self._scalars
        if self._histograms is not None and self._is_due(self._histogram_every()):
            asked["histograms"] = self._histograms
        return tf.estimator.SessionRunArgs(asked)

    def after_run(self, run_context: Any, run_values: Any) -> None:
        """Write what was asked for."""
        results = run_values.results
        self._step += 1
        for losses in (self._stretch, self._summary):
            losses.add(float(results["loss"]))
        asked = len(results) > 1
        if asked or self._step - self._stretch.start >= self._curve.every:
            # What the step was while it was made is not known to the step itself; in a cluster others make steps, too.
            self._step = int(run_context.session.run(self._step_tensor))
        if "scalars" in results:
            self._write_scalars(results["scalars"])
        if "histograms" in results:
            self._writer.add_summary(results["histograms"], self._step)
        if asked:
            self._due = {every: (self._step - 1) // every for every in self._due}
        if self._step - self._stretch.start >= self._curve.every:
            self._end_stretch()
        self._left = time.monotonic()

    def end(self, session: Any) -> None:
        """Write what is left."""
        self._step = int(session.run(self._step_tensor))
        self._end_stretch()
        self._write_curve()

    def _histogram_every(self) -> int:
        return self._settings.histogram_steps or self._settings.save_summary_steps

    def _is_due(self, every: int) -> bool:
        return self._step // every != self._due[every]

    def _write_scalars(self, values: Mapping[str, Any]) -> None:
        told = {name: float(value) for name, value in values.items()}
        steps, seconds = self._step - self._summary.start, time.monotonic() - self._summary.since
        if self._summary.start and steps > 0 and seconds > 0:  # the first steps take long for reasons of their own
            told["examples_per_second"] = steps * self._settings.batch_size / seconds
        self._watched.update(told)
        told["mean_loss"] = self._summary.mean()
        scalars = [v1.Summary.Value(tag=f"training/{name}", simple_value=value) for name, value in told.items()]
        self._writer.add_summary(v1.Summary(value=scalars), self._step)
        self._summary = _Losses(self._step)

    def _end_stretch(self) -> None:
        steps = self._step - self._stretch.start
        if steps > 0 and self._stretch.count:
            self._curve.add(Stretch(self._step, steps, self._stretch.mean(), self._watched))
            self._stretch, self._watched = _Losses(self._step), {}
        evaluated = len(self._evaluations) != len(self._curve.evaluations)
        if evaluated or time.monotonic() - self._wrote >= _WRITE_EVERY:
            self._write_curve()

    def _write_curve(self) -> None:
        self._curve.evaluations = dict(self._evaluations)
        self._curve.write(self._folder)
        self._wrote = time.monotonic()


class _Losses:
    """The losses since a step, and the time since, in seconds of the monotonic clock."""

    def __init__(self, start: int) -> None:
        self.start, self.count, self._total = start, 0, 0.0
        self.since = time.monotonic()

    def add(self, loss: float) -> None:
        self.count += 1
        self._total += loss

    def mean(self) -> float:
        return self._total / max(1, self.count)


def _scalars(graph: Any) -> dict[str, Any]:
    """Return what is fetched at a summary, float32 scalars by name."""
    rates = learning_rates(graph)
    if len(rates) == 1:
        rates = {"": next(iter(rates.values()))}
    found = {f"learning_rate{'/' * bool(name)}{name}": rate for name, rate in rates.items()}
    applied = applied_in(graph)
    if norm := _norm(graph, applied.gradients.values()):
        found["gradient_norm"] = norm[0]
    changed = [name for name, one in applied.gradients.items() if applied.computed.get(name, one) is not one]
    if changed and (norm := _norm(graph, applied.computed.values())):
        found["gradient_norm_before_clipping"] = norm[0]
    return found


def _norm(graph: Any, gradients: Iterable[Any]) -> list[Any]:
    """Return the norm of all gradients together; nothing if none can be fetched."""
    values = [one.values if isinstance(one, tf.IndexedSlices) else one for one in gradients]
    squares = [
        tf.reduce_sum(tf.square(tf.cast(one, tf.float32)))
        for one in values
        if getattr(one, "graph", None) is graph and not one.dtype.is_complex
    ]
    return [tf.sqrt(tf.add_n(squares))] if squares else []


def _histograms(graph: Any) -> Any:
    """Return a serialized summary of the weights' histograms; None if there are no weights."""
    variables = {one.name: one for one in v1.trainable_variables()} | applied_in(graph).variables
    parts = []
    for name, variable in variables.items():
        if not variable.dtype.is_floating:
            continue
        with tf.device(variable.device):  # only what is taken goes from a parameter server to here
            weights = tf.reshape(tf.convert_to_tensor(variable), [-1])
            if (variable.shape.num_elements() or 0) > _MOST_WEIGHTS:
                weights = weights[:: -(-variable.shape.num_elements() // _MOST_WEIGHTS)]
            weights = tf.cast(weights, tf.float32)
            # A weight that is no number would end the training with an error of the histogram's.
            weights = tf.boolean_mask(weights, tf.math.is_finite(weights))
        parts.append(tf.raw_ops.HistogramSummary(tag=f"weights/{name.partition(':')[0]}", values=weights))
    return tf.raw_ops.MergeSummary(inputs=parts) if parts else None
