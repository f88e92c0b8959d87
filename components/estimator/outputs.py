"""The outputs that every export has, whatever a model's ``export_outputs`` say.

A canned classifier's default output is of Classify form, a regressor's of Regress form. Both have two drawbacks here:
they take serialised examples only, so that TensorFlow silently leaves them out of any other way in; and they hold less
than the model predicts (scores, without the class or the logits). The default is therefore always of Predict form. The
others are kept under their own names, where a client that calls Classify or Regress finds them.
"""

from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

import tensorflow as tf

DEFAULT = "serving_default"
_PREDICT = "predict"  # the name by which heads give it
_FORMS = {"ClassificationOutput": "classification", "RegressionOutput": "regression"}


def with_serving_outputs(spec: Any) -> Any:
    """Return an ``EstimatorSpec`` of mode PREDICT whose default output is of Predict form.

    It is the one that the model names so, else the one named ``predict`` as heads name it, else all ``predictions``.
    """
    given = dict(spec.export_outputs or {})
    default = given.get(DEFAULT)
    if isinstance(default, tf.estimator.export.PredictOutput):
        return spec
    if default is not None:
        given.setdefault(_FORMS.get(type(default).__name__, "default"), default)
    predict = given.get(_PREDICT)
    if not isinstance(predict, tf.estimator.export.PredictOutput):
        predict = tf.estimator.export.PredictOutput(spec.predictions)
    return spec._replace(export_outputs={**given, DEFAULT: predict})
