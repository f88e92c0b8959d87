"""Each canned Estimator, V1 and V2, trains, evaluates, exports and answers from its export."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

import numpy as np  # isort: skip
import pytest  # isort: skip
import tensorflow as tf  # isort: skip

pytestmark = pytest.mark.slow

ROWS = 48
X = np.linspace(0.0, 1.0, 2 * ROWS, dtype=np.float32).reshape(ROWS, 2)
C = np.array([[b"a"], [b"b"]] * (ROWS // 2))
LABELS = {"regression": X.sum(axis=1, keepdims=True), "classification": (X.sum(axis=1, keepdims=True) > 1.0) * 1}

NUMBER = tf.feature_column.numeric_column("x", shape=[2])
WORD = tf.feature_column.categorical_column_with_vocabulary_list("c", ["a", "b"])
EMBEDDED = tf.feature_column.embedding_column(WORD, 2)
LAYOUTS: dict[str, dict[str, Any]] = {
    "Linear": {"feature_columns": [NUMBER, WORD]},
    "DNN": {"hidden_units": [3], "feature_columns": [NUMBER, EMBEDDED]},
    "DNNLinearCombined": {
        "linear_feature_columns": [WORD],
        "dnn_feature_columns": [NUMBER, EMBEDDED],
        "dnn_hidden_units": [3],
    },
    "Baseline": {},
}


def input_fn(labels: Any, features: tuple[str, ...] = ("x", "c")) -> Callable[[], Any]:
    chosen = {name: {"x": X, "c": C}[name] for name in features}
    return lambda: tf.data.Dataset.from_tensor_slices((chosen, labels)).batch(16)


def head_of(version: str) -> Any:
    if version == "v2":
        return tf.estimator.RegressionHead()
    # V1 Estimators with V1 optimizers take V1 heads, which only ever had a private name.
    from tensorflow.python.estimator.canned import head

    return head._regression_head()


def serve() -> Any:
    spec = tf.feature_column.make_parse_example_spec([NUMBER, WORD])
    return tf.estimator.export.build_parsing_serving_input_receiver_fn(spec)()


def example(x: Any, c: bytes) -> bytes:
    features = {
        "x": tf.train.Feature(float_list=tf.train.FloatList(value=x)),
        "c": tf.train.Feature(bytes_list=tf.train.BytesList(value=[c])),
    }
    return bytes(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())


def go_round(estimator: Any, data: Callable[[], Any], folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Train, evaluate, export, load; return the metrics and what the loaded model predicts."""
    estimator.train(data, steps=2)
    metrics = estimator.evaluate(data)
    assert metrics["global_step"] == 2
    assert np.isfinite(metrics["loss"])
    exported = estimator.export_saved_model(str(folder / "export"), serve).decode()
    loaded = tf.saved_model.load(exported)
    served = loaded.signatures["predict"](tf.constant([example(X[0], C[0, 0])]))
    return metrics, served


@pytest.mark.parametrize("kind", ["Regressor", "Classifier", "Estimator"])
@pytest.mark.parametrize("layout", list(LAYOUTS))
@pytest.mark.parametrize("version", ["v1", "v2"])
def test_each_canned_estimator(version: str, layout: str, kind: str, tmp_path: Path) -> None:
    cls = getattr(tf.estimator if version == "v2" else tf.compat.v1.estimator, layout + kind)
    arguments = dict(LAYOUTS[layout])
    if kind == "Estimator":
        arguments["head"] = head_of(version)
    # A Baseline needs no features; the V2 one breaks on two (upstream: the variable's initial value waits for a check
    # that the features have one length, and so for the iterator).
    features = ("x",) if layout == "Baseline" else ("x", "c")
    data = input_fn(LABELS["classification" if kind == "Classifier" else "regression"], features)
    metrics, served = go_round(cls(model_dir=str(tmp_path / "model"), **arguments), data, tmp_path)
    if kind == "Classifier":
        assert 0.0 <= metrics["accuracy"] <= 1.0
        assert np.isclose(np.sum(served["probabilities"]), 1.0)
    else:
        assert served["predictions"].shape == (1, 1)


