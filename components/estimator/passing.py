"""Tensors of a request that reach an export's outputs past the model, which never sees them.

An Estimator's export hands its ``model_fn`` nothing but features. So what is to pass travels among them under names
that no feature has, from where the request is received (:mod:`components.estimator.exporting`) to where the model's
outputs are completed (:mod:`components.estimator.models`), and is taken out right before the model is called.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

import tensorflow as tf

from components.estimator.forwarding import refuse_clashes
from components.estimator.outputs import DEFAULT

CHECKED = "checked"
"""The output that is the default one once the request was checked; :mod:`components.estimator.exporting` renames it."""

_FORWARD, _CHECK = "passing by: forward ", "passing by: check"


@dataclass(frozen=True)
class Passed:
    """What passed by the model.

    Attributes:
        forward: Columns that come back as they came, by name.
        check: A tensor that can only be computed for a request that is as it should be.
    """

    forward: dict[str, Any] = field(default_factory=dict)
    check: Any = None


def attach(
    features: Mapping[str, Any], columns: Mapping[str, Any], forward: Sequence[str], check: Any
) -> dict[str, Any]:
    """Return features among which travel the columns to forward, and the check where there is one."""
    passing = {f"{_FORWARD}{name}": columns[name] for name in forward}
    return {**features, **passing, **({} if check is None else {_CHECK: check})}


def detach(features: Any) -> tuple[Any, Passed]:
    """Return the features that are the model's, and what travelled among them."""
    if not isinstance(features, dict):
        return features, Passed()
    forward = {name.removeprefix(_FORWARD): value for name, value in features.items() if name.startswith(_FORWARD)}
    own = {name: value for name, value in features.items() if name != _CHECK and not name.startswith(_FORWARD)}
    return own, Passed(forward, features.get(_CHECK))


def with_passed(spec: Any, passed: Passed) -> Any:
    """Return an ``EstimatorSpec`` of mode PREDICT whose outputs of Predict form hold what passed by the model.

    Raises:
        SettingsError: If a forwarded column has the name of a prediction.
    """
    outputs = dict(spec.export_outputs)
    for name, output in outputs.items():
        if isinstance(output, tf.estimator.export.PredictOutput):
            refuse_clashes(list(passed.forward), output.outputs)
            outputs[name] = tf.estimator.export.PredictOutput({**output.outputs, **passed.forward})
    if passed.check is not None:
        with tf.control_dependencies([passed.check]):
            checked = {name: tf.identity(value) for name, value in outputs[DEFAULT].outputs.items()}
        outputs[CHECKED] = tf.estimator.export.PredictOutput(checked)
    return spec._replace(export_outputs=outputs)
