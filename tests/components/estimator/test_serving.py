"""What an export has beside its predictions: columns that come back, a description, requests that are answered."""

import json
import math
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
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_transform.tf_metadata import dataset_metadata, metadata_io

from components.description import FOLDER, SIGNATURES, forwarded
from components.estimator.describing import columns_of, write_description
from components.estimator.exporting import export, serving_input_receiver_fn
from components.estimator.models import create_estimator
from components.infra_validator.requests import decode
from components.user_code import place
from pipeline.errors import SettingsError
from tests.components import problem_folder

pytestmark = [
    pytest.mark.slow,
    # What model_to_estimator itself calls.
    pytest.mark.filterwarnings("ignore:`tf.keras.backend.set_learning_phase:UserWarning"),
    pytest.mark.filterwarnings("ignore:`Model.state_updates`:UserWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning:tf_keras.*"),
]

ONE = "presence { min_fraction: 1 min_count: 1 } shape { dim { size: 1 } }"
SCHEMA = f"""
feature {{ name: "size" type: FLOAT {ONE} float_domain {{ min: 10 max: 90000 }} }}
feature {{ name: "floors" type: INT value_count {{ min: 1 max: 1 }} int_domain {{ min: -3 max: 8 }} }}
feature {{ name: "kind" type: BYTES {ONE} string_domain {{ value: "Häuschen \\"klein\\"" value: "b" }} }}
feature {{ name: "past" type: FLOAT presence {{ min_fraction: 1 min_count: 1 }} shape {{ dim {{ size: 3 }} }} }}
feature {{ name: "rooms/odd name" type: INT {ONE} }}
feature {{ name: "id" type: BYTES {ONE} }}
feature {{ name: "number" type: INT value_count {{ min: 1 max: 1 }} }}
feature {{ name: "weight" type: FLOAT value_count {{ min: 1 max: 1 }} }}
feature {{ name: "price" type: FLOAT {ONE} }}
"""
KEYS = ("id", "number", "weight", "past")
ROWS: list[dict[str, list[Any]]] = [
    {"size": [10.0], "kind": ["b"], "past": [1.0, 2.0, 3.0], "rooms/odd name": [3], "floors": [1], "id": ["ü/7"],
     "number": [2**53 + 1], "weight": [0.1]},
    {"size": [30.0], "kind": ["b"], "past": [0.0, 2.5, 3.0], "rooms/odd name": [1], "id": ["ü/7"]},
    {"size": [20.0], "kind": ["x"], "past": [1.0, 0.5, 3.0], "rooms/odd name": [2], "floors": [-2], "id": [""],
     "number": [-5], "weight": [-0.0]},
]  # fmt: skip
FEATURES = ("size", "floors", "kind", "past", "rooms")
MODEL_FN = """\
import tensorflow as tf

def model_fn(features, labels, mode):
    assert sorted(features) == ["floors", "kind", "past", "rooms", "size"], features
    total = tf.add_n([tf.reduce_sum(tf.cast(one, tf.float32), axis=1, keepdims=True) for one in features.values()])
    bias = tf.compat.v1.get_variable("bias", [], initializer=tf.ones_initializer())
    outputs = {"total": total + bias}
    if mode == tf.estimator.ModeKeys.PREDICT:
        exports = {"regression": tf.estimator.export.RegressionOutput(outputs["total"])}
        return tf.estimator.EstimatorSpec(mode, predictions=outputs, export_outputs=exports)
    loss = tf.reduce_sum(bias) + 0.0 * tf.reduce_sum(total)
    step = tf.compat.v1.train.get_global_step()
    train_op = tf.compat.v1.train.GradientDescentOptimizer(0.1).minimize(loss, step)
    return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=train_op)
"""
CANNED = """\
import tensorflow as tf

def build_estimator(config):
    columns = [tf.feature_column.numeric_column("size"), tf.feature_column.numeric_column("past", (3,))]
    return tf.estimator.LinearClassifier(columns, config=config, n_classes=2)
"""
KERAS = """\
import tensorflow as tf

def build_keras_model():
    inputs = {"size": tf.keras.Input([1], name="size"), "past": tf.keras.Input([3], name="past")}
    out = tf.keras.layers.Dense(1, name="guess")(tf.keras.layers.Concatenate()(list(inputs.values())))
    model = tf.keras.Model(inputs, out)
    model.compile("sgd", "mse")
    return model
"""
WAYS = {"model_fn": (MODEL_FN, "total"), "canned": (CANNED, "logistic"), "keras": (KERAS, "guess")}


