"""Settings to ``tfma.EvalConfig`` and back to the rules that the verdict follows.

The config is an execution property of the node: it is what TFX's cache key sees, what TFMA runs, and what the verdict
is judged by, so that there is no second copy of the bounds.

Bounds hold for all rows together. TFMA's plain ``threshold`` holds for each slice as well, where a category with three
rows would refuse most models by chance; ours are therefore tied to the overall slice, unless each slice is asked for.
"""

import json
from typing import Any

import tensorflow_model_analysis as tfma
from google.protobuf.wrappers_pb2 import DoubleValue

from components.evaluator.judging import Rule
from components.evaluator.metrics import metric_class
from components.evaluator.verdict import Bounds
from pipeline.config.model import Evaluation, Metric

SIGNATURE = "serving_default"
COUNT = "example_count"


def eval_config(settings: Evaluation, *, label: str, every_slice: bool = False) -> Any:
    """Return the ``tfma.EvalConfig`` that settings describe.

    Args:
        settings: What is measured and bounded.
        label: The label's feature in the raw examples.
        every_slice: Whether each slice must keep the bounds, too.

    Raises:
        SettingsError: if a metric's name is unknown.
    """
    metrics = [tfma.MetricConfig(class_name="ExampleCount", config=json.dumps({"name": COUNT}))]
    metrics += [_metric(metric, every_slice=every_slice) for metric in settings.metrics if metric.name != COUNT]
    slices = [tfma.SlicingSpec(), *(tfma.SlicingSpec(feature_keys=keys) for keys in settings.slices if keys)]
    spec = {"signature_name": SIGNATURE, "label_key": label, "prediction_key": settings.prediction_key or ""}
    return tfma.EvalConfig(
        # The baseline is always here; where there is no blessed model yet the executor takes it out again.
        model_specs=[
            tfma.ModelSpec(name=tfma.CANDIDATE_KEY, **spec),
            tfma.ModelSpec(name=tfma.BASELINE_KEY, is_baseline=True, **spec),
        ],
        slicing_specs=slices,
        metrics_specs=[tfma.MetricsSpec(metrics=metrics)],
    )


def rules(config: Any) -> list[Rule]:
    """Return the bounds that a ``tfma.EvalConfig`` made by :func:`eval_config` holds."""
    found = []
    for spec in config.metrics_specs:
        for metric in spec.metrics:
            name = json.loads(metric.config)["name"]
            if metric.HasField("threshold"):
                found.append(Rule(name, _bounds(metric.threshold), every_slice=True))
            for per_slice in metric.per_slice_thresholds:
                found.append(Rule(name, _bounds(per_slice.threshold)))
    return found


def _metric(metric: Metric, *, every_slice: bool) -> Any:
    config = tfma.MetricConfig(class_name=metric_class(metric.name), config=json.dumps({"name": metric.name}))
    if not metric.has_threshold:
        return config
    threshold = _threshold(metric)
    if every_slice:
        config.threshold.CopyFrom(threshold)
    else:
        config.per_slice_thresholds.add(slicing_specs=[tfma.SlicingSpec()], threshold=threshold)
    return config


def _threshold(metric: Metric) -> Any:
    threshold = tfma.MetricThreshold()
    for field in ("lower_bound", "upper_bound"):
        bound = getattr(metric, field)
        if bound is not None:
            getattr(threshold.value_threshold, field).CopyFrom(DoubleValue(value=bound))
    higher = metric.direction == "higher_is_better"
    for field, change in (("absolute", metric.change_absolute), ("relative", metric.change_relative)):
        if change is None:
            continue
        # Ours say how much worse is allowed. TFMA's bound the difference candidate - baseline: from above where
        # lower is better, from below (by a negative number) where higher is.
        getattr(threshold.change_threshold, field).CopyFrom(DoubleValue(value=-change if higher else change))
        threshold.change_threshold.direction = (
            tfma.MetricDirection.HIGHER_IS_BETTER if higher else tfma.MetricDirection.LOWER_IS_BETTER
        )
    return threshold


def _bounds(threshold: Any) -> Bounds:
    value, change = threshold.value_threshold, threshold.change_threshold
    higher = change.direction == tfma.MetricDirection.HIGHER_IS_BETTER
    sign = -1.0 if higher else 1.0
    if not threshold.HasField("change_threshold"):
        return Bounds(_number(value, "lower_bound"), _number(value, "upper_bound"))
    absolute, relative = _number(change, "absolute"), _number(change, "relative")
    return Bounds(
        lower_bound=_number(value, "lower_bound"),
        upper_bound=_number(value, "upper_bound"),
        direction="higher_is_better" if higher else "lower_is_better",
        change_absolute=None if absolute is None else sign * absolute,
        change_relative=None if relative is None else sign * relative,
    )


def _number(message: Any, field: str) -> float | None:
    return getattr(message, field).value if message.HasField(field) else None
