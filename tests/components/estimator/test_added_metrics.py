"""Metrics that a problem adds from outside, with each way to bring a model."""

from collections.abc import Iterator
from pathlib import Path

import components.estimator.compat  # noqa: F401  before TensorFlow

import numpy as np
import pytest
import tensorflow as tf

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

SPEC = {"x": tf.io.FixedLenFeature([2], tf.float32), "y": tf.io.FixedLenFeature([], tf.int64)}
MODEL_FN = """
import tensorflow as tf

def model_fn(features, labels, mode):
    logits = tf.compat.v1.layers.dense(features["x"], 1)
    predictions = {"probability": tf.sigmoid(logits)}
    loss = tf.compat.v1.losses.sigmoid_cross_entropy(tf.reshape(labels, [-1, 1]), logits)
    train_op = tf.compat.v1.train.AdamOptimizer().minimize(loss, tf.compat.v1.train.get_global_step())
    return tf.estimator.EstimatorSpec(mode, predictions=predictions, loss=loss, train_op=train_op, eval_metric_ops={
        "left": tf.compat.v1.metrics.mean(labels), "replaced": tf.compat.v1.metrics.mean(labels)})
"""
CANNED = """
import tensorflow as tf

def build_estimator(config):
    return tf.estimator.LinearClassifier([tf.feature_column.numeric_column("x", (2,))], config=config)
"""
KERAS = """
import tensorflow as tf

def build_keras_model():
    model = tf.keras.Sequential([tf.keras.Input([2], name="x"), tf.keras.layers.Dense(1, "sigmoid", name="p")])
    model.compile("sgd", "binary_crossentropy", metrics=["accuracy"])
    return model
"""
METRIC_FN = """
def metric_fn(labels, predictions, features, config):
    auc = tf.keras.metrics.AUC(name="area")
    auc.update_state(tf.reshape(labels, [-1, 1]), tf.reshape(predictions[{key!r}], [-1, 1]))
    return {{"area": auc, "replaced": tf.compat.v1.metrics.mean(features["x"] * 0.0 + 7.0),
            "seed": tf.compat.v1.metrics.mean(tf.constant([config.tf_random_seed]))}}
"""
WAYS = {
    "model_fn": (MODEL_FN, "probability", "left"),
    "canned": (CANNED, "logistic", "accuracy"),
    "keras": (KERAS, "p", "accuracy"),
}


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    name = str(tmp_path_factory.mktemp("rows") / "rows.gz")
    with tf.io.TFRecordWriter(name, "GZIP") as writer:
        for a, b in np.random.default_rng(1).normal(size=(64, 2)):
            features = {
                "x": tf.train.Feature(float_list=tf.train.FloatList(value=[a, b])),
                "y": tf.train.Feature(int64_list=tf.train.Int64List(value=[int(a > 0)])),
            }
            writer.write(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())
    return [name]


@pytest.fixture
def model_file(tmp_path: Path) -> Iterator[Path]:
    with problem_folder.written(tmp_path, "signs") as model_file:
        yield model_file


def evaluated(rows: list[str], model_dir: Path) -> dict[str, float]:
    settings = Training.model_validate({"train_steps": 2, "batch_size": 8, "seed": 11})
    return train_and_evaluate(Task("signs", "y", rows, rows, SPEC, settings, model_dir))[1]


@pytest.mark.parametrize("way", WAYS)
def test_added_metrics_are_in_the_evaluation_beside_the_models_own(
    way: str, model_file: Path, rows: list[str], tmp_path: Path
) -> None:
    text, key, own = WAYS[way]
    model_file.write_text(text + METRIC_FN.format(key=key))
    metrics = evaluated(rows, tmp_path / "m")
    assert 0.0 <= metrics["area"] <= 1.0
    assert (metrics["replaced"], metrics["seed"]) == (7.0, 11.0)
    assert {own, "loss"} <= set(metrics)


FAULTS = {
    "def metric_fn(predictions):\n    return predictions['nope']\n": "metric_fn of signs raised KeyError",
    "def metric_fn(labels):\n    return {'a': 3.0}\n": "metric_fn of signs raised TypeError",
    "def metric_fn(labels):\n    pass\n": "metric_fn returned the wrong type",
    "def metric_fn(labels, logits):\n    return {}\n": "metric_fn takes the wrong arguments",
}


@pytest.mark.parametrize("metric_fn", FAULTS)
def test_a_metric_fn_that_is_of_no_use_is_refused_by_its_name(
    metric_fn: str, model_file: Path, rows: list[str], tmp_path: Path
) -> None:
    model_file.write_text(MODEL_FN + metric_fn)
    with pytest.raises(UserCodeError) as caught:
        evaluated(rows, tmp_path / "m")
    assert caught.value.headline == FAULTS[metric_fn]
    at = f":{MODEL_FN.count(chr(10)) + 2}" if "nope" in metric_fn else ""
    assert str(caught.value.where).startswith(f"{model_file}{at}")


def test_predictions_that_the_model_does_not_give_are_asked_for_in_vain(
    model_file: Path, rows: list[str], tmp_path: Path
) -> None:
    model_file.write_text(MODEL_FN.replace("predictions=predictions, ", "") + METRIC_FN.format(key="probability"))
    with pytest.raises(UserCodeError) as caught:
        evaluated(rows, tmp_path / "m")
    assert "gives none when it is evaluated" in caught.value.headline


def test_a_metric_fn_of_another_kind_is_no_model(model_file: Path, rows: list[str], tmp_path: Path) -> None:
    model_file.write_text("import tensorflow as tf\n" + METRIC_FN.format(key="p"))
    with pytest.raises(UserCodeError) as caught:
        evaluated(rows, tmp_path / "m")
    assert "defines no model_fn or" in caught.value.headline