def preprocessing_fn(inputs: dict[str, Any]) -> dict[str, Any]:
    floors = inputs["floors"]
    whole = tf.SparseTensor(floors.indices, floors.values, [floors.dense_shape[0], 1])
    return {
        "size": tft.scale_to_z_score(inputs["size"]),
        "floors": tf.cast(tf.sparse.to_dense(whole, default_value=1000), tf.float32),
        "kind": tf.cast(tf.equal(inputs["kind"], "b"), tf.float32),
        "past": inputs["past"],
        "rooms": tf.cast(inputs["rooms/odd name"], tf.float32),
        "price": inputs["price"],
    }


@pytest.fixture(scope="module")
def transform(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("transform")
    metadata = dataset_metadata.DatasetMetadata(text_format.Parse(SCHEMA, schema_pb2.Schema()))
    runner = "apache_beam.runners.portability.fn_api_runner.FnApiRunner"
    options = beam.options.pipeline_options.PipelineOptions([f"--runner={runner}"])
    types = {float: np.float32, int: np.int64, str: np.object_}
    rows = []
    for row in ROWS:
        arrays = {name: np.array(values, types[type(values[0])]) for name, values in {**row, "price": [1.0]}.items()}
        rows.append({"floors": None, "number": None, "weight": None, **arrays})
    with beam.Pipeline(options=options) as pipeline, tft_beam.Context(temp_dir=str(folder / "tmp")):
        function = (pipeline | beam.Create(rows), metadata) | tft_beam.AnalyzeDataset(preprocessing_fn)
        _ = function | tft_beam.WriteTransformFn(str(folder / "out"))
    metadata_io.write_metadata(metadata, str(folder / "out" / "metadata"))
    return tft.TFTransformOutput(str(folder / "out"))


@pytest.fixture
def model_file(tmp_path: Path) -> Iterator[Path]:
    with problem_folder.written(tmp_path, "houses") as model_file:
        yield model_file


def trained(folder: Path, forward: tuple[str, ...]) -> Any:
    config = tf.estimator.RunConfig(model_dir=str(folder / "m"), tf_random_seed=1)
    shapes = {name: [1, 3 if name == "past" else 1] for name in FEATURES}
    spec = {name: tf.io.FixedLenFeature(shape[1:], tf.float32) for name, shape in shapes.items()}
    estimator = create_estimator("houses", config, {}, spec, lambda spec: [], forward=forward)

    def one_row() -> Any:
        features = {name: tf.zeros(shape) for name, shape in shapes.items()}
        return tf.data.Dataset.from_tensors((features, tf.zeros([1, 1]))).repeat()

    return estimator.train(one_row, steps=1)


def exported(transform: Any, folder: Path, forward: tuple[str, ...] = KEYS) -> Path:
    estimator, target = trained(folder, forward), folder / "export"

    def describe(made: Path) -> None:
        write_description(made, problem="houses", schema=transform.raw_metadata.schema, forward=forward)

    export(estimator, "houses", serving_input_receiver_fn(transform, "price", forward), target, describe)
    return target


def example(row: dict[str, list[Any]]) -> bytes:
    kinds = {float: "float_list", int: "int64_list", str: "bytes_list"}
    built = tf.train.Example()
    for name, values in row.items():
        encoded = [one.encode() if isinstance(one, str) else one for one in values]
        getattr(built.features.feature[name], kinds[type(values[0])]).value.extend(encoded)
    return bytes(built.SerializeToString())


def by_name(schema: Any, raw: Any, **changed: Any) -> dict[str, Any]:
    """ROWS as ``raw`` takes them, some columns changed."""
    missing = {tf.float32: float("nan"), tf.int64: tf.int64.min, tf.string: ""}
    given = {}
    for name, column in columns_of(schema).items():
        values = [row.get(name, [missing[column.dtype]]) for row in ROWS]
        given[name] = tf.constant(values if column.shape else [one[0] for one in values], column.dtype)
    return {**{name: given[name] for name in raw.structured_input_signature[1]}, **changed}


def strictly(file: Path) -> Any:
    def refuse(token: str) -> None:
        raise AssertionError(f"{token} is not strict JSON")

    return json.loads(file.read_text(encoding="utf-8"), parse_constant=refuse)


@pytest.mark.parametrize("way", WAYS)
def test_keys_come_back_as_they_were_and_every_request_beside_the_model_is_answered(
    way: str, transform: Any, model_file: Path, tmp_path: Path
) -> None:
    text, prediction = WAYS[way]
    model_file.write_text(text)
    folder = exported(transform, tmp_path)
    model = tf.saved_model.load(str(folder))
    by_example = model.signatures["serving_default"](examples=tf.constant([example(row) for row in ROWS]))
    raw = model.signatures["raw"](**by_name(transform.raw_metadata.schema, model.signatures["raw"]))
    for answers in (by_example, raw):
        assert answers["id"].numpy().tolist() == ["ü/7".encode(), "ü/7".encode(), b""]
        assert answers["number"].numpy().tolist() == [2**53 + 1, tf.int64.min, -5]
        np.testing.assert_array_equal(answers["weight"].numpy(), np.array([0.1, math.nan, -0.0], np.float32))
        np.testing.assert_array_equal(answers["past"].numpy(), np.array([row["past"] for row in ROWS], np.float32))
    np.testing.assert_allclose(raw[prediction], by_example[prediction], rtol=1e-6)

    assert forwarded(folder) == list(KEYS)
    signatures = strictly(folder / SIGNATURES)["signatures"]
    assert sorted(signatures) == sorted(model.signatures)
    for name, described in signatures.items():
        signature = model.signatures[name]
        specs = signature.structured_input_signature[1]
        assert {key: one["dtype"] for key, one in described["inputs"].items()} == {
            key: one.dtype.name for key, one in specs.items()
        }
        assert {key: (one["dtype"], one["shape"]) for key, one in described["outputs"].items()} == {
            key: (one.dtype.name, one.shape.as_list()) for key, one in signature.structured_outputs.items()
        }
        body = strictly(folder / FOLDER / described["example_request"])
        assert body["signature_name"] == name
        for output, answer in signature(**decode(body, specs)).items():
            assert answer.shape[0] == 1, output
            assert answer.dtype == tf.string or np.isfinite(answer.numpy()).all(), output


def test_the_description_says_what_a_client_has_to_know(transform: Any, model_file: Path, tmp_path: Path) -> None:
    model_file.write_text(MODEL_FN)
    folder = exported(transform, tmp_path, ("id", "weight"))
    signatures = strictly(folder / SIGNATURES)["signatures"]
    methods = {name: one["method"] for name, one in signatures.items()}
    assert methods == {"raw": "predict", "serving_default": "predict", "regression": "regress"}
    inputs = signatures["raw"]["inputs"]
    assert inputs["size"] == {
        "dtype": "float32", "shape": [None], "needed": True, "missing": None, "minimum": 10.0, "maximum": 90000.0
    }  # fmt: skip
    assert (inputs["weight"]["needed"], inputs["weight"]["missing"]) == (False, "NaN")
    assert (inputs["floors"]["missing"], inputs["floors"]["maximum"]) == (-(2**63), 8)
    assert inputs["past"]["shape"] == [None, 3]
    assert inputs["kind"]["values"] == ['Häuschen "klein"', "b"]
    assert "price" not in inputs
    assert "number" not in inputs  # nothing is computed from it
    outputs = signatures["raw"]["outputs"]
    assert outputs == {
        "id": {"dtype": "string", "shape": [None], "forwarded": True},
        "weight": {"dtype": "float32", "shape": [None], "forwarded": True},
        "total": {"dtype": "float32", "shape": [None, 1]},
    }
    (row,) = strictly(folder / FOLDER / "example_request.raw.json")["instances"]
    # In the middle of each domain, in orders of magnitude where it spans several; nothing of any row.
    assert row == {
        "size": 948.7, "floors": 2, "kind": 'Häuschen "klein"', "past": [1.0, 1.0, 1.0], "rooms/odd name": 1,
        "id": "text", "weight": 1.0,
    }  # fmt: skip
    assert list(row) == sorted(row)  # the same file from each export
    columns = {"signature_name": "raw", "inputs": {name: [value] for name, value in row.items()}}
    raw = tf.saved_model.load(str(folder)).signatures["raw"]
    specs = raw.structured_input_signature[1]
    by_row = raw(**decode({"instances": [row]}, specs))
    assert by_row["id"].numpy().tolist() == [b"text"]
    np.testing.assert_array_equal(raw(**decode(columns, specs))["total"], by_row["total"])


@pytest.mark.parametrize(
    ("feature", "example"),
    [
        ("type: FLOAT", 1.0),
        ("type: INT", 1),
        ("type: BYTES", "text"),
        ("type: INT int_domain { min: -9 max: 4 }", -3),
        ("type: INT int_domain { min: 7 }", 7),
        ("type: INT int_domain { min: 9007199254740993 max: 9007199254740993 }", 9007199254740993),
        ("type: FLOAT float_domain { max: -0.5 }", -0.5),
        ("type: FLOAT float_domain { min: -inf max: inf }", 1.0),
        ("type: FLOAT float_domain { min: 1.00002 max: 1.00004 }", 1.00003),
        ("type: BYTES int_domain { min: 1 max: 1000 }", "31"),  # numbers that are written as text
    ],
)
def test_an_example_lies_within_what_the_schema_allows(feature: str, example: Any) -> None:
    schema = text_format.Parse(f'feature {{ name: "a" {ONE} {feature} }}', schema_pb2.Schema())
    found = columns_of(schema)["a"].example()
    assert (found, type(found)) == (pytest.approx(example) if isinstance(example, float) else example, type(example))


def test_a_number_that_is_needed_and_missing_is_refused(transform: Any, model_file: Path, tmp_path: Path) -> None:
    model_file.write_text(MODEL_FN)
    raw = tf.saved_model.load(str(exported(transform, tmp_path, ()))).signatures["raw"]
    schema = transform.raw_metadata.schema
    assert np.isfinite(raw(**by_name(schema, raw))["total"]).all()  # with all that may be missing missing in a row
    nan, least = tf.constant([1.0, math.nan, 1.0]), tf.constant([1, 1, tf.int64.min], tf.int64)
    for name, value in (("size", nan), ("rooms/odd name", least)):
        with pytest.raises(tf.errors.InvalidArgumentError, match=f"{name} is needed in each row"):
            raw(**by_name(schema, raw, **{name: value}))


def test_a_column_named_like_a_prediction_is_refused(transform: Any, model_file: Path, tmp_path: Path) -> None:
    model_file.write_text(MODEL_FN.replace('"total"', '"id"'))
    with pytest.raises(SettingsError) as caught:
        exported(transform, tmp_path, ("id",))
    assert "The column id cannot come back" in caught.value.headline
    assert not (tmp_path / "export").exists()
    model_file.write_text(CANNED)
    place_again = tmp_path / "again"
    with place.restored():
        place.use_copy(model_file.parents[1], "houses", model_file.parent)
        with pytest.raises(SettingsError) as caught:
            trained(place_again, ("logistic",))  # a canned one tells before it is trained
    assert caught.value.where == "serving.forward_features"
    assert not list(place_again.glob("**/model.ckpt*"))
