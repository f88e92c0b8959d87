"""The export: two ways in, one answer, with the transform inside."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

import apache_beam as beam
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from tensorflow_transform.tf_metadata import dataset_metadata, metadata_io, schema_utils

from components.estimator.exporting import export, serving_input_receiver_fn
from components.estimator.models import create_estimator
from pipeline.errors import UserCodeError
from tests.components import problem_folder

pytestmark = pytest.mark.slow

RAW_SPEC = {
    "size": tf.io.FixedLenFeature([1], tf.float32),
    "rooms/odd name": tf.io.VarLenFeature(tf.float32),
    "floors": tf.io.VarLenFeature(tf.int64),
    "kind": tf.io.VarLenFeature(tf.string),
    "price": tf.io.FixedLenFeature([1], tf.float32),
    "fee": tf.io.FixedLenFeature([1], tf.float32),
}
NOT_SERVED = ("price", "fee")  # the label, and what only it is computed from
ROWS: list[dict[str, Any]] = [
    {"size": [10.0], "rooms/odd name": [2.0], "floors": [1], "kind": ["a"], "price": [5.0], "fee": [1.0]},
    {"size": [20.0], "rooms/odd name": [], "floors": [], "kind": [], "price": [7.0], "fee": [1.0]},
    {"size": [30.0], "rooms/odd name": [4.0], "floors": [-3], "kind": ["b"], "price": [9.0], "fee": [1.0]},
    {"size": [15.0], "rooms/odd name": [0.0], "floors": [0], "kind": ["new"], "price": [9.0], "fee": [1.0]},
]
MODEL = """\
import tensorflow as tf

def model_fn(features, labels, mode):
    total = tf.add_n([tf.reshape(tf.cast(features[name], tf.float32), [-1, 1]) for name in sorted(features)])
    bias = tf.compat.v1.get_variable("bias", [], initializer=tf.ones_initializer())
    outputs = {"total": total + bias, "twice": 2.0 * (total + bias)}
    if mode == tf.estimator.ModeKeys.PREDICT:
        exports = {"serving_default": tf.estimator.export.PredictOutput(outputs),
                   "regression": tf.estimator.export.RegressionOutput(outputs["total"])}
        return tf.estimator.EstimatorSpec(mode, predictions=outputs, export_outputs=exports)
    loss = tf.reduce_sum(bias) + 0.0 * tf.reduce_sum(total)
    step = tf.compat.v1.train.get_global_step()
    train_op = tf.compat.v1.train.GradientDescentOptimizer(0.1).minimize(loss, step)
    return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=train_op)
