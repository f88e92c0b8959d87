"""The label as the transform gives it, where that is not just a column of the data, and what is left without it."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_transform as tft

from components.transform.dependencies import dependencies
from components.user_code import place
from pipeline.errors import DataError, PipelineError, UserCodeError

_BATCH = 4096

LabelOf = Callable[[Sequence[bytes]], Any]
"""From serialised raw ``tf.Example`` to their labels, an array ``[rows, values]``."""


def columns_of_label(transform_graph: str, label: str) -> list[str] | None:
    """Return the raw columns that the label is computed from; None where it is a raw column as it is.

    Args:
        transform_graph: Folder of the TransformGraph artifact.
        label: The label's name among the transformed features.
    """
    found = dependencies(tft.TFTransformOutput(transform_graph))
    return None if label in found.untouched else sorted(found.columns[label])


def label_function(transform_graph: str, label: str) -> LabelOf:
    """Load the part of the transform that computes the label; arguments as for :func:`columns_of_label`.

    Only the columns that the label depends on are parsed, and TensorFlow prunes what other features need.
    """
    transform = tft.TFTransformOutput(transform_graph)
    columns = dependencies(transform).columns[label]
    spec = {name: one for name, one in transform.raw_feature_spec().items() if name in columns}
    layer = transform.transform_features_layer()

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
    def of(examples: Any) -> Any:
        value = layer(tf.io.parse_example(examples, spec))[label]
        dense = tf.sparse.to_dense(value) if isinstance(value, tf.SparseTensor) else value
        return tf.reshape(dense, [tf.shape(examples)[0], -1])

    def labels(rows: Sequence[bytes]) -> Any:
        return of(tf.constant(list(rows), tf.string, shape=[len(rows)])).numpy()

    return labels


def check_columns_to_ask_for(transform_graph: str, label: str, problem: str) -> None:
    """Refuse a transform that leaves a request nothing to say: no feature but the label is computed from a column.

    Args:
        transform_graph: Folder of the TransformGraph artifact.
        label: The label's name.
        problem: The problem's name.

    Raises:
        UserCodeError: If it is so.
    """
    if dependencies(tft.TFTransformOutput(transform_graph)).needed_by_serving(label):
        return
    raise UserCodeError(
        "No feature is computed from a column that a request has",
        got=f"features that need no column, or the column of the label {label}, which is what is predicted",
        expected="at least one feature that a column of the data goes into",
        where=str(place.original(place.folder(problem) / "preprocessing.py")),
    )


def check_label_varies(transformed: str, feature_spec: dict[str, Any], label: str, *, raw: bool, problem: str) -> None:
    """Refuse a label that preprocessing makes the same in every row.

    It stops at the first row that differs, mostly in the first batch.

    Args:
        transformed: Folder of the transformed examples of the split train.
        feature_spec: How they are parsed (``TFTransformOutput.transformed_feature_spec()``).
        label: The label's name.
        raw: Whether the data has a column of that name (of which ExampleGen has seen that it varies).
        problem: The problem's name.

    Raises:
        UserCodeError: If it is constant and the column of the same name is not.
        DataError: If it is constant, and computed from other columns: which of the two is wrong only a person can say.
    """
    files = sorted(str(file) for file in Path(transformed).iterdir() if file.is_file())
    records = tf.data.TFRecordDataset(files, compression_type="GZIP").batch(_BATCH)
    first: Any = None
    rows = 0
    for batch in records:
        value = tf.io.parse_example(batch, {label: feature_spec[label]})[label]
        values = (tf.sparse.to_dense(value) if isinstance(value, tf.SparseTensor) else value).numpy()
        first = values[:1] if first is None else first
        rows += len(values)
        if values.shape[1:] != first.shape[1:] or np.any(values != first):
            return
    if rows < 2:
        return
    shown = json.dumps(first[0].tolist(), default=lambda one: one.decode("utf-8", "replace"))
    said: dict[str, Any] = {
        "got": f"{shown} in each of {rows:,} rows of the split train",
        "expected": "at least two different values",
        "where": f"{place.original(place.folder(problem) / 'preprocessing.py')}: outputs[{label!r}]",
    }
    headline = f"The label {label} is constant after preprocessing_fn: there is nothing to learn."
    error: PipelineError
    if raw:
        error = UserCodeError(headline, **said, hint=f"the column {label} itself varies: mend what becomes of it")
    else:
        error = DataError(
            headline, **said, hint="Check that the data was not filtered by what is predicted, and how it is computed."
        )
    raise error
