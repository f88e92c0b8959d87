"""What tf.contrib.estimator, .tpu and .predictor do with whole Estimators."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

import numpy as np
import pytest
import tensorflow as tf

from components.estimator.contrib import estimator as extenders
from components.estimator.contrib import layers, predictor

pytestmark = pytest.mark.slow
v1 = tf.compat.v1

X = np.random.default_rng(0).normal(size=(64, 2)).astype(np.float32)
KEYS = np.arange(64)


def rows(labels: Any, *, forever: bool) -> Callable[[], Any]:
    def input_fn() -> Any:
        dataset = tf.data.Dataset.from_tensor_slices(({"x": X, "key": KEYS}, labels)).batch(32)
        return dataset.repeat() if forever else dataset

    return input_fn


def with_head(head: Any, tmp_path: Path) -> Any:
    def model_fn(features: Any, labels: Any, mode: str) -> Any:
        logits = v1.layers.dense(features["x"], head.logits_dimension)
        spec = head.create_estimator_spec(
            features=features,
            mode=mode,
            labels=labels,
            logits=logits,
            optimizer=v1.train.AdamOptimizer(0.1),
        )
        if spec.loss is not None:
            tf.identity(spec.loss, "seen")
        return spec

    return tf.estimator.Estimator(model_fn, str(tmp_path / "m"))


BINARY = (X[:, :1] > 0).astype(np.int64)
HEADS = {
    "regression_head": (extenders.regression_head(), X[:, :1] * 2 + 1),
    "binary_classification_head": (extenders.binary_classification_head(), BINARY),
    "multi_class_head": (
        extenders.multi_class_head(3, loss_reduction=v1.losses.Reduction.SUM),
        BINARY + (X[:, 1:] > 0),
    ),
    "multi_label_head": (extenders.multi_label_head(2), (X > 0).astype(np.int64)),
    "poisson_regression_head": (extenders.poisson_regression_head(), np.floor(np.exp(X[:, :1]))),
    "logistic_regression_head": (extenders.logistic_regression_head(), BINARY.astype(np.float32)),
    "multi_head": (
        extenders.multi_head(
            [extenders.regression_head(name="sum"), extenders.binary_classification_head(name="sign")], [1.0, 0.5]
        ),
        {"sum": X.sum(1, keepdims=True), "sign": BINARY},
    ),
}


@pytest.mark.parametrize("name", sorted(HEADS))
def test_each_head_learns_with_an_optimizer_of_v1(name: str, tmp_path: Path) -> None:
    head, labels = HEADS[name]
    losses: list[float] = []

    class Watch(tf.estimator.SessionRunHook):
        def before_run(self, run_context: Any) -> Any:
            return tf.estimator.SessionRunArgs("seen:0")

        def after_run(self, run_context: Any, run_values: Any) -> None:
            losses.append(float(run_values.results))

    estimator = with_head(head, tmp_path)
    estimator.train(rows(labels, forever=True), [Watch()], steps=60)
    assert np.mean(losses[-2:]) < 0.8 * np.mean(losses[:2])


def test_a_canned_estimator_takes_such_a_head(tmp_path: Path) -> None:
    head, labels = HEADS["multi_label_head"]
    columns = [layers.real_valued_column("x", dimension=2)]
    estimator = extenders.DNNEstimator(head, [8], columns, str(tmp_path), optimizer=v1.train.AdamOptimizer(0.2))
    estimator.train(rows(labels, forever=True), steps=30)
    found = np.array([one["probabilities"] for one in estimator.predict(rows(labels, forever=False))])
    assert ((found > 0.5) == labels).mean() > 0.9


def test_features_and_metrics_come_back_beside_predictions(tmp_path: Path) -> None:
    plain = with_head(extenders.regression_head(), tmp_path)
    labels = X[:, :1]
    plain.train(rows(labels, forever=True), steps=2)
    estimator = extenders.forward_features(plain, "key")

    def worst(labels: Any, predictions: Any) -> Any:
        return {"off": v1.metrics.mean_absolute_error(tf.cast(labels, tf.float32), predictions["predictions"])}

    estimator = extenders.add_metrics(estimator, worst)
    found = list(estimator.predict(rows(labels, forever=False)))
    assert [one["key"] for one in found] == list(KEYS)
    off = np.abs(np.array([one["predictions"][0] for one in found]) - X[:, 0]).mean()
    assert estimator.evaluate(rows(labels, forever=False))["off"] == pytest.approx(off, rel=1e-5)
    estimator.train(rows(labels, forever=True), steps=1)

    def receiver() -> Any:
        given = {"x": v1.placeholder(tf.float32, [None, 2]), "key": v1.placeholder(tf.int64, [None])}
        return tf.estimator.export.ServingInputReceiver(given, given)

    predict = predictor.from_estimator(estimator, receiver, "predict")
    answer = predict({"x": X[:3], "key": [7, 8, 9]})
    assert answer["key"].tolist() == [7, 8, 9]
    assert answer["predictions"].shape == (3, 1)
    predict.session.close()


@pytest.mark.parametrize(("keys", "says"), [("nothing", "no feature nothing"), ("predictions", "no feature")])
def test_what_cannot_be_forwarded_is_said(keys: Any, says: str, tmp_path: Path) -> None:
    estimator = extenders.forward_features(with_head(extenders.regression_head(), tmp_path), keys)
    with pytest.raises(ValueError, match=says):
        estimator.train(rows(X[:, :1], forever=True), steps=1)
    with pytest.raises(TypeError, match="strings"):
        extenders.forward_features(estimator, [1])  # type: ignore[list-item]


def test_sparse_features_are_forwarded_as_dense(tmp_path: Path) -> None:
    def input_fn() -> Any:
        sparse = tf.SparseTensor([[0, 0], [1, 1]], ["a", "b"], [2, 2])
        return tf.data.Dataset.from_tensors({"x": X[:2], "words": sparse})

    plain = with_head(extenders.regression_head(), tmp_path)
    plain.train(rows(X[:, :1], forever=True), steps=1)
    found = list(extenders.forward_features(plain, ["words"], {"words": "-"}).predict(input_fn))
    assert [one["words"].tolist() for one in found] == [[b"a", b"-"], [b"-", b"b"]]
    with pytest.raises(ValueError, match="dense"):
        list(extenders.forward_features(plain, ["words"]).predict(input_fn))


def test_early_stopping_stops_where_nothing_gets_better(tmp_path: Path) -> None:
    def model_fn(features: Any, labels: Any, mode: str) -> Any:
        del features, labels
        still = v1.get_variable("still", initializer=1.0)
        step = v1.train.get_or_create_global_step()
        return tf.estimator.EstimatorSpec(mode, loss=still * 1.0, train_op=step.assign_add(1).op)

    config = tf.estimator.RunConfig(save_checkpoints_steps=5)
    estimator = tf.estimator.Estimator(model_fn, str(tmp_path), config)
    hook = extenders.stop_if_no_decrease_hook(estimator, "loss", 10, run_every_secs=None, run_every_steps=1)
    tf.estimator.train_and_evaluate(
        estimator,
        tf.estimator.TrainSpec(rows(X, forever=True), 200, [hook]),
        tf.estimator.EvalSpec(rows(X, forever=False), throttle_secs=0, start_delay_secs=0),
    )
    assert 10 < estimator.get_variable_value("global_step") < 100


def test_gradients_are_clipped_one_by_one() -> None:
    with tf.Graph().as_default(), v1.Session() as session:
        x, y = v1.get_variable("x", initializer=[3.0, 4.0]), v1.get_variable("y", initializer=0.5)
        optimizer = extenders.clip_gradients_by_norm(v1.train.GradientDescentOptimizer(1.0), 1.0)
        train = optimizer.minimize(0.5 * (tf.reduce_sum(x * x) + y * y))
        session.run(v1.global_variables_initializer())
        session.run(train)
        np.testing.assert_allclose(session.run(x), [2.4, 3.2], rtol=1e-6)
        assert session.run(y) == 0.0