"""


def preprocessing_fn(inputs: dict[str, Any]) -> dict[str, Any]:
    def dense(name: str, default: Any) -> Any:
        value = inputs[name]
        whole = tf.SparseTensor(value.indices, value.values, [value.dense_shape[0], 1])
        return tf.sparse.to_dense(whole, default_value=default)

    return {
        "size": tft.scale_to_z_score(inputs["size"]),
        "rooms": dense("rooms/odd name", 100.0),
        "floors": dense("floors", 1000),
        "kind": tft.compute_and_apply_vocabulary(dense("kind", ""), num_oov_buckets=1),
        "price": inputs["price"] + inputs["fee"],
    }


@pytest.fixture(scope="module")
def transform(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("transform")
    metadata = dataset_metadata.DatasetMetadata(schema_utils.schema_from_feature_spec(RAW_SPEC))
    runner = "apache_beam.runners.portability.fn_api_runner.FnApiRunner"
    options = beam.options.pipeline_options.PipelineOptions([f"--runner={runner}"])
    rows = [{name: np.array(value) for name, value in row.items()} for row in ROWS[:3]]
    for row in rows:
        row["size"], row["price"] = row["size"].astype(np.float32), row["price"].astype(np.float32)
    with beam.Pipeline(options=options) as pipeline, tft_beam.Context(temp_dir=str(folder / "tmp")):
        dataset = (pipeline | beam.Create(rows), metadata)
        function = dataset | tft_beam.AnalyzeDataset(preprocessing_fn)
        _ = function | tft_beam.WriteTransformFn(str(folder / "out"))
    metadata_io.write_metadata(metadata, str(folder / "out" / "metadata"))
    return tft.TFTransformOutput(str(folder / "out"))


@pytest.fixture
def model_file(tmp_path: Path) -> Iterator[Path]:
    with problem_folder.written(tmp_path, "sums", MODEL) as model_file:
        yield model_file


def make_export(transform: Any, folder: Path) -> Path:
    config = tf.estimator.RunConfig(model_dir=str(folder / "m"))
    estimator = create_estimator("sums", config, {}, {}, lambda spec: [])

    def one_row() -> Any:
        names = ("size", "rooms", "floors", "kind")
        return tf.data.Dataset.from_tensors(({name: tf.zeros([1, 1]) for name in names}, tf.zeros([1, 1]))).repeat()

    estimator.train(one_row, steps=1)
    target = folder / "export"
    export(estimator, "sums", serving_input_receiver_fn(transform, "price"), target)
    return target


def example(row: dict[str, Any]) -> bytes:
    kinds = {float: "float_list", int: "int64_list", str: "bytes_list"}
    built = tf.train.Example()
    for name, values in row.items():
        if name not in NOT_SERVED and values:
            encoded = [one.encode() if isinstance(one, str) else one for one in values]
            getattr(built.features.feature[name], kinds[type(values[0])]).value.extend(encoded)
    return bytes(built.SerializeToString())


def test_both_signatures_give_the_same_answers_missing_values_too(
    transform: Any, model_file: Path, tmp_path: Path
) -> None:
    model = tf.saved_model.load(str(make_export(transform, tmp_path)))
    assert sorted(model.signatures) == ["raw", "regression", "serving_default"]
    by_example = model.signatures["serving_default"](examples=tf.constant([example(row) for row in ROWS]))
    missing = {"rooms/odd name": float("nan"), "floors": tf.int64.min, "kind": ""}
    columns = {
        name: tf.constant([row[name][0] if row[name] else missing[name] for row in ROWS], RAW_SPEC[name].dtype)
        for name in RAW_SPEC
        if name not in NOT_SERVED
    }
    assert set(model.signatures["raw"].structured_input_signature[1]) == set(columns)
    by_name = model.signatures["raw"](**{name: columns[name] for name in columns})
    assert set(by_name) == set(by_example) == {"total", "twice"}
    np.testing.assert_allclose(by_name["total"], by_example["total"], rtol=1e-6)
    # The sum of: size as a z-score, rooms or 100, floors or 1000, the kind (2 for none or a new one), and the bias.
    sizes = (np.array([10, 20, 30, 15]) - 20) / np.std([10, 20, 30])
    kinds = by_example["total"].numpy()[:, 0] - sizes - np.array([2 + 1, 100 + 1000, 4 - 3, 0]) - 0.9
    np.testing.assert_allclose(sorted(kinds), [0, 1, 2, 2], atol=1e-3)
    assert kinds[3] == pytest.approx(2, abs=1e-3)
    assert model_file.exists()


def test_a_single_row_and_an_empty_batch_are_answered(transform: Any, model_file: Path, tmp_path: Path) -> None:
    signature = tf.saved_model.load(str(make_export(transform, tmp_path))).signatures["serving_default"]
    assert signature(examples=tf.constant([example(ROWS[1])]))["total"].shape == [1, 1]
    assert signature(examples=tf.constant([], tf.string))["total"].shape == [0, 1]
    assert model_file.exists()


def test_a_model_with_a_regression_output_only_can_be_asked_in_both_ways(
    transform: Any, model_file: Path, tmp_path: Path
) -> None:
    # TensorFlow alone would write no signature for the columns by name, and no error.
    model_file.write_text(MODEL.replace('"serving_default": tf.estimator.export.PredictOutput(outputs),', ""))
    signatures = tf.saved_model.load(str(make_export(transform, tmp_path))).signatures
    assert sorted(signatures) == ["raw", "regression", "serving_default"]
    rows = tf.constant([example(row) for row in ROWS])
    answers = signatures["serving_default"](examples=rows)
    assert set(answers) == set(signatures["raw"].structured_outputs) == {"total", "twice"}
    np.testing.assert_allclose(signatures["regression"](rows)["outputs"], answers["total"])


def test_an_export_without_signature_is_refused(transform: Any, model_file: Path, tmp_path: Path) -> None:
    made = MODEL.replace('"serving_default": tf.estimator.export.PredictOutput(outputs),', "")
    made = made.replace('"regression": tf.estimator.export.RegressionOutput(outputs["total"])', "")
    model_file.write_text(made.replace("predictions=outputs", "predictions={}"))
    with pytest.raises(UserCodeError) as caught:
        make_export(transform, tmp_path)
    assert caught.value.headline
    assert not (tmp_path / "export").exists()
