"""Metrics that take many rows at once, see :mod:`components.evaluator.grouping`: counts, and means of an error.

Names, arguments and results are those of TFMA's own (``tfma.metrics.MeanAbsoluteError`` and so on), with one
difference: of a model that answers NaN, TFMA leaves the row out; here its error is NaN, by which it is refused.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import numpy as np
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.metrics import metric_types, metric_util


@dataclass(frozen=True)
class _Measure:
    """What is averaged over rows, and what becomes of the average; without ``of``, rows are counted."""

    of: Callable[[Any, Any], Any] | None = None
    then: Callable[[float], float] = float


def _squared(label: Any, prediction: Any) -> Any:
    return np.square(label - prediction)


_MEASURES: Mapping[str, _Measure] = {
    "ExampleCount": _Measure(),
    "MeanAbsoluteError": _Measure(lambda label, prediction: np.abs(label - prediction)),
    "MeanSquaredError": _Measure(_squared),
    "RootMeanSquaredError": _Measure(_squared, lambda mean: float(np.sqrt(mean))),
}


def divide(config: Any) -> tuple[Any, Any]:
    """Divide the metrics of a config into those that this module computes, and the others.

    Args:
        config: A ``tfma.EvalConfig``.

    Returns:
        Two copies of it, the first with metrics of this module in place of TFMA's; either may be left without any.
    """
    here, elsewhere = tfma.EvalConfig(), tfma.EvalConfig()
    for part, wanted in ((here, True), (elsewhere, False)):
        part.CopyFrom(config)
        for spec in part.metrics_specs:
            metrics = [metric for metric in spec.metrics if (metric.class_name in _MEASURES) is wanted]
            del spec.metrics[:]
            spec.metrics.extend(metrics)
    for spec in here.metrics_specs:
        for metric in spec.metrics:
            arguments = {**json.loads(metric.config or "{}"), "measure": metric.class_name}
            metric.class_name, metric.config = GroupedMean.__name__, json.dumps(arguments)
    return here, elsewhere


def compared(config: Any) -> list[tuple[str, str, str]]:
    """Return which predictions are compared with the label one by one: model, its ``prediction_key``, and the metric.

    Args:
        config: The first of what :func:`divide` returns.
    """
    first = next((name for name, measure in _arguments(config) if _MEASURES[measure].of is not None), None)
    return [] if first is None else [(spec.name, spec.prediction_key, first) for spec in config.model_specs]


def _arguments(config: Any) -> Iterator[tuple[str, str]]:
    for spec in config.metrics_specs:
        for metric in spec.metrics:
            arguments = json.loads(metric.config)
            yield arguments["name"], arguments["measure"]


class _Mean(beam.CombineFn):
    """Averages a measure over rows; the accumulator is (sum, number of values)."""

    def __init__(self, key: Any, measure: str, prediction_key: str) -> None:
        self._key, self._measure, self._prediction_key = key, measure, prediction_key

    def create_accumulator(self) -> tuple[float, int]:
        return 0.0, 0

    def add_input(self, accumulator: tuple[float, int], element: Any) -> tuple[float, int]:
        total, values = accumulator
        label, of = np.asarray(element.get_labels(self._key.model_name)), _MEASURES[self._measure].of
        if of is None:
            return total, values + len(label)
        given = np.asarray(element.get_predictions(self._key.model_name, self._prediction_key))
        errors = of(*(array.reshape(-1).astype(np.float64) for array in (label, given)))
        return total + float(errors.sum()), values + errors.size

    def merge_accumulators(self, accumulators: Iterable[tuple[float, int]]) -> tuple[float, int]:
        totals, values = zip(*accumulators, strict=True)
        return sum(totals), sum(values)

    def extract_output(self, accumulator: tuple[float, int]) -> dict[Any, float]:
        total, values = accumulator
        measure = _MEASURES[self._measure]
        if measure.of is None:
            return {self._key: float(values)}
        return {self._key: measure.then(total / values) if values else float("nan")}


def _computations(name: str, measure: str, eval_config: Any, model_name: str) -> list[Any]:
    key = metric_types.MetricKey(name=name, model_name=model_name)
    spec = next(one for one in eval_config.model_specs if model_name in ("", one.name))
    return [metric_types.MetricComputation([key], None, _Mean(key, measure, spec.prediction_key))]


class GroupedMean(metric_types.Metric):
    """One of the measures above, named by the class of TFMA whose place it takes."""

    def __init__(self, name: str, measure: str) -> None:
        super().__init__(metric_util.merge_per_key_computations(_computations), name=name, measure=measure)


metric_types.register_metric(GroupedMean)
