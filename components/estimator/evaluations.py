"""The evaluations of one training, kept as they come; early stopping and the best checkpoint go by them."""

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

import tensorflow as tf

from pipeline.errors import SettingsError


class Evaluations(tf.estimator.Exporter):
    """What ``EvalSpec.exporters`` is told: the metrics of each evaluated checkpoint.

    Nothing is exported. It starts with what earlier attempts of the training left in the Estimator's ``eval_dir``, as
    :mod:`tf.estimator.experimental`'s hooks read it.

    Attributes:
        by_step: Metrics by name, by the step of the checkpoint, in order.
    """

    name = "evaluations"

    def __init__(self, eval_dir: str) -> None:
        self.by_step: dict[int, dict[str, float]] = {}
        self._eval_dir = eval_dir
        self._read: dict[str, int] | None = None
        self.refresh()

    def refresh(self) -> None:
        """Take up what is new in ``eval_dir``: in a cluster another process evaluates."""
        from tensorflow_estimator.python.estimator.early_stopping import read_eval_metrics

        there = {file.name: file.stat().st_size for file in Path(self._eval_dir).glob("*tfevents*")}
        if there == self._read:
            return
        try:
            found = read_eval_metrics(self._eval_dir)
        except tf.errors.DataLossError:  # is being written: its size changes once more
            if self._read is None:
                raise
            return
        self._read = there
        for step, metrics in found.items():
            self.by_step[int(step)] = {name: float(value) for name, value in metrics.items()}

    def export(
        self, estimator: Any, export_path: str, checkpoint_path: str, eval_result: Any, is_the_final_export: bool
    ) -> None:
        """Take up one evaluation."""
        del estimator, export_path, checkpoint_path, is_the_final_export
        self.add(eval_result)

    def add(self, metrics: Mapping[str, Any]) -> None:
        """Take up what ``Estimator.evaluate`` returned."""
        self.by_step[int(metrics["global_step"])] = {name: float(value) for name, value in metrics.items()}


def check_metrics(estimator: Any, input_fn: Any, wanted: Iterable[tuple[str, str]]) -> None:
    """Build the graph of an evaluation, to say before the training that it has no metric of some name.

    Args:
        estimator: The Estimator.
        input_fn: Of its evaluation.
        wanted: Settings, each with the metric that it names.

    Raises:
        SettingsError: With one part for each name that the evaluation does not have.
    """
    wanted = list(wanted)
    if not wanted:
        return
    mode = tf.estimator.ModeKeys.EVAL
    with tf.Graph().as_default() as graph:
        tf.compat.v1.set_random_seed(estimator.config.tf_random_seed)
        estimator._create_and_assert_global_step(graph)
        features, labels, _ = estimator._get_features_and_labels_from_input_fn(input_fn, mode)
        spec = estimator._call_model_fn(features, labels, mode, estimator.config)
    known = sorted({"loss", *(spec.eval_metric_ops or {})})
    mistakes = [
        SettingsError(
            f"The model's evaluation has no metric {name}",
            expected=f"one of: {', '.join(known)}",
            where=setting,
            hint=_nearest(name, known),
        )
        for setting, name in wanted
        if name not in known
    ]
    if len(mistakes) == 1:
        raise mistakes[0]
    if mistakes:
        raise SettingsError("The training's settings name metrics that the evaluation does not have", parts=mistakes)


def _nearest(name: str, known: list[str]) -> str | None:
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]}?" if near else None
