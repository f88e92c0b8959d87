"""Exports an Estimator with the transform inside, so that serving cannot compute features in another way than training.

Two ways in, both in every export:

- ``serving_default`` takes serialised ``tf.Example`` (``examples``, string ``[batch]``), as TFMA and ``tf.Example``
  clients send it.
- ``raw`` takes the raw columns by name (each ``[batch]``), as a REST client sends rows. A value that may be missing is
  given as NaN (float), the empty string (string) or the smallest int64 (integer); a number that is needed and given so
  is refused.

Both meet in the same tensors: the columns parsed from the examples are the ones that ``raw`` feeds.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

import tensorflow as tf

from components.description import RAW
from components.estimator.needing import MISSING, check_needed
from components.estimator.passing import CHECKED, attach
from components.transform.dependencies import dependencies
from components.user_code.boundary import user_code
from pipeline.errors import UserCodeError


def serving_input_receiver_fn(transform: Any, label: str, forward: Sequence[str] = ()) -> Callable[[], Any]:
    """Make the ``serving_input_receiver_fn`` of an export.

    Args:
        transform: ``tft.TFTransformOutput``.
        label: The label's name. A request does not have its column, nor those that only the label is computed from.
        forward: Columns that come back beside each prediction.

    Returns:
        A function for ``Estimator.export_saved_model``.
    """
    needed = dependencies(transform).needed_by_serving(label)
    spec = {name: one for name, one in transform.raw_feature_spec().items() if name in needed or name in forward}

    def make() -> Any:
        examples = tf.compat.v1.placeholder(tf.string, [None], name="examples")
        parsed = tf.io.parse_example(examples, spec)
        columns = {name: _column(name, value) for name, value in parsed.items()}
        features = transform.transform_raw_features(
            {name: _as_parsed(columns[name], spec[name]) for name in spec}, drop_unused_features=True
        )
        features.pop(label, None)
        features = attach(features, columns, forward, check_needed(columns, spec))
        return tf.estimator.export.ServingInputReceiver(
            features, {"examples": examples}, receiver_tensors_alternatives={RAW: columns}
        )

    return make


def _column(name: str, value: Any) -> Any:
    """Return the values of a column as ``[batch]`` (one value a row) or ``[batch, n]``, missing ones marked."""
    if isinstance(value, tf.SparseTensor):
        rows = tf.shape(value.dense_shape, out_type=tf.int64)[0] * 0 + value.dense_shape[0]
        one = tf.sparse.reset_shape(value, [rows, tf.maximum(value.dense_shape[1], 1)])
        dense = tf.sparse.to_dense(one, default_value=MISSING[value.dtype])[:, 0]
    else:
        dense = value[:, 0] if value.shape.rank == 2 and value.shape[1] == 1 else value
    return tf.identity(dense, name=f"raw_{_node_name(name)}")


def _node_name(name: str) -> str:
    return "".join(one if one.isalnum() and one.isascii() else "_" for one in name)


def _as_parsed(column: Any, spec: Any) -> Any:
    """Turn a column back into what ``tf.io.parse_example`` gave: sparse where values may be missing."""
    if isinstance(spec, tf.io.FixedLenFeature):
        return tf.reshape(column, [-1, *spec.shape])
    # Not `!=`: in the graph that an Estimator opens, that compares the objects.
    if column.dtype.is_floating:
        present = tf.logical_not(tf.math.is_nan(column))
    else:
        present = tf.not_equal(column, tf.constant(MISSING[column.dtype], column.dtype))
    rows = tf.where(present)[:, 0]
    indices = tf.stack([rows, tf.zeros_like(rows)], axis=1)
    return tf.SparseTensor(indices, tf.gather(column, rows), [tf.size(column, out_type=tf.int64), 1])


def export(
    estimator: Any,
    problem: str,
    receiver_fn: Callable[[], Any],
    target: Path,
    describe: Callable[[Path], None] | None = None,
    *,
    checkpoint: str | None = None,
) -> None:
    """Export a checkpoint to ``target``, which appears whole or not at all.

    Args:
        estimator: The Estimator.
        problem: The problem's name.
        receiver_fn: What :func:`serving_input_receiver_fn` made.
        target: The folder of the SavedModel.
        describe: Writes beside the model what a client has to know; see :mod:`components.estimator.describing`.
        checkpoint: Its path without the suffixes of its files; the latest one if none is named.

    Raises:
        UserCodeError: If the model's prediction fails to build, or the export has no ``serving_default``.
    """
    beside = target.with_name(f".{target.name}.exporting")
    beside.mkdir(parents=True, exist_ok=True)
    with user_code(problem, "exporting the model", "model"):
        written = estimator.export_saved_model(str(beside), receiver_fn, checkpoint_path=checkpoint)
        made = Path(tf.compat.as_str_any(written))
    signatures = _name_signatures(made)
    if "serving_default" not in signatures or RAW not in signatures:
        raise UserCodeError(
            "The exported model has no usable signature",
            got=", ".join(signatures) or "no signature at all",
            expected=f"serving_default and {RAW}",
            where="model_fn in model.py, mode PREDICT",
            hint='give the EstimatorSpec export_outputs={"serving_default": tf.estimator.export.PredictOutput(...)}',
        )
    if describe is not None:
        describe(made)
    made.rename(target)
    beside.rmdir()


def _name_signatures(folder: Path) -> list[str]:
    """Give the raw signature its plain name, and return the names of all.

    The Estimator names those of an alternative way in ``raw:<output>``; clients should not have to know that. Only the
    default output is kept for it, the one that checks the request where there is something to check.
    """
    from tensorflow.core.protobuf import saved_model_pb2
    from tensorflow.python.saved_model import fingerprinting_utils

    file = folder / "saved_model.pb"
    model = saved_model_pb2.SavedModel()
    model.ParseFromString(file.read_bytes())
    for graph in model.meta_graphs:
        signatures = graph.signature_def
        for name in (f"{RAW}:serving_default", f"{RAW}:{CHECKED}"):
            if name in signatures:
                signatures[RAW].CopyFrom(signatures[name])
        for name in [one for one in signatures if one.startswith(f"{RAW}:") or one == CHECKED]:
            del signatures[name]
    file.write_bytes(model.SerializeToString(deterministic=True))
    fingerprinting_utils.write_fingerprint(str(folder))
    return sorted(name for graph in model.meta_graphs for name in graph.signature_def if not name.startswith("__"))
