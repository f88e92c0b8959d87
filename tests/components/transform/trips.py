"""Trips with labels of three kinds, and a transform made of them: for the tests of derived labels."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

import apache_beam as beam
import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from tensorflow_transform.tf_metadata import dataset_metadata, metadata_io, schema_utils

SPEC = {
    "fare": tf.io.FixedLenFeature([1], tf.float32),
    "tips": tf.io.FixedLenFeature([1], tf.float32),
    "miles": tf.io.VarLenFeature(tf.float32),
    "payment": tf.io.FixedLenFeature([1], tf.string),
    "rider": tf.io.FixedLenFeature([1], tf.int64),
}
PAYMENTS = ("card", "cash", "card", "card", "cash", "other")
ROWS: list[dict[str, Any]] = [
    {
        "fare": [10.0 + n],
        "tips": [(n % 5) * 1.0],
        "miles": [n / 2.0][: n % 4],
        "payment": [PAYMENTS[n % 6]],
        "rider": [n],
    }
    for n in range(60)
]


def preprocessing_fn(inputs: dict[str, Any]) -> dict[str, Any]:
    """``big`` is computed from two columns, ``payment`` from the text of the same name; ``tips`` stays as it is."""
    miles = inputs["miles"]
    dense = tf.sparse.to_dense(tf.SparseTensor(miles.indices, miles.values, [miles.dense_shape[0], 1]))
    return {
        "fare": tft.scale_to_z_score(inputs["fare"]),
        "miles": dense,
        "usual_tip": tft.mean(inputs["tips"]) * tf.ones_like(dense),
        "tips": tf.reshape(inputs["tips"], [-1]),
        "big": tf.cast(inputs["tips"] > 0.2 * inputs["fare"], tf.int64),
        "payment": tft.compute_and_apply_vocabulary(inputs["payment"]),
    }


def write_transform(folder: Path, function: Callable[[dict[str, Any]], dict[str, Any]] = preprocessing_fn) -> Path:
    """Run a preprocessing_fn over the rows, and return the folder of the transform."""
    metadata = dataset_metadata.DatasetMetadata(schema_utils.schema_from_feature_spec(SPEC))
    runner = "apache_beam.runners.portability.fn_api_runner.FnApiRunner"
    options = beam.options.pipeline_options.PipelineOptions([f"--runner={runner}"])
    with beam.Pipeline(options=options) as pipeline, tft_beam.Context(temp_dir=str(folder / "tmp")):
        dataset = (pipeline | beam.Create(ROWS), metadata)
        made = dataset | tft_beam.AnalyzeDataset(function)
        _ = made | tft_beam.WriteTransformFn(str(folder / "out"))
    metadata_io.write_metadata(metadata, str(folder / "out" / "metadata"))
    return folder / "out"


def example(row: Mapping[str, Any]) -> bytes:
    kinds = {float: "float_list", int: "int64_list", str: "bytes_list"}
    built = tf.train.Example()
    for name, values in row.items():
        if values:
            encoded = [one.encode() if isinstance(one, str) else one for one in values]
            getattr(built.features.feature[name], kinds[type(values[0])]).value.extend(encoded)
    return bytes(built.SerializeToString())