def test_a_head_of_several(tmp_path: Path) -> None:
    price, sold = tf.estimator.RegressionHead(name="price"), tf.estimator.BinaryClassHead(name="sold")
    estimator = tf.estimator.DNNEstimator(
        head=tf.estimator.MultiHead([price, sold]), model_dir=str(tmp_path / "model"), **LAYOUTS["DNN"]
    )
    labels = {"price": LABELS["regression"], "sold": LABELS["classification"]}
    metrics, served = go_round(estimator, input_fn(labels), tmp_path)
    assert {"loss/price", "loss/sold", "accuracy/sold"} <= metrics.keys()
    assert {"price/predictions", "sold/probabilities"} <= served.keys()


def test_other_heads(tmp_path: Path) -> None:
    three = (X[:, :1] * 2.99).astype(np.int64)
    cases = [
        (tf.estimator.MultiClassHead(3), three, "accuracy"),
        (tf.estimator.PoissonRegressionHead(), LABELS["regression"], "average_loss"),
        (tf.estimator.LogisticRegressionHead(), LABELS["classification"].astype(np.float32), "average_loss"),
        (tf.estimator.MultiLabelHead(2), np.hstack([three > 0, three > 1]).astype(np.int64), "auc"),
    ]
    for number, (head, labels, metric) in enumerate(cases):
        estimator = tf.estimator.LinearEstimator(
            head=head, feature_columns=[NUMBER], model_dir=str(tmp_path / str(number))
        )
        estimator.train(input_fn(labels), steps=2)
        assert metric in estimator.evaluate(input_fn(labels)), head


def test_estimators_of_the_experimental_kind(tmp_path: Path) -> None:
    sdca = tf.estimator.experimental.LinearSDCA(example_id_column="id", symmetric_l2_regularization=0.1)
    linear = tf.estimator.LinearRegressor([NUMBER], optimizer=sdca, model_dir=str(tmp_path / "sdca"))

    def with_ids() -> Any:
        ids = np.array([str(i) for i in range(ROWS)])
        return tf.data.Dataset.from_tensor_slices(({"x": X, "id": ids}, LABELS["regression"])).repeat(20).batch(ROWS)

    linear.train(with_ids)
    assert linear.evaluate(with_ids, steps=1)["average_loss"] < 0.2

    kmeans = tf.compat.v1.estimator.experimental.KMeans(2, use_mini_batch=False, model_dir=str(tmp_path / "kmeans"))
    kmeans.train(lambda: tf.data.Dataset.from_tensors(X).repeat(4))
    assert sorted(kmeans.cluster_centers()[:, 0] > 0.5) == [False, True]

    column = tf.feature_column.sequence_numeric_column("s")
    rnn = tf.estimator.experimental.RNNClassifier([column], units=[2], model_dir=str(tmp_path / "rnn"))

    def sequences() -> Any:
        rows = tf.sparse.from_dense(X + 0.5)
        return tf.data.Dataset.from_tensors(({"s": rows}, LABELS["classification"])).repeat(2)

    rnn.train(sequences)
    assert "accuracy" in rnn.evaluate(sequences, steps=1)


@pytest.mark.filterwarnings("ignore:To make it possible to preserve tf.data options:UserWarning")
@pytest.mark.parametrize("version", ["v1", "v2"])
def test_a_canned_estimator_under_a_strategy(version: str, tmp_path: Path) -> None:
    strategy = tf.distribute.MirroredStrategy(["CPU:0"])
    config = tf.estimator.RunConfig(str(tmp_path / "model"), train_distribute=strategy, eval_distribute=strategy)
    cls = (tf.estimator if version == "v2" else tf.compat.v1.estimator).DNNClassifier
    estimator = cls(config=config, **LAYOUTS["DNN"])
    metrics, _ = go_round(estimator, input_fn(LABELS["classification"]), tmp_path)
    assert 0.0 <= metrics["accuracy"] <= 1.0
