"""Estimator code of TensorFlow 1 style, each from tests/fixtures/tf1, trained and exported by our own path."""

import contextlib
import importlib
import inspect
import json
import os
import random
import subprocess
import sys
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
from components.estimator.task import Task
from components.estimator.training import train_and_evaluate
from components.user_code import place
from pipeline.config.model import Training

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:`tf.nn.rnn_cell:UserWarning"),
    # `tf.layers.x` of v1 says so itself.
    pytest.mark.filterwarnings("ignore:.*is deprecated and will be removed:UserWarning"),
]

FIXTURES = Path(__file__).parents[2] / "fixtures" / "tf1"
TEXTS, NUMBERS = ("kind", "city", "text"), ("age", "income")
LABELS = {"class": 1, "rich": 1, "price": 1, "tags": 6, "liked": 1}
RAW_SPEC: dict[str, Any] = {
    **{name: tf.io.FixedLenFeature([1], tf.string) for name in TEXTS},
    **{name: tf.io.FixedLenFeature([1], tf.float32) for name in NUMBERS},
    "tokens": tf.io.FixedLenFeature([6], tf.string),
    "length": tf.io.FixedLenFeature([1], tf.int64),
    **{
        name: tf.io.FixedLenFeature([size], tf.float32 if name == "price" else tf.int64)
        for name, size in LABELS.items()
    },
}


def make_rows(count: int, seed: int) -> list[dict[str, list[Any]]]:
    """Rows whose labels follow from the other columns."""
    chance = random.Random(seed)
    rows: list[dict[str, list[Any]]] = []
    for _ in range(count):
        age, income, kind = chance.gauss(40, 10), chance.gauss(3, 1), chance.choice("abcd")
        words = chance.choices(["good", "fine", "great", "bad", "awful", "poor", "film", "plot", "new"], k=5)
        mood = sum(word in ("good", "fine", "great") for word in words) - sum(
            word in ("bad", "awful", "poor") for word in words
        )
        length = chance.randint(3, 6)
        tokens, tags, name = [], [], False
        for _ in range(length):
            token = chance.choice(["mr", "mrs", "the", "runs", "sees", "smith", "jones"])
            tags.append(2 if name else int(token in ("mr", "mrs")))
            name = tags[-1] == 1
            tokens.append(token)
        rows.append(
            {
                "age": [age],
                "income": [income],
                "kind": [kind],
                "city": [chance.choice(["x", "y", "z"])],
                "text": [" ".join(words)],
                "tokens": tokens + [""] * (6 - length),
                "length": [length],
                "class": [0 if kind in "ab" else 1 if age < 40 else 2],
                "rich": [int(income + (age - 40) / 20 > 3)],
                "price": [3 + income - (age - 40) / 10],
                "tags": tags + [0] * (6 - length),
                "liked": [int(mood > 0)],
            }
        )
    return rows


def encode(row: dict[str, list[Any]], names: Any) -> bytes:
    built = tf.train.Example()
    for name in names:
        values = row[name]
        feature = built.features.feature[name]
        if isinstance(values[0], str):
            feature.bytes_list.value.extend(one.encode() for one in values)
        elif RAW_SPEC[name].dtype == tf.int64:
            feature.int64_list.value.extend(values)
        else:
            feature.float_list.value.extend(values)
    return bytes(built.SerializeToString())


def preprocessing_fn(inputs: dict[str, Any]) -> dict[str, Any]:
    return {name: tft.scale_to_z_score(value) if name in NUMBERS else value for name, value in inputs.items()}


class Columns(tft.TFTransformOutput):
    """The transform as a request sees it that has only some columns."""

    def __init__(self, folder: str, names: list[str]) -> None:
        super().__init__(folder)
        self.names = names

    def raw_feature_spec(self) -> Any:
        return {name: one for name, one in super().raw_feature_spec().items() if name in self.names}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[str], list[str]]:
    """The transform's folder, and transformed files of training and evaluation."""
    folder = tmp_path_factory.mktemp("tf1")
    metadata = dataset_metadata.DatasetMetadata(schema_utils.schema_from_feature_spec(RAW_SPEC))
    runner = "apache_beam.runners.portability.fn_api_runner.FnApiRunner"
    options = beam.options.pipeline_options.PipelineOptions([f"--runner={runner}"])
    rows = make_rows(600, 1)
    arrays = [
        {name: np.array(row[name], RAW_SPEC[name].dtype.as_numpy_dtype) for name in RAW_SPEC} for row in rows[:100]
    ]
    with beam.Pipeline(options=options) as pipeline, tft_beam.Context(temp_dir=str(folder / "tmp")):
        function = (pipeline | beam.Create(arrays), metadata) | tft_beam.AnalyzeDataset(preprocessing_fn)
        _ = function | tft_beam.WriteTransformFn(str(folder / "out"))
    metadata_io.write_metadata(metadata, str(folder / "out" / "metadata"))
    layer = tft.TFTransformOutput(str(folder / "out")).transform_features_layer()
    files = {"train": rows[:400], "eval": rows[400:]}
    for name, part in files.items():
        parsed = tf.io.parse_example([encode(row, RAW_SPEC) for row in part], RAW_SPEC)
        columns = {key: value.numpy() for key, value in layer(parsed).items()}
        with tf.io.TFRecordWriter(str(folder / f"{name}.gz"), "GZIP") as writer:
            for i in range(len(part)):
                row = {
                    key: [one.decode() if isinstance(one, bytes) else one for one in value[i].tolist()]
                    for key, value in columns.items()
                }
                writer.write(encode(row, RAW_SPEC))
    return str(folder / "out"), [str(folder / "train.gz")], [str(folder / "eval.gz")]


@contextlib.contextmanager
def problems_found() -> Iterator[None]:
    """Let the problems of tests/fixtures/tf1 be found as those that ship are."""
    with place.restored():
        package = importlib.import_module(place.PACKAGE)
        package.__path__ = [str(FIXTURES), *package.__path__]
        yield


@pytest.fixture
def problems() -> Iterator[None]:
    with problems_found():
        yield


def losses_of(model_dir: Path) -> list[float]:
    """Return the losses that training wrote for TensorBoard."""
    found = []
    for file in sorted(model_dir.glob("events.out.tfevents.*")):
        for event in tf.compat.v1.train.summary_iterator(str(file)):
            for value in event.summary.value:
                if value.tag == "loss":
                    found.append(
                        float(tf.make_ndarray(value.tensor) if value.HasField("tensor") else value.simple_value)
                    )
    return found


def answers_of(folder: Path, names: list[str]) -> tuple[dict[str, Any], list[dict[str, list[Any]]]]:
    """Load an export and ask it for three rows, by examples and by columns."""
    rows = make_rows(50, 2)
    model = tf.saved_model.load(str(folder))
    by_example = model.signatures["serving_default"](examples=tf.constant([encode(row, names) for row in rows]))
    columns = {
        name: tf.constant([row[name] if len(row[name]) > 1 else row[name][0] for row in rows], RAW_SPEC[name].dtype)
        for name in names
    }
    by_name = model.signatures["raw"](**columns)
    assert set(by_example) == set(by_name)
    for name, value in by_example.items():
        if value.dtype == tf.string:
            assert value.numpy().tolist() == by_name[name].numpy().tolist()
        else:
            np.testing.assert_allclose(value, by_name[name], rtol=1e-5, atol=1e-6)
    return {name: value.numpy() for name, value in by_example.items()}, rows


def make(name: str, label: str, columns: list[str], data: Any, tmp_path: Path, **settings: Any) -> Any:
    """Train and export a fixture as the Trainer does; return its metrics."""
    transform, train_files, eval_files = data
    values = {"train_steps": 150, "batch_size": 32, "shuffle_buffer": 400, "save_summary_steps": 10, **settings}
    values.setdefault("save_checkpoints_steps", values["train_steps"])
    task = Task(
        problem=name,
        label=label,
        train_files=train_files,
        eval_files=eval_files,
        feature_spec={one: RAW_SPEC[one] for one in [*columns, label]},
        settings=Training.model_validate(values),
        model_dir=tmp_path / "model",
    )
    estimator, metrics = train_and_evaluate(task)
    losses = losses_of(tmp_path / "model")
    assert np.mean(losses[-3:]) < 0.8 * losses[0], losses
    assert metrics["global_step"] == task.settings.train_steps
    receiver_fn = serving_input_receiver_fn(Columns(transform, [*columns, label]), label)
    export(estimator, name, receiver_fn, tmp_path / "export")
    return metrics


def run(name: str, label: str, columns: list[str], data: Any, tmp_path: Path, **settings: Any) -> Any:
    """Train and export a fixture; return its metrics, what the export answers, and the rows it was asked for."""
    metrics = make(name, label, columns, data, tmp_path, **settings)
    return metrics, *answers_of(tmp_path / "export", columns)


def column(rows: Any, name: str) -> Any:
    return np.array([row[name] for row in rows])


@pytest.mark.usefixtures("problems")
def test_feature_columns_layers_and_metrics(data: Any, tmp_path: Path) -> None:
    columns = ["age", "income", "kind", "city"]
    metrics, answers, rows = run("flowers", "class", columns, data, tmp_path, params={"hidden_units": [12]})
    assert metrics["accuracy"] > 0.8
    assert metrics["per_class"] > 0.7
    assert (answers["class_ids"] == column(rows, "class")).mean() > 0.8
    np.testing.assert_allclose(answers["probabilities"].sum(1), 1, rtol=1e-5)


@pytest.mark.usefixtures("problems")
def test_outputs_of_all_three_kinds(data: Any, tmp_path: Path) -> None:
    metrics, answers, rows = run("incomes", "rich", ["age", "income"], data, tmp_path)
    assert metrics["auc"] > 0.95
    assert (answers["class_ids"] == column(rows, "rich")).mean() > 0.85
    model = tf.saved_model.load(str(tmp_path / "export"))
    assert {"serving_default", "raw", "classification", "regression"} <= set(model.signatures)
    examples = tf.constant([encode(row, ["age", "income"]) for row in rows])
    scores = model.signatures["classification"](inputs=examples)
    assert scores["classes"].numpy()[0].tolist() == [b"no", b"yes"]
    np.testing.assert_allclose(scores["scores"][:, 1:], answers["logistic"], rtol=1e-5)
    np.testing.assert_allclose(
        model.signatures["regression"](inputs=examples)["outputs"], answers["logistic"], rtol=1e-5
    )


@pytest.mark.usefixtures("problems")
def test_hooks_and_a_scaffold(data: Any, tmp_path: Path) -> None:
    columns = ["age", "income", "city"]
    metrics, answers, rows = run("prices", "price", columns, data, tmp_path, save_checkpoints_steps=50)
    assert metrics["rmse"] < 0.7
    assert np.abs(answers["price"] - column(rows, "price")).mean() < 0.7
    # The scaffold's init_fn brought the weights; its saver kept two checkpoints and saves what the averages are.
    pretrained = np.random.RandomState(0).normal(size=[10, 4])
    np.testing.assert_allclose(tf.train.load_variable(str(tmp_path / "model"), "pretrained"), pretrained, rtol=1e-6)
    assert len(list((tmp_path / "model").glob("*.index"))) == 2
    served = tf.saved_model.load(str(tmp_path / "export"))
    kernel = next(one for one in served.variables if one.name.startswith("dense/kernel"))
    averaged = tf.train.load_variable(str(tmp_path / "model"), "dense/kernel/ExponentialMovingAverage")
    np.testing.assert_allclose(kernel, averaged)


@pytest.mark.usefixtures("problems")
def test_a_tagger_of_tf_contrib(data: Any, tmp_path: Path) -> None:
    settings = {"train_steps": 60, "params": {"units": 6}}
    metrics, answers, rows = run("tagger", "tags", ["tokens", "length"], data, tmp_path, **settings)
    assert metrics["accuracy"] > 0.95
    assert metrics["f1"] > 0.9
    right = answers["tags"] == column(rows, "tags")
    assert right.mean() > 0.95
    assert answers["names"][0].tolist() == [[b"O", b"B", b"I"][tag] for tag in answers["tags"][0]]


@pytest.mark.usefixtures("problems")
def test_private_modules_of_tensorflow(data: Any, tmp_path: Path) -> None:
    metrics, answers, rows = run("private_head", "rich", ["age", "income"], data, tmp_path)
    assert metrics["auc"] > 0.95
    assert metrics["accuracy/positive_threshold_0.3"] > 0.7
    found = np.array([[int(one)] for one in answers["classes"].ravel()])
    assert (found == column(rows, "rich")).mean() > 0.85


@pytest.mark.usefixtures("problems")
def test_texts_with_tables_and_embeddings(data: Any, tmp_path: Path) -> None:
    metrics, answers, rows = run("reviews", "liked", ["text"], data, tmp_path)
    assert metrics["accuracy"] > 0.85
    names = np.where(column(rows, "liked"), b"positive", b"negative")[:, 0]
    assert (answers["sentiment"] == names).mean() > 0.85
    assets = sorted(file.name for file in (tmp_path / "export" / "assets").iterdir())
    assert {"words.txt", "labels.txt"} <= set(assets)


def test_code_that_turns_tensorflow_2_off(data: Any, tmp_path: Path) -> None:
    """In a process of its own, which the Trainer has too: the switch is for a whole process."""
    code = """
import json, runpy, sys
from pathlib import Path
here = runpy.run_path(sys.argv[1])
with here["problems_found"]():
    print(json.dumps(here["make"](*json.loads(sys.argv[2]), Path(sys.argv[3]))))
"""
    given = json.dumps(["old_behavior", "price", ["age", "income"], data])
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, __file__, given, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads(done.stdout.splitlines()[-1])["mae"] < 0.3
    answers, rows = answers_of(tmp_path / "export", ["age", "income"])
    assert np.abs(answers["price"] - column(rows, "price")).mean() < 0.3


def test_a_tpu_estimator_called_directly(data: Any, tmp_path: Path) -> None:
    """The Estimator by itself: it gives input_fn the size of a batch."""

    def input_fn(params: dict[str, Any]) -> Any:
        spec = {name: RAW_SPEC[name] for name in ("age", "income", "price")}
        dataset = tf.data.TFRecordDataset(data[1], "GZIP").repeat().shuffle(400, seed=1)
        dataset = dataset.batch(params["batch_size"], drop_remainder=True)
        return dataset.map(lambda one: tf.io.parse_example(one, spec)).map(lambda row: (row, row.pop("price")))

    with problems_found():
        estimator = place.load("tpu_prices", "model").build_estimator(
            tf.estimator.RunConfig(str(tmp_path)), {"rate": 0.03}, {}
        )
    estimator.train(input_fn, max_steps=150)
    assert estimator.evaluate(input_fn, steps=10)["mae"] < 0.5


BRINGS_ESTIMATORS = "feature_spec" in inspect.signature(create_estimator).parameters


@pytest.mark.usefixtures("problems")
@pytest.mark.skipif(not BRINGS_ESTIMATORS, reason="model.py cannot bring build_estimator yet")
def test_a_tpu_estimator_on_cpu(data: Any, tmp_path: Path) -> None:
    metrics, answers, rows = run("tpu_prices", "price", ["age", "income"], data, tmp_path)
    assert metrics["mae"] < 0.5
    assert np.abs(answers["price"] - column(rows, "price")).mean() < 0.5
