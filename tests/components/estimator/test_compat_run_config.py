"""What a RunConfig with a distribution strategy makes of TF_CONFIG, and a client that drives remote servers."""

import json
import socket
from pathlib import Path
from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

import pytest  # isort: skip
import tensorflow as tf  # isort: skip
from tensorflow.python.distribute import estimator_training  # isort: skip
from tensorflow.python.distribute.distribute_config import DistributeConfig  # isort: skip

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:.* will be removed (in a future version|after):UserWarning"),
    pytest.mark.filterwarnings("ignore:To make it possible to preserve tf.data options:UserWarning"),
]

CLUSTER = {"chief": ["a:1"], "worker": ["b:1", "c:1"], "ps": ["d:1"], "evaluator": ["e:1"]}


@pytest.fixture
def strategy(no_cluster: None) -> Any:
    """Made before a test sets TF_CONFIG, which the strategy would read for itself."""
    return tf.compat.v1.distribute.experimental.ParameterServerStrategy()


def set_task(monkeypatch: pytest.MonkeyPatch, cluster: Any, task_type: str | None, index: int | None = 0) -> None:
    task = {name: value for name, value in (("type", task_type), ("index", index)) if value is not None}
    monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": cluster, "task": task}))


@pytest.fixture(autouse=True)
def no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TF_CONFIG", raising=False)


def test_without_a_cluster_there_is_no_coordinator() -> None:
    config = tf.estimator.RunConfig(train_distribute=tf.distribute.MirroredStrategy(["CPU:0"]))
    assert not estimator_training.should_run_distribute_coordinator(config)
    assert (config.is_chief, config.task_type, config.num_worker_replicas) == (True, "worker", 1)
    assert not estimator_training.should_run_distribute_coordinator(tf.estimator.RunConfig())


@pytest.mark.parametrize(
    ("task", "chief", "global_id"),
    [(("chief", 0), True, 0), (("worker", 1), False, 2), (("ps", 0), False, None), (("evaluator", 0), False, None)],
)
def test_each_task_knows_itself(
    strategy: Any, monkeypatch: pytest.MonkeyPatch, task: tuple[str, int], chief: bool, global_id: int | None
) -> None:
    set_task(monkeypatch, CLUSTER, *task)
    config = tf.estimator.RunConfig(train_distribute=strategy)
    assert estimator_training.should_run_distribute_coordinator(config)
    assert ((config.task_type, config.task_id), config.is_chief) == (task, chief)
    assert config.global_id_in_cluster == global_id
    assert (config.num_ps_replicas, config.num_worker_replicas) == (1, 3)
    assert config.cluster_spec.as_dict() == CLUSTER


def test_the_first_worker_is_chief_where_there_is_none(strategy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for index in (0, 1):
        set_task(monkeypatch, {"worker": ["a:1", "b:1"]}, "worker", index)
        assert tf.estimator.RunConfig(train_distribute=strategy).is_chief is (index == 0)


def test_the_strategy_may_come_in_experimental_distribute(strategy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    set_task(monkeypatch, CLUSTER, "chief")
    config = tf.estimator.RunConfig(experimental_distribute=DistributeConfig(strategy, strategy))
    assert config.train_distribute is strategy
    assert config.eval_distribute is strategy
    assert estimator_training.should_run_distribute_coordinator(config)


def test_a_strategy_for_evaluation_leaves_training_as_it_is(strategy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    set_task(monkeypatch, CLUSTER, "worker", 1)
    config = tf.estimator.RunConfig(eval_distribute=strategy)
    assert not estimator_training.should_run_distribute_coordinator(config)
    assert config.master == "grpc://c:1"


@pytest.mark.parametrize(
    ("task_type", "index", "message"),
    [
        (None, None, "must have a"),
        ("chief", None, "must have a"),
        ("worker", 2, "maximum id"),
        ("cook", 0, "cook"),
        ("evaluator", 1, "evaluator"),
    ],
)
def test_a_wrong_task_is_refused(
    strategy: Any,
    monkeypatch: pytest.MonkeyPatch,
    task_type: str | None,
    index: int | None,
    message: str,
) -> None:
    set_task(monkeypatch, CLUSTER, task_type, index)
    with pytest.raises(ValueError, match=message):
        tf.estimator.RunConfig(train_distribute=strategy)


def test_nothing_may_be_given_twice(strategy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="`train_distribute` is given twice"):
        tf.estimator.RunConfig(train_distribute=strategy, experimental_distribute=DistributeConfig(strategy))
    with pytest.raises(ValueError, match="`eval_distribute` is given twice"):
        tf.estimator.RunConfig(eval_distribute=strategy, experimental_distribute=DistributeConfig(None, strategy))
    set_task(monkeypatch, CLUSTER, "chief")
    with pytest.raises(ValueError, match="not both"):
        tf.estimator.RunConfig(experimental_distribute=DistributeConfig(strategy, remote_cluster={"worker": ["a:1"]}))


def test_a_remote_cluster_needs_a_strategy() -> None:
    with pytest.raises(ValueError, match="train_distribute"):
        tf.estimator.RunConfig(experimental_distribute=DistributeConfig(remote_cluster={"worker": ["a:1"]}))


def test_an_evaluator_does_not_train(strategy: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    set_task(monkeypatch, CLUSTER, "evaluator")
    config = tf.estimator.RunConfig(str(tmp_path), train_distribute=strategy)
    with pytest.raises(ValueError, match="wrong configuration"):
        tf.estimator.Estimator(model_fn, config=config).train(input_fn, steps=1)


def input_fn() -> Any:
    rows = [[i / 64.0] for i in range(64)]
    return tf.data.Dataset.from_tensor_slices(rows).map(lambda x: ({"x": x}, 2.0 * x - 1.0)).repeat().batch(8)


def model_fn(features: Any, labels: Any, mode: str) -> Any:
    predicted = tf.compat.v1.layers.dense(features["x"], 1)
    loss = tf.compat.v1.losses.mean_squared_error(labels, predicted)
    optimizer = tf.compat.v1.train.GradientDescentOptimizer(0.3)
    train_op = optimizer.minimize(loss, tf.compat.v1.train.get_or_create_global_step())
    return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=train_op)


def test_a_client_drives_servers_that_are_up(strategy: Any, tmp_path: Path) -> None:
    sockets = [socket.socket() for _ in range(2)]
    for one in sockets:
        one.bind(("localhost", 0))
    addresses = [f"localhost:{one.getsockname()[1]}" for one in sockets]
    for one in sockets:
        one.close()
    cluster = {"chief": [addresses[0]], "ps": [addresses[1]]}
    servers = [tf.distribute.Server(cluster, job, 0) for job in cluster]
    assert all(servers)

    used: list[str] = []

    class Devices(tf.compat.v1.train.SessionRunHook):
        def after_create_session(self, session: Any, coord: Any) -> None:
            used.extend(device.name for device in session.list_devices())

    config = tf.estimator.RunConfig(
        str(tmp_path),
        experimental_distribute=DistributeConfig(strategy, remote_cluster=cluster),
        save_checkpoints_steps=50,
    )
    estimator = tf.estimator.Estimator(model_fn, config=config)
    estimator.train(input_fn, hooks=[Devices()], steps=50)
    estimator.train(input_fn, steps=50)
    assert estimator.get_variable_value("global_step") == 100
    assert estimator.evaluate(input_fn, steps=8)["loss"] < 0.1
    # The session was the remote chief's, and saw the parameter server.
    assert {name.split("/")[1] for name in used} == {"job:chief", "job:ps"}
