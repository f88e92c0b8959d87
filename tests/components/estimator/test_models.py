"""Each way to bring a model, trained a few steps, exported and asked through its signatures; and each wrong one."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

import numpy as np
import pytest
import tensorflow as tf

from components import progress
from components.description import RAW
from components.estimator.exporting import export
from components.estimator.models import create_estimator
from components.estimator.task import Task
from components.estimator.training import train_and_evaluate
from pipeline.config.model import Training
from pipeline.errors import UserCodeError
from tests.components import problem_folder

pytestmark = [
    pytest.mark.slow,
    # What model_to_estimator itself calls.
    pytest.mark.filterwarnings("ignore:`tf.keras.backend.set_learning_phase:UserWarning"),
    pytest.mark.filterwarnings("ignore:`Model.state_updates`:UserWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning:tf_keras.*"),
]

STEPS = 6
SPEC = {
    "x": tf.io.FixedLenFeature([2], tf.float32),
    "kind": tf.io.FixedLenFeature([], tf.int64),
    "y": tf.io.FixedLenFeature([], tf.float32),
    "class": tf.io.FixedLenFeature([], tf.int64),
}
COLUMNS = """\
import tensorflow as tf

X = tf.feature_column.numeric_column("x", shape=(2,))
KIND = tf.feature_column.categorical_column_with_identity("kind", 4)
BOTH = [X, tf.feature_column.indicator_column(KIND)]

"""
MADE = COLUMNS + "def build_estimator(config, params, feature_spec):\n    return "
CANNED = {
    "linear_regressor": ("y", "tf.estimator.LinearRegressor([X, KIND], config=config)"),
    "dnn_regressor": ("y", "tf.estimator.DNNRegressor([4], BOTH, config=config)"),
    "baseline_regressor": ("y", "tf.estimator.BaselineRegressor(config=config)"),
    "wide_and_deep": (
        "y",
        "tf.estimator.DNNLinearCombinedRegressor(config=config, linear_feature_columns=[KIND],"
        " dnn_feature_columns=BOTH, dnn_hidden_units=[4])",
    ),
    "v1_class": ("y", "tf.compat.v1.estimator.DNNRegressor([4], BOTH, config=config)"),
    "classifier": ("class", "tf.estimator.DNNClassifier([4], BOTH, n_classes=3, config=config)"),
    "binary_classifier": ("class", "tf.estimator.LinearClassifier([X], config=config)"),
    "head": (
        "class",
        "tf.estimator.DNNEstimator(tf.estimator.MultiClassHead(3), [4], BOTH, config=config)",
    ),
}
KERAS = """\
import tensorflow as tf

def build_keras_model(params, feature_spec):
    x = tf.keras.Input(feature_spec["x"].shape, name="x")
    kind = tf.keras.Input([1], name="kind", dtype="int64")
    net = tf.keras.layers.Concatenate()([x, tf.cast(kind, tf.float32)])
    net = tf.keras.layers.Dense(params["units"], activation="relu")(net)
    out = tf.keras.layers.Dense(3, activation="softmax", name="probabilities")(net)
    model = tf.keras.Model({"x": x, "kind": kind}, out)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["sparse_categorical_accuracy"])
    return model
"""
TPU = """\
import tensorflow as tf

tpu = tf.compat.v1.estimator.tpu

def plain_model_fn(features, labels, mode, params):
    guess = tf.compat.v1.layers.dense(features["x"], 1)
    if mode == tf.estimator.ModeKeys.PREDICT:
        return tpu.TPUEstimatorSpec(mode, predictions={"y": guess})
    loss = tf.reduce_mean(tf.square(guess - tf.reshape(labels, [-1, 1])))
    optimizer = tf.compat.v1.train.GradientDescentOptimizer(0.1)
    train_op = optimizer.minimize(loss, tf.compat.v1.train.get_global_step())
    return tpu.TPUEstimatorSpec(mode, loss=loss, train_op=train_op)

