"""Reads the body of a request as TensorFlow Serving's REST API does: JSON to tensors.

See https://www.tensorflow.org/tfx/serving/api_rest: rows (``instances``) or columns (``inputs``) for Predict,
``examples`` for Classify and Regress; ``{"b64": ...}`` for bytes.
"""

import base64
from collections.abc import Mapping
from typing import Any


def decode(body: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the tensors that a signature is called with.

    Args:
        body: The request, parsed.
        inputs: The ``tf.TensorSpec`` of each input of the signature that the body names.

    Raises:
        ValueError: If the body has none of the three forms, or not the signature's inputs.
    """
    import tensorflow as tf

    if "examples" in body:
        (name,) = inputs
        return {name: tf.constant([_example(row) for row in body["examples"]])}
    if "instances" in body:
        rows = [_bytes(row) for row in body["instances"]]
        if not all(isinstance(row, dict) for row in rows):
            rows = [dict.fromkeys(inputs, row) for row in rows]
        columns = {name: [row[name] for row in rows] for name in (rows[0] if rows else ())}
    elif "inputs" in body:
        columns = _bytes(body["inputs"])
        columns = columns if isinstance(columns, dict) else dict.fromkeys(inputs, columns)
    else:
        raise ValueError("the request has neither instances nor inputs nor examples")
    if set(columns) != set(inputs):
        raise ValueError(f"the request gives {', '.join(sorted(columns))}, and the model takes {', '.join(inputs)}")
    return {name: tf.constant(values, inputs[name].dtype) for name, values in columns.items()}


def _bytes(value: Any) -> Any:
    if isinstance(value, dict):
        if set(value) == {"b64"}:
            return base64.b64decode(value["b64"])
        return {name: _bytes(one) for name, one in value.items()}
    return [_bytes(one) for one in value] if isinstance(value, list) else value


def _example(row: Mapping[str, Any]) -> bytes:
    """A row of a Classify or Regress request: whole numbers are integers, others floats."""
    import tensorflow as tf

    example = tf.train.Example()
    for name, value in row.items():
        values = [_bytes(one) for one in (value if isinstance(value, list) else [value])]
        feature = example.features.feature[name]
        if all(isinstance(one, int) for one in values):
            feature.int64_list.value.extend(values)
        elif all(isinstance(one, int | float) for one in values):
            feature.float_list.value.extend(values)
        else:
            feature.bytes_list.value.extend(one.encode() if isinstance(one, str) else one for one in values)
    return bytes(example.SerializeToString())
