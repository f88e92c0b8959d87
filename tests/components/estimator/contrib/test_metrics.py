"""F1 by hand, and metrics whose predictions come first."""

import functools
from collections.abc import Callable
from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

import numpy as np
import pytest
import tensorflow as tf

from components.estimator.contrib import metrics

pytestmark = pytest.mark.slow
v1 = tf.compat.v1
Run = Callable[..., Any]

LABELS = np.array([1, 0, 1, 1, 0, 0, 1, 0])
SCORES = np.array([0.9, 0.8, 0.7, 0.3, 0.25, 0.1, 0.05, 0.6], np.float32)


def after_two_batches(in_graph: Run, metric: Callable[[Any, Any], Any]) -> Any:
    """Return the value after each half of the rows has been fed once."""

    def make() -> Any:
        turn = v1.get_local_variable("turn", initializer=0)
        begin = 4 * (turn.assign_add(1) - 1)
        value, update = metric(tf.constant(LABELS)[begin : begin + 4], tf.constant(SCORES)[begin : begin + 4])
        with tf.control_dependencies([update]):
            return tf.identity(update), value

    return in_graph(make, times=2)


def test_f1_is_the_best_over_all_thresholds(in_graph: Run) -> None:
    update, _ = after_two_batches(in_graph, metrics.f1_score)

    def f1(threshold: float) -> float:
        chosen = threshold < SCORES
        right = (chosen & (LABELS == 1)).sum()
        return float(2 * right / (chosen.sum() + LABELS.sum()))

    assert update == pytest.approx(max(f1(i / 199) for i in range(200)), abs=1e-6)
    # By hand: the five best scores hold three of the four (F1 6 / 9), as good as taking all (8 / 12).
    assert update == pytest.approx(8 / 12, abs=1e-6)


def test_f1_with_weights_and_collections(in_graph: Run) -> None:
    def make() -> Any:
        value, update = metrics.f1_score(LABELS[:3], SCORES[:3], [1.0, 0.0, 1.0], 50, ["values"], ["updates"])
        assert v1.get_collection("values") == [value]
        assert v1.get_collection("updates") == [update]
        return update

    assert in_graph(make) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("streaming_accuracy", (), 4 / 8),
        ("streaming_precision", (), 2 / 4),
        ("streaming_recall", (), 2 / 4),
        ("streaming_true_positives", (), 2),
        ("streaming_false_negatives", (), 2),
        ("streaming_false_positives", (), 2),
    ],
)
def test_decisions_come_before_labels(in_graph: Run, name: str, arguments: Any, expected: float) -> None:
    metric = getattr(metrics, name)
    update, _ = after_two_batches(
        in_graph, lambda labels, scores: metric(tf.cast(scores > 0.5, tf.int64), labels, *arguments)
    )
    assert update == pytest.approx(expected)
    assert metric.__name__ == name


def test_errors_and_means(in_graph: Run) -> None:
    errors = LABELS - SCORES
    for name, expected in (
        ("streaming_mean_squared_error", (errors**2).mean()),
        ("streaming_root_mean_squared_error", np.sqrt((errors**2).mean())),
        ("streaming_mean_absolute_error", np.abs(errors).mean()),
    ):
        metric = getattr(metrics, name)
        update, _ = after_two_batches(in_graph, functools.partial(lambda m, y, x: m(x, tf.cast(y, tf.float32)), metric))
        assert update == pytest.approx(expected, rel=1e-5)
    update, _ = after_two_batches(in_graph, lambda _, scores: metrics.streaming_mean(scores))
    assert update == pytest.approx(SCORES.mean())
    update, _ = after_two_batches(in_graph, lambda y, x: metrics.streaming_auc(x, y, num_thresholds=1000))
    pairs = [(a > b) for a in SCORES[LABELS == 1] for b in SCORES[LABELS == 0]]
    assert update == pytest.approx(np.mean(pairs), abs=1e-3)


def test_many_at_once(in_graph: Run) -> None:
    def make() -> Any:
        given = {"a": metrics.streaming_mean([1.0, 3.0]), "b": metrics.streaming_mean([5.0])}
        values, updates = metrics.aggregate_metric_map(given)
        assert set(values) == set(updates) == {"a", "b"}
        assert len(metrics.aggregate_metrics(*given.values())[0]) == 2
        return updates

    assert in_graph(make) == {"a": 2.0, "b": 5.0}