def build_estimator(config):
    run = tpu.RunConfig(model_dir=config.model_dir, tf_random_seed=config.tf_random_seed)
    return tpu.TPUEstimator(plain_model_fn, config=run, use_tpu=False, train_batch_size=8)
"""

HEADS = """\
import tensorflow as tf

def build_estimator(config, params, feature_spec):
    head = tf.estimator.MultiHead([tf.estimator.RegressionHead(name="sum"), tf.estimator.BinaryClassHead(name="sign")])

    def two_heads(features, labels, mode):
        logits = {n: tf.compat.v1.layers.dense(features["x"], 1, name=n) for n in ("sum", "sign")}
        both = None if labels is None else {"sum": labels, "sign": tf.cast(labels > 0, tf.int64)}
        return head.create_estimator_spec(
            features, mode, logits, both, train_op_fn=lambda loss: tf.compat.v1.train.AdamOptimizer().minimize(
                loss, tf.compat.v1.train.get_global_step()))

    return tf.estimator.Estimator(two_heads, config=config)
"""


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    name = str(tmp_path_factory.mktemp("rows") / "rows.gz")
    random = np.random.default_rng(1)
    with tf.io.TFRecordWriter(name, "GZIP") as writer:
        for a, b in random.normal(size=(64, 2)):
            features = {
                "x": tf.train.Feature(float_list=tf.train.FloatList(value=[a, b])),
                "kind": tf.train.Feature(int64_list=tf.train.Int64List(value=[int(abs(a) + 1)])),
                "y": tf.train.Feature(float_list=tf.train.FloatList(value=[a + b])),
                "class": tf.train.Feature(int64_list=tf.train.Int64List(value=[int(a > 0)])),
            }
            writer.write(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())
    return [name]


@pytest.fixture
def problem(tmp_path: Path) -> Iterator[Path]:
    """The file model.py of a problem named some."""
    with problem_folder.written(tmp_path, "some") as model_file:
        yield model_file


def train(rows: list[str], model_dir: Path, label: str, **settings: Any) -> tuple[Any, dict[str, float]]:
    other = {"y": "class", "class": "y"}[label]
    spec = {name: one for name, one in SPEC.items() if name != other}
    values = {"train_steps": STEPS, "batch_size": 8, "params": {"units": 4}, **settings}
    return train_and_evaluate(Task("some", label, rows, rows, spec, Training.model_validate(values), model_dir))


def exported(estimator: Any, folder: Path) -> Any:
    """Export with two ways in, as components.estimator.exporting does with a transform between; return the model."""

    def receiver() -> Any:
        examples = tf.compat.v1.placeholder(tf.string, [None])
        parsed = tf.io.parse_example(examples, {name: SPEC[name] for name in ("x", "kind")})
        columns = {name: tf.identity(value) for name, value in parsed.items()}
        return tf.estimator.export.ServingInputReceiver(
            columns, {"examples": examples}, receiver_tensors_alternatives={RAW: columns}
        )

    export(estimator, "some", receiver, folder)
    return tf.saved_model.load(str(folder))


def check_answers(model: Any) -> list[str]:
    """Ask a model the same rows in both ways; return the names of the outputs."""
    x, kind = np.array([[1.0, 2.0], [-1.0, 0.5]], np.float32), np.array([1, 2])
    serialized = []
    for row, one in zip(x, kind, strict=True):
        features = {
            "x": tf.train.Feature(float_list=tf.train.FloatList(value=row)),
            "kind": tf.train.Feature(int64_list=tf.train.Int64List(value=[one])),
        }
        serialized.append(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())
    by_example = model.signatures["serving_default"](examples=tf.constant(serialized))
    raw = model.signatures["raw"]
    given = {"x": tf.constant(x), "kind": tf.constant(kind, tf.int64)}
    by_name = raw(**{name: given[name] for name in raw.structured_input_signature[1]})
    assert set(by_name) == set(by_example)
    for name, value in by_example.items():
        assert value.shape[0] == 2, name
        if value.dtype.is_floating:
            np.testing.assert_allclose(by_name[name], value, rtol=1e-5)
    return sorted(by_example)


def check_progress(file: Path) -> None:
    steps = [event for line in file.read_text().splitlines() if "step" in (event := json.loads(line))]
    assert steps, "nothing was reported"
    assert all(event["of"] == STEPS and np.isfinite(event["loss"]) for event in steps)


@pytest.mark.parametrize("name", CANNED)
def test_an_estimator_that_the_problem_makes_trains_reports_and_serves(
    name: str, problem: Path, rows: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(progress.VARIABLE, str(tmp_path / "events.jsonl"))
    monkeypatch.setattr("components.estimator.watching.ProgressHook.__init__.__defaults__", (0.0,))
    label, call = CANNED[name]
    problem.write_text(MADE + call + "\n")
    estimator, metrics = train(rows, tmp_path / "m", label)
    assert metrics["global_step"] == STEPS
    check_progress(tmp_path / "events.jsonl")
    model = exported(estimator, tmp_path / "export")
    outputs = check_answers(model)
    if "classifier" in name or name == "head":
        assert "probabilities" in outputs
        assert "class_ids" in outputs
        assert "classification" in model.signatures
        form = model.signatures["classification"](tf.constant([b""] * 0, tf.string))
        assert set(form) == {"classes", "scores"}
    else:
        assert any("predictions" in output for output in outputs)
    if name.endswith("regressor"):
        assert "regression" in model.signatures


def test_a_keras_model_trains_reports_continues_and_serves(
    problem: Path, rows: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(progress.VARIABLE, str(tmp_path / "events.jsonl"))
    monkeypatch.setattr("components.estimator.watching.ProgressHook.__init__.__defaults__", (0.0,))
    problem.write_text(KERAS)
    estimator, metrics = train(rows, tmp_path / "m", "class")
    assert metrics["global_step"] == STEPS
    assert "sparse_categorical_accuracy" in metrics
    check_progress(tmp_path / "events.jsonl")
    model = exported(estimator, tmp_path / "export")
    assert check_answers(model) == ["probabilities"]
    _, metrics = train(rows, tmp_path / "m", "class", train_steps=STEPS + 2)
    assert metrics["global_step"] == STEPS + 2
    assert f"continues from step {STEPS}" in (tmp_path / "events.jsonl").read_text()


def test_a_keras_models_weights_follow_the_seed(problem: Path, rows: list[str], tmp_path: Path) -> None:
    problem.write_text(KERAS)
    losses = [train(rows, tmp_path / str(n), "class", seed=seed)[1]["loss"] for n, seed in enumerate((3, 3, 4))]
    assert losses[0] == losses[1] != losses[2]


def test_a_keras_models_labels_are_columns(problem: Path, rows: list[str], tmp_path: Path) -> None:
    # Each row against each other one, the loss would be the variance of the labels at least, which is 2.
    made = KERAS.replace('Dense(3, activation="softmax", name="probabilities")', "Dense(1)")
    problem.write_text(
        made.replace('"sparse_categorical_crossentropy", metrics=["sparse_categorical_accuracy"]', '"mse"')
    )
    problem.write_text(problem.read_text().replace('"adam"', "tf.keras.optimizers.legacy.Adam(0.05)"))
    _, metrics = train(rows, tmp_path / "m", "y", train_steps=150)
    assert metrics["loss"] < 0.5


def test_a_keras_input_that_is_no_feature_is_refused(problem: Path, rows: list[str], tmp_path: Path) -> None:
    problem.write_text(KERAS.replace('name="kind"', 'name="sort"'))
    with pytest.raises(UserCodeError) as caught:
        train(rows, tmp_path / "m", "y")
    assert (caught.value.got, caught.value.where) == ("sort", str(problem))


def test_an_estimator_with_two_heads_gives_the_outputs_of_both(problem: Path, rows: list[str], tmp_path: Path) -> None:
    problem.write_text(HEADS)
    estimator, metrics = train(rows, tmp_path / "m", "y")
    assert {"loss/sum", "loss/sign"} <= set(metrics)
    model = exported(estimator, tmp_path / "export")
    assert {"sum/predictions", "sign/probabilities"} <= set(check_answers(model))
    assert {"sum/regression", "sign/classification"} <= set(model.signatures)


def test_a_tpu_estimator_runs_on_the_cpu(problem: Path, rows: list[str], tmp_path: Path) -> None:
    problem.write_text(TPU)
    estimator, metrics = train(rows, tmp_path / "m", "y")
    assert metrics["global_step"] == STEPS
    assert check_answers(exported(estimator, tmp_path / "export")) == ["y"]


def refusal(problem: Path, text: str, tmp_path: Path) -> UserCodeError:
    problem.write_text("import tensorflow as tf\n" + text)
    config = tf.estimator.RunConfig(model_dir=str(tmp_path / "m"), tf_random_seed=1)
    with pytest.raises(UserCodeError) as caught:
        create_estimator("some", config, {}, {"x": SPEC["x"]}, lambda spec: [])
    assert str(problem) in str(caught.value.where)
    return caught.value


MODEL_FN = "def model_fn(features, labels, mode, params): pass\n"
BUILD = "def build_estimator(config, params, feature_spec): return "
BUILD_KERAS = "def build_keras_model(params, feature_spec):\n    "
LINEAR = "tf.estimator.LinearRegressor([tf.feature_column.numeric_column('x')]"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("A = 1\n", lambda e: "defines no model_fn or" in e.headline and "build_keras_model(params" in str(e.expected)),
        ("model_fn = 3\n", lambda e: "defines no model_fn or" in e.headline and e.got == "model_fn, tf"),
        (MODEL_FN + BUILD + "None\n", lambda e: e.got == "model_fn and build_estimator"),
        ("def model_fn(features): pass\n", lambda e: e.got == "model_fn(features)"),
        ("def model_fn(features, labels, learning_rate): pass\n", lambda e: "wrong arguments" in e.headline),
        ("def build_estimator(params): pass\n", lambda e: e.got == "build_estimator(params)"),
        ("def build_keras_model(inputs): pass\n", lambda e: e.got == "build_keras_model(inputs)"),
        ("def build_keras_model(config): pass\n", lambda e: "wrong arguments" in e.headline),
        (BUILD + "None\n", lambda e: e.got == "NoneType" and "return estimator" in str(e.hint)),
        (BUILD + "1 / 0\n", lambda e: e.headline == "build_estimator of some raised ZeroDivisionError"),
        (BUILD + "tf.keras.Sequential()\n", lambda e: "build_keras_model" in str(e.hint)),
        (BUILD + LINEAR + ")\n", lambda e: "does not use config" in e.headline),
        (BUILD_KERAS + "pass\n", lambda e: e.got == "NoneType"),
        (BUILD_KERAS + "raise ValueError('no')\n", lambda e: e.headline.startswith("build_keras_model of some raised")),
        (
            BUILD_KERAS + "return tf.keras.Sequential([tf.keras.layers.Dense(1, input_shape=(2,))])\n",
            lambda e: "not compiled" in e.headline,
        ),
        (
            BUILD_KERAS + "import keras\n    return keras.Sequential([keras.layers.Dense(1)])\n",
            lambda e: "Keras 3 model" in e.headline and "tf.keras" in str(e.hint),
        ),
    ],
)
def test_what_is_no_model_is_refused(
    text: str, said: Callable[[UserCodeError], bool], problem: Path, tmp_path: Path
) -> None:
    error = refusal(problem, text, tmp_path)
    assert said(error), error.render()
