"""The names of ``tf.contrib`` that Estimators use most, working. Opt in: ``import components.estimator.contrib``.

TensorFlow 2.0 dropped ``tf.contrib``. After this import, before or after TensorFlow's own (the rules of
:mod:`components.estimator.compat` hold):

- ``tf.contrib.layers.fully_connected`` and the like work, on ``tensorflow`` and on ``tensorflow.compat.v1``;
- so do ``from tensorflow.contrib import layers`` and ``import tensorflow.contrib.layers``;
- a name that is not here raises an ``AttributeError`` or ``ImportError`` that says what to write instead
  (:mod:`~components.estimator.contrib.missing`).

Written from the documented behaviour of TensorFlow 1.15
(https://www.tensorflow.org/versions/r1.15/api_docs/python/tf/contrib) on top of what TensorFlow still has in
``tf.compat.v1``. Variables keep the names they had ("fully_connected/weights"), so that checkpoints of such code can
be read.
"""

import components.estimator.compat  # noqa: F401  before TensorFlow

from components.estimator.contrib import (
    crf,
    data,
    estimator,
    framework,
    importing,
    layers,
    lookup,
    metrics,
    missing,
    predictor,
    rnn,
    tpu,
    training,
)

NAMESPACES = {
    "crf": crf,
    "data": data,
    "estimator": estimator,
    "framework": framework,
    "layers": layers,
    "lookup": lookup,
    "metrics": metrics,
    "predictor": predictor,
    "rnn": rnn,
    "tpu": tpu,
    "training": training,
}
__all__ = [
    "crf",
    "data",
    "estimator",
    "framework",
    "layers",
    "lookup",
    "metrics",
    "predictor",
    "rnn",
    "tpu",
    "training",
]
__getattr__ = missing.attribute_error_of(__name__)

importing.install(__name__, NAMESPACES)
