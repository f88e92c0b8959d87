"""Estimators under a ``tf.distribute.Strategy`` in a cluster: ``tensorflow.python.distribute.estimator_training``.

tensorflow-estimator calls five functions of that module, which TensorFlow dropped; the coordinator that they drive
(``tensorflow.python.distribute.distribute_coordinator``) is still there. What they do:

- a ``RunConfig`` with a strategy and a cluster gets a *coordinator mode* (:func:`init_run_config`). Each process of the
  cluster runs the program, with the cluster and its own task in ``TF_CONFIG``: INDEPENDENT_WORKER. Or one client drives
  servers that are already up, given as ``DistributeConfig.remote_cluster``: STANDALONE_CLIENT. No cluster, no mode;
- with a mode, ``train``, ``evaluate`` and ``train_and_evaluate`` run through the coordinator, which starts the servers,
  configures a copy of the strategy for each worker and calls back with it. Each call works on a copy of the Estimator
  whose configuration says what its worker is (:func:`_for_worker`).

Behaviour after the interface documentation of ``distribute_coordinator`` and ``tf.estimator.RunConfig``, and the guide
https://www.tensorflow.org/tutorials/distribute/multi_worker_with_estimator.
"""

import copy
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf
from tensorflow.python.distribute import distribute_coordinator, distribute_coordinator_context, multi_worker_util

_Mode = distribute_coordinator.CoordinatorMode
_logging = tf.compat.v1.logging


def init_run_config(config: Any, tf_config: dict[str, Any]) -> None:
    """Fill in the distributed half of a ``RunConfig`` that has a strategy.

    Args:
        config: The ``RunConfig`` under construction; changed in place.
        tf_config: The object in the environment variable ``TF_CONFIG``, or {}.

    Raises:
        ValueError: A strategy is given twice, or the cluster is; or the cluster or the task in ``TF_CONFIG`` is wrong.
    """
    given = config._experimental_distribute
    config._train_distribute = _given_once("train_distribute", config._train_distribute, given)
    config._eval_distribute = _given_once("eval_distribute", config._eval_distribute, given)
    config._verify_strategy_compatibility(config._train_distribute, config._eval_distribute)
    config._distribute_coordinator_mode = None

    remote = given.remote_cluster if given else None
    if remote:
        if tf_config.get("cluster"):
            raise ValueError("Give the cluster in TF_CONFIG or as `remote_cluster`, not both.")
        if not config._train_distribute:
            raise ValueError("`remote_cluster` needs a `train_distribute` strategy to drive it with.")
        _describe(config, multi_worker_util.normalize_cluster_spec(remote), None, None)
        config._distribute_coordinator_mode = _Mode.STANDALONE_CLIENT
    elif tf_config.get("cluster") and config._train_distribute:
        cluster = multi_worker_util.normalize_cluster_spec(tf_config["cluster"])
        task_type, task_id = _task(cluster, tf_config.get("task") or {})
        _describe(config, cluster, task_type, task_id)
        config._distribute_coordinator_mode = _Mode.INDEPENDENT_WORKER
    else:
        # One machine; or a strategy for evaluation only, where training is what it is without a strategy.
        config._init_distributed_setting_from_environment_var(tf_config)
        config._maybe_overwrite_session_config_for_distributed_training()
    _logging.info("RunConfig with distribution strategies, coordinator mode: %r", config._distribute_coordinator_mode)


def should_run_distribute_coordinator(config: Any) -> bool:
    """Say whether ``train_and_evaluate`` goes through the coordinator: there is a strategy, and a cluster."""
    return bool(getattr(config, "_distribute_coordinator_mode", None))


def train_and_evaluate(estimator: Any, train_spec: Any, eval_spec: Any, executor_cls: Callable[..., Any]) -> None:
    """Do this process's part of ``tf.estimator.train_and_evaluate``, or all of it as the client of a remote cluster.

    Workers train; a parameter server serves and does not return; the task ``evaluator`` evaluates and exports each
    checkpoint until ``max_steps``. Without such a task in the cluster nothing is evaluated, and a warning says so.

    Args:
        estimator: The ``tf.estimator.Estimator``.
        train_spec: The ``tf.estimator.TrainSpec``.
        eval_spec: The ``tf.estimator.EvalSpec``.
        executor_cls: tensorflow-estimator's executor, which has the evaluator's loop.
    """
    config = estimator.config
    if "evaluator" not in config.cluster_spec.jobs:
        _logging.warning("The cluster has no task `evaluator`: the model is neither evaluated nor exported.")

    def train(strategy: Any) -> None:
        worker = _for_worker(estimator, train=strategy)
        listeners = train_spec.saving_listeners if worker.config.is_chief else None
        hooks = _own_hooks(config, strategy, train_spec.hooks)
        worker.train(train_spec.input_fn, hooks=hooks, max_steps=train_spec.max_steps, saving_listeners=listeners)

    def evaluate(strategy: Any) -> None:
        executor_cls(_for_worker(estimator, evaluate=strategy), train_spec, eval_spec).run_evaluator()

    _run(config, train, config.train_distribute, evaluate, config.eval_distribute)


