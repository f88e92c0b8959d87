"""Model code of the user's own, trained, evaluated and exported as it was on a TensorFlow that had Estimators."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

import numpy as np  # isort: skip
import pytest  # isort: skip
import tensorflow as tf  # isort: skip

pytestmark = [
    pytest.mark.slow,
    # TensorFlow's advice to move on from what this project is there to keep.
    pytest.mark.filterwarnings("ignore:.* will be removed (in a future version|after):UserWarning"),
]

X = np.random.default_rng(5).uniform(size=(256, 2)).astype(np.float32)
Y = X @ np.array([[2.0], [-1.0]], np.float32) + 0.5
COLUMN = tf.feature_column.numeric_column("x", shape=[2])


def input_fn(params: Any = None) -> Any:
    del params  # TPUEstimator gives them
    return tf.data.Dataset.from_tensor_slices(({"x": X}, Y)).repeat().batch(32, drop_remainder=True)


def serve() -> Any:
    return tf.estimator.export.build_parsing_serving_input_receiver_fn(
        tf.feature_column.make_parse_example_spec([COLUMN])
    )()


def example(x: Any) -> bytes:
    feature = tf.train.Feature(float_list=tf.train.FloatList(value=x))
    return bytes(tf.train.Example(features=tf.train.Features(feature={"x": feature})).SerializeToString())


def model_fn(features: Any, labels: Any, mode: str, params: dict[str, Any]) -> Any:
    """A layout of the old kind: feature columns, tf.layers with batch normalisation, tf.losses, tf.metrics."""
    training = mode == tf.estimator.ModeKeys.TRAIN
    net = tf.compat.v1.feature_column.input_layer(features, [COLUMN])
    net = tf.compat.v1.layers.dense(net, params["units"], activation=tf.nn.relu)
    net = tf.compat.v1.layers.batch_normalization(net, training=training, momentum=0.8)
    value = tf.compat.v1.layers.dense(net, 1)[:, 0]
    if mode == tf.estimator.ModeKeys.PREDICT:
        outputs = {"value": value, "half": value / 2.0}
        served = {
            "serving_default": tf.estimator.export.PredictOutput(outputs),
            "value_only": tf.estimator.export.RegressionOutput(value),
        }
        return tf.estimator.EstimatorSpec(mode, predictions=outputs, export_outputs=served)
    loss = tf.compat.v1.losses.huber_loss(labels[:, 0], value)
    optimizer = tf.compat.v1.train.AdamOptimizer(params["rate"])
    with tf.control_dependencies(tf.compat.v1.get_collection(tf.compat.v1.GraphKeys.UPDATE_OPS)):
        train_op = optimizer.minimize(loss, tf.compat.v1.train.get_global_step())
    mean = tf.keras.metrics.Mean()
    mean.update_state(value)
    metrics = {"mae": tf.compat.v1.metrics.mean_absolute_error(labels[:, 0], value), "mean": mean}
    return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=train_op, eval_metric_ops=metrics)


def an_estimator(folder: Path, **arguments: Any) -> Any:
    config = tf.estimator.RunConfig(str(folder), tf_random_seed=1, save_checkpoints_steps=50, **arguments)
    return tf.estimator.Estimator(model_fn, config=config, params={"units": 8, "rate": 0.03})


def test_a_custom_model_with_exporters(tmp_path: Path) -> None:
    estimator = an_estimator(tmp_path)
    exporters = [
        tf.estimator.LatestExporter("latest", serve, exports_to_keep=1),
        tf.estimator.BestExporter("best", serve, exports_to_keep=1),
        tf.estimator.FinalExporter("final", serve),
    ]
    metrics, exported = tf.estimator.train_and_evaluate(
        estimator,
        tf.estimator.TrainSpec(input_fn, max_steps=150),
        tf.estimator.EvalSpec(input_fn, steps=4, exporters=exporters, start_delay_secs=0, throttle_secs=0),
    )
    assert metrics["global_step"] == 150
    assert metrics["mae"] < 0.15
    assert len([path for path in exported if path]) >= 2
    for name in ("latest", "best", "final"):
        assert len(list((tmp_path / "export" / name).iterdir())) == 1

    # The export answers from a plain load, as it answered before.
    predicted = next(iter(estimator.predict(lambda: tf.data.Dataset.from_tensors(({"x": X[:1]}, Y[:1])))))
    loaded = tf.saved_model.load(str(next((tmp_path / "export" / "final").iterdir())))
    answer = loaded.signatures["serving_default"](tf.constant([example(X[0])]))
    np.testing.assert_allclose(answer["value"], [predicted["value"]], rtol=1e-5)
    np.testing.assert_allclose(answer["half"], [predicted["value"] / 2], rtol=1e-5)
    assert list(loaded.signatures["value_only"](tf.constant([example(X[0])]))) == ["outputs"]


def test_an_export_with_all_three_graphs_reads_back_as_an_estimator(tmp_path: Path) -> None:
    from tensorflow.python.estimator.canned.saved_model_estimator import SavedModelEstimator
    from tensorflow.python.saved_model import loader_impl

    estimator = an_estimator(tmp_path / "model")
    estimator.train(input_fn, steps=5)

    def supervised() -> Any:
        return tf.estimator.experimental.build_raw_supervised_input_receiver_fn(
            {"x": tf.compat.v1.placeholder(tf.float32, [None, 2])}, tf.compat.v1.placeholder(tf.float32, [None, 1])
        )()

    modes = tf.estimator.ModeKeys
    receivers = {modes.TRAIN: supervised, modes.EVAL: supervised, modes.PREDICT: serve}
    exported = estimator.experimental_export_all_saved_models(str(tmp_path / "export"), receivers).decode()
    graphs = {tuple(graph.meta_info_def.tags) for graph in loader_impl.parse_saved_model(exported).meta_graphs}
    assert graphs == {("train",), ("eval",), ("serve",)}

    reread = SavedModelEstimator(exported, str(tmp_path / "reread"))

    def once() -> Any:
        # Not repeated: its constant `count` and the Keras metric's variable of that name would meet in one graph.
        return tf.data.Dataset.from_tensors(({"x": X}, Y))

    before, after = estimator.evaluate(once), reread.evaluate(once)
    np.testing.assert_allclose(after["loss"], before["loss"], rtol=1e-5)


def test_training_goes_on_from_the_last_checkpoint_and_starts_warm_elsewhere(tmp_path: Path) -> None:
    an_estimator(tmp_path / "a").train(input_fn, steps=20)
    again = an_estimator(tmp_path / "a")
    again.train(input_fn, steps=20)
    assert again.get_variable_value("global_step") == 40
    warm = tf.estimator.Estimator(
        model_fn,
        str(tmp_path / "b"),
        params={"units": 8, "rate": 0.0},
        warm_start_from=str(tmp_path / "a"),
    )
    warm.train(input_fn, steps=1)
    np.testing.assert_array_equal(warm.get_variable_value("dense/kernel"), again.get_variable_value("dense/kernel"))


def test_early_stopping(tmp_path: Path) -> None:
    estimator = an_estimator(tmp_path)
    hook = tf.estimator.experimental.stop_if_no_decrease_hook(
        estimator, "loss", max_steps_without_decrease=50, run_every_secs=None, run_every_steps=10
    )
    tf.io.gfile.makedirs(estimator.eval_dir())
    tf.estimator.train_and_evaluate(
        estimator,
        tf.estimator.TrainSpec(input_fn, max_steps=5000, hooks=[hook, _Freeze()]),
        tf.estimator.EvalSpec(input_fn, steps=2, start_delay_secs=0, throttle_secs=0),
    )
    assert estimator.get_variable_value("global_step") < 1000


class _Freeze(tf.compat.v1.train.SessionRunHook):
    """Put the weights back where they were, so that the loss cannot decrease."""

    def begin(self) -> None:
        variables = tf.compat.v1.trainable_variables()
        self.zero = tf.group([tf.compat.v1.assign(variable, tf.zeros_like(variable)) for variable in variables])

    def after_run(self, run_context: Any, run_values: Any) -> None:
        run_context.session.run(self.zero)


def keras_model() -> Any:
    inputs = tf.keras.Input([2], name="x")
    hidden = tf.keras.layers.Dense(8, activation="relu")(inputs)
    model = tf.keras.Model(inputs, tf.keras.layers.Dense(1, name="value")(hidden))
    model.compile(tf.keras.optimizers.legacy.Adam(0.03), loss="mse", metrics=["mae"])
    return model


@pytest.mark.parametrize("api", ["tf.keras", "tf.compat.v1.keras", "keras_lib"])
def test_a_keras_model_becomes_an_estimator(api: str, tmp_path: Path) -> None:
    from tensorflow.python.estimator import keras as keras_lib

    convert = {
        "tf.keras": tf.keras.estimator.model_to_estimator,
        "tf.compat.v1.keras": tf.compat.v1.keras.estimator.model_to_estimator,
        "keras_lib": keras_lib.model_to_estimator,
    }[api]
    estimator = convert(keras_model(), model_dir=str(tmp_path / "model"))
    estimator.train(input_fn, steps=60)
    metrics = estimator.evaluate(input_fn, steps=4)
    assert metrics["mae"] < 0.6
    raw = {"x": tf.TensorSpec([None, 2], tf.float32)}
    exported = estimator.export_saved_model(str(tmp_path / "export"), _raw_receiver(raw)).decode()
    signature = tf.saved_model.load(exported).signatures["serving_default"]
    assert signature(x=tf.constant(X[:3]))["value"].shape == (3, 1)


def _raw_receiver(specs: dict[str, Any]) -> Callable[[], Any]:
    def receiver() -> Any:
        features = {name: tf.compat.v1.placeholder(s.dtype, s.shape, name) for name, s in specs.items()}
        return tf.estimator.export.ServingInputReceiver(features, dict(features))

    return receiver


def test_a_tpu_estimator_runs_on_the_cpu(tmp_path: Path) -> None:
    tpu = tf.compat.v1.estimator.tpu

    def tpu_model_fn(features: Any, labels: Any, mode: str, params: dict[str, Any]) -> Any:
        value = tf.compat.v1.layers.dense(features["x"], 1)
        if mode == tf.estimator.ModeKeys.PREDICT:
            served = {"serving_default": tf.estimator.export.PredictOutput({"value": value})}
            return tpu.TPUEstimatorSpec(mode, predictions={"value": value}, export_outputs=served)
        loss = tf.compat.v1.losses.mean_squared_error(labels, value)
        optimizer = tpu_optimizer(tf.compat.v1.train.GradientDescentOptimizer(0.3), params["use_tpu"])
        train_op = optimizer.minimize(loss, tf.compat.v1.train.get_global_step())

        def metrics(labels: Any, value: Any) -> Any:
            return {"mae": tf.compat.v1.metrics.mean_absolute_error(labels, value)}

        return tpu.TPUEstimatorSpec(mode, loss=loss, train_op=train_op, eval_metrics=(metrics, [labels, value]))

    def tpu_optimizer(optimizer: Any, use_tpu: bool) -> Any:
        return tf.compat.v1.tpu.CrossShardOptimizer(optimizer) if use_tpu else optimizer

    estimator = tpu.TPUEstimator(
        tpu_model_fn,
        config=tpu.RunConfig(model_dir=str(tmp_path / "model"), tpu_config=tpu.TPUConfig(iterations_per_loop=10)),
        use_tpu=False,
        train_batch_size=32,
        eval_batch_size=32,
        predict_batch_size=32,
    )
    estimator.train(input_fn, max_steps=100)
    assert estimator.evaluate(input_fn, steps=2)["mae"] < 0.1
    assert next(iter(estimator.predict(input_fn)))["value"].shape == (1,)
    exported = estimator.export_saved_model(str(tmp_path / "export"), serve).decode()
    # There is a second graph, for TPUs, with tags of its own, as there always was (export_to_tpu=True).
    loaded = tf.saved_model.load(exported, tags=["serve"])
    answer = loaded.signatures["serving_default"](tf.constant([example(X[0])]))
    np.testing.assert_allclose(answer["value"], Y[:1], atol=0.3)


def test_the_input_pipeline_goes_on_where_it_stopped(tmp_path: Path) -> None:
    fed: list[int] = []

    def counted() -> Any:
        return tf.data.Dataset.range(1000).map(lambda i: ({"x": tf.cast(tf.stack([i, i]), tf.float32)}, [0.0])).batch(1)

    def train(steps: int, with_hook: bool = True) -> None:
        estimator = an_estimator(tmp_path / "model")
        hook = tf.data.experimental.CheckpointInputPipelineHook(estimator)
        estimator.train(counted, hooks=[_Record(fed), *([hook] if with_hook else [])], steps=steps)

    train(3)
    train(60)
    assert fed == list(range(63))
    assert (tmp_path / "model" / "checkpoint_input").exists()
    assert (tmp_path / "model" / "input.ckpt-63.index").exists()
    # The model's own checkpoints are named in a file of their own, untouched.
    assert tf.train.latest_checkpoint(str(tmp_path / "model")).endswith("model.ckpt-63")
    train(1, with_hook=False)
    assert fed[-1] == 0


class _Record(tf.compat.v1.train.SessionRunHook):
    """Note the first feature of each batch that is trained on."""

    def __init__(self, fed: list[int]) -> None:
        self._fed = fed

    def before_run(self, run_context: Any) -> Any:
        graph = run_context.session.graph
        return tf.compat.v1.train.SessionRunArgs(graph.get_tensor_by_name("IteratorGetNext:0"))

    def after_run(self, run_context: Any, run_values: Any) -> None:
        self._fed.append(int(run_values.results[0, 0]))


def test_the_input_hook_wants_a_policy_it_knows(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="ignore"):
        tf.data.experimental.CheckpointInputPipelineHook(an_estimator(tmp_path), external_state_policy="perhaps")