def estimator_train(estimator: Any, train_fn: Callable[..., Any], hooks: Sequence[Any]) -> Any:
    """Train as one worker of the cluster, or on all of a remote cluster.

    Args:
        estimator: The ``tf.estimator.Estimator``.
        train_fn: ``(estimator, strategy, hooks) -> loss``: trains one worker.
        hooks: Session hooks of the caller.

    Returns:
        What ``train_fn`` returned, or None where several workers ran.
    """
    # The tasks `ps` and `evaluator` do not come here: Estimator.train refuses them.
    config = estimator.config

    def train(strategy: Any) -> Any:
        return train_fn(_for_worker(estimator, train=strategy), strategy, _own_hooks(config, strategy, hooks))

    return _run(config, train, config.train_distribute, None, config.eval_distribute)


def estimator_evaluate(estimator: Any, evaluate_fn: Callable[..., Any], hooks: Sequence[Any]) -> Any:
    """Evaluate with the ``eval_distribute`` strategy: in each worker that calls this, or alone as ``evaluator``.

    Args:
        estimator: The ``tf.estimator.Estimator``.
        evaluate_fn: ``(estimator, strategy, hooks) -> metrics``.
        hooks: Session hooks of the caller.

    Returns:
        What ``evaluate_fn`` returned, or None where several workers ran.
    """
    config = estimator.config

    def evaluate(strategy: Any) -> Any:
        worker = _for_worker(estimator, evaluate=strategy)
        return evaluate_fn(worker, strategy, _own_hooks(config, strategy, hooks))

    return _run(config, evaluate, config.eval_distribute, evaluate, config.eval_distribute)


def _run(config: Any, worker_fn: Any, strategy: Any, eval_fn: Any, eval_strategy: Any) -> Any:
    return distribute_coordinator.run_distribute_coordinator(
        worker_fn,
        strategy,
        eval_fn=eval_fn,
        eval_strategy=eval_strategy,
        mode=config._distribute_coordinator_mode,
        cluster_spec=config.cluster_spec,
        task_type=config.task_type,
        task_id=config.task_id,
        session_config=copy.deepcopy(config.session_config),
        rpc_layer=config.protocol or "grpc",
    )


def _given_once(name: str, direct: Any, distribute_config: Any) -> Any:
    other = getattr(distribute_config, name, None)
    if direct and other:
        raise ValueError(f"`{name}` is given twice: to RunConfig and in `experimental_distribute`. Give it once.")
    return direct or other


def _task(cluster: Any, task: dict[str, Any]) -> tuple[str, int]:
    """Return this process's task from ``TF_CONFIG``, checked against the cluster."""
    task_type, index = task.get("type"), task.get("index")
    if not task_type or index is None:
        raise ValueError('If "cluster" is set in TF_CONFIG, "task" must have a "type" and an "index".')
    # Raises where the task is not in the cluster, or the cluster has two chiefs.
    multi_worker_util.is_chief(cluster, task_type, int(index))
    if task_type == "evaluator" and int(index) > 0:
        raise ValueError(f"There can be only one `evaluator` task (with index 0). Given index {index}.")
    return task_type, int(index)


def _describe(config: Any, cluster: Any, task_type: str | None, task_id: int | None) -> None:
    """Write into a ``RunConfig`` which task of which cluster it is for.

    The session masters stay local: where a session connects to is the coordinator's business, who knows the strategy.
    """
    jobs = cluster.as_dict()
    trains = task_type not in ("evaluator", "ps")
    config._cluster_spec = cluster
    config._task_type = task_type
    config._task_id = task_id
    config._master = config._evaluation_master = ""
    config._service = None
    config._is_chief = trains and (task_type is None or multi_worker_util.is_chief(cluster, task_type, task_id))
    config._num_ps_replicas = len(jobs.get("ps", ()))
    config._num_worker_replicas = len(jobs.get("chief", ())) + len(jobs.get("worker", ()))
    config._global_id_in_cluster = (
        multi_worker_util.id_in_cluster(cluster, task_type, task_id) if trains and task_type is not None else None
    )


def _for_worker(estimator: Any, train: Any = None, evaluate: Any = None) -> Any:
    """Return a copy of the Estimator for the worker that the coordinator has just called.

    The copy shares model_fn and params with the original. Its configuration names the worker's task and session
    settings, and has no coordinator mode, so that its ``train`` and ``evaluate`` do the work themselves.

    Args:
        estimator: The Estimator that the program made.
        train: The worker's strategy for training, if it trains.
        evaluate: The worker's strategy for evaluation, if it evaluates with one.
    """
    context = distribute_coordinator_context.get_current_worker_context()
    worker = copy.copy(estimator)
    worker._config = config = copy.copy(estimator._config)
    config._distribute_coordinator_mode = None
    config._train_distribute = worker._train_distribution = train
    config._eval_distribute = worker._eval_distribution = evaluate
    config._session_config = worker._session_config = context.session_config
    if context.task_type == "evaluator":
        # It talks to nobody.
        config._cluster_spec = tf.train.ClusterSpec({})
        config._num_ps_replicas = config._num_worker_replicas = 0
        config._task_type, config._task_id = "evaluator", 0
        return worker
    _describe(config, context.cluster_spec, context.task_type or config._task_type, context.task_id or 0)
    config._is_chief = context.is_chief
    config._master = config._evaluation_master = context.master_target
    return worker


def _own_hooks(config: Any, strategy: Any, hooks: Sequence[Any]) -> list[Any]:
    """Return hooks for one worker: copies where one client runs several workers in threads, for hooks have state."""
    shared = config._distribute_coordinator_mode == _Mode.STANDALONE_CLIENT and (
        strategy is not None and strategy.extended.experimental_between_graph
    )
    return copy.deepcopy(list(hooks)) if shared else list(hooks)
