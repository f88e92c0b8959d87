"""Trains and evaluates an Estimator with ``train_and_evaluate``."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

import tensorflow as tf

from components.cluster.roles import Part
from components.estimator import clustered
from components.estimator.best import BestCheckpoint
from components.estimator.checkpoints import checkpoint_hooks, latest, recover
from components.estimator.evaluations import Evaluations, check_metrics
from components.estimator.inputs import input_fn
from components.estimator.judging import JudgingHook
from components.estimator.mirroring import replicas
from components.estimator.models import create_estimator
from components.estimator.planning import planned
from components.estimator.run_config import run_config, set_seeds, timeout_secs
from components.estimator.stopping import EarlyStoppingHook, reason_to_stop
from components.estimator.summaries import SummaryHook
from components.estimator.task import Task
from components.estimator.warm_start import WarmStart, warm_start
from components.estimator.watching import ProgressHook
from components.progress import report
from components.trainer.curve import Curve, read_curve
from components.trainer.record import TrainingRecord, read_record
from components.user_code import place
from components.user_code.boundary import user_code
from pipeline.config.model import Training
from pipeline.errors import UserCodeError


class NanLossError(UserCodeError):
    """The loss became NaN: a fault of the code, or of the values that it was given."""


def train_and_evaluate(task: Task, part: Part | None = None, folder: str | None = None) -> tuple[Any, dict[str, float]]:
    """Train until ``train_steps`` and evaluate, as https://www.tensorflow.org/api_docs/python/tf/estimator describes.

    What the training did is written to ``training.json`` in ``model_dir`` (:class:`TrainingRecord`);
    :func:`exported_checkpoint` says what is to be exported.

    Args:
        task: What is trained.
        part: The part of this process, if it is one of a cluster; see :mod:`components.estimator.distributed`.
        folder: The ``model_dir`` of its ``RunConfig``, if that is not the training's.

    Returns:
        The Estimator, and its last evaluation's metrics by name; none in a process of a cluster.

    Raises:
        SettingsError: If a setting names a metric, a variable or a vocabulary that is not there.
        UserCodeError: If the problem's model fails, or its loss is not a number.
    """
    settings = task.settings
    leads = part is None or part.leads
    record = planned(task, leads)
    # tf_random_seed alone leaves the initializers of Keras and tf.layers to generators of their own. Seeds Python's,
    # numpy's and theirs, which last once anybody has seeded them: so for each way to bring a model.
    set_seeds(settings)
    began_at = recover(task.model_dir) if leads else _step(latest(task.model_dir)) or 0
    in_cluster = record.workers > 0
    if began_at >= record.train_steps and not in_cluster:
        report(note=f"continues from step {began_at:,}, the last one")
    config = run_config(task, record, began_at, part, folder)

    def training_hooks(spec: Any) -> list[Any]:
        made = {"config": estimator.config, "began_at": began_at, "evaluations": evaluations}
        return _hooks(task, record, spec, part=part, **made)

    features = {name: one for name, one in task.feature_spec.items() if name != task.label}
    params = {"train_steps": record.train_steps, **settings.params}
    estimator = create_estimator(task.problem, config, params, features, training_hooks, forward=task.forward)
    if task.start is not None:
        estimator._warm_start_settings = None  # a converted Keras model would begin with its own first weights
    evaluations = Evaluations(str(task.model_dir / "eval"))
    best = None
    if settings.export == "best":
        best = BestCheckpoint(task.model_dir, settings.best_metric, settings.best_direction == "lower_is_better")
    exporters = [evaluations, *([best] if best else []), *_latest(task)]
    eval_input, train_spec, eval_spec = _specs(task, record, began_at, exporters, 0 if part is not None else None)
    with user_code(task.problem, "training the model", "model"):
        try:
            if leads:
                check_metrics(
                    estimator, eval_input, [*_named_metrics(settings), *(task.judge.named if task.judge else ())]
                )
            if part is not None:
                set_seeds(settings)
                done = began_at >= record.train_steps or _is_over(task, evaluations)
                made = estimator, train_spec, eval_spec
                times = timeout_secs(settings), settings.evaluation_throttle_secs
                clustered.do_part(part, task.model_dir, made, *times, done=done)
                return estimator, {}
            metrics = _catch_up(estimator, eval_input, settings, evaluations, best, in_cluster=in_cluster)
            # The Estimator would look for itself, but not find the step in the checkpoint of a converted Keras model,
            # and train one more.
            if began_at < record.train_steps and not _is_over(task, evaluations, in_cluster=in_cluster):
                set_seeds(settings)  # graphs may have been built meanwhile
                last, _ = tf.estimator.train_and_evaluate(estimator, train_spec, eval_spec)
                metrics = last or metrics
            if metrics is None:  # the last checkpoint was there already: a killed attempt had come this far
                metrics = estimator.evaluate(eval_input, steps=settings.eval_steps)
        except tf.estimator.NanLossDuringTrainingError:
            if leads:
                (read_record(task.model_dir) or record).but(failed="the loss became NaN").write(task.model_dir)
            raise NanLossError(
                f"The loss of {task.problem} became NaN while training",
                where=str(place.original(place.folder(task.problem) / "model.py")),
                hint="lower the learning rate, clip gradients, or look for a logarithm or a division at zero",
            ) from None
    _ended(task, estimator, evaluations, best)
    return estimator, {name: float(value) for name, value in (metrics or {}).items()}


def _specs(
    task: Task, record: TrainingRecord, began_at: int, exporters: Sequence[Any], throttle_secs: int | None
) -> tuple[Any, Any, Any]:
    """Return the ``input_fn`` of the evaluations, the ``TrainSpec`` and the ``EvalSpec``."""
    settings = task.settings
    common: dict[str, Any] = {"feature_spec": task.feature_spec, "label": task.label}
    train_input = input_fn(
        task.train_files,
        **common,
        batch_size=settings.batch_size,
        training=True,
        shuffle_buffer=settings.shuffle_buffer,
        seed=settings.seed,
        start=began_at,
    )
    eval_input = input_fn(task.eval_files, **common, batch_size=settings.eval_batch_size, training=False)
    train_spec = tf.estimator.TrainSpec(train_input, max_steps=record.train_steps)
    eval_spec = tf.estimator.EvalSpec(
        eval_input,
        steps=settings.eval_steps,
        exporters=exporters,
        start_delay_secs=settings.start_delay_secs,
        throttle_secs=settings.evaluation_throttle_secs if throttle_secs is None else throttle_secs,
    )
    return eval_input, train_spec, eval_spec


def exported_checkpoint(task: Task) -> str | None:
    """Return the checkpoint that becomes the model, without the suffixes of its files; None for the latest one."""
    if task.settings.export != "best":
        return None
    best = BestCheckpoint(task.model_dir, task.settings.best_metric, lower_is_better=True).best()
    return best.checkpoint if best else None


def _hooks(
    task: Task,
    record: TrainingRecord,
    spec: Any,
    *,
    config: Any,
    began_at: int,
    evaluations: Evaluations,
    part: Part | None,
) -> list[Any]:
    """What watches, saves, stops and judges a training while it goes on."""
    settings = task.settings
    hooks: list[Any] = []
    if part is None or part.leads:
        if task.start is not None and not began_at:
            _start_from(task.start, record, task.model_dir)
        curve = (read_curve(task.model_dir) or Curve()).until(began_at)
        hooks = [
            ProgressHook(spec.loss, record.train_steps, settings.batch_size * replicas(config)),
            SummaryHook(spec.loss, task.model_dir, settings, evaluations.by_step, curve),
            *checkpoint_hooks(spec, config, began_at),
        ]
    if settings.early_stopping is not None:  # last, so that it follows the hook that saves, and so evaluates
        hooks.append(EarlyStoppingHook(settings.early_stopping, evaluations, elsewhere=part is not None))
    if task.judge is not None:
        hooks.append(JudgingHook(task.judge, evaluations))
    return [clustered.TellHook(part.role), *hooks] if part is not None else hooks


def _start_from(start: WarmStart, record: TrainingRecord, model_dir: Path) -> None:
    said = warm_start(start)
    lines = (f"warm start from {start.model}: {said[0]}", *said[1:])
    report(note="; ".join(lines))
    record.but(warm_start=lines).write(model_dir)


def _latest(task: Task) -> list[Any]:
    if task.settings.export != "latest" or task.make_receiver_fn is None:
        return []
    return [
        tf.estimator.LatestExporter(
            "latest", task.make_receiver_fn(), exports_to_keep=task.settings.keep_checkpoint_max
        )
    ]


def _named_metrics(settings: Training) -> list[tuple[str, str]]:
    named = []
    if settings.early_stopping is not None:
        named.append(("training.early_stopping.metric", settings.early_stopping.metric))
    if settings.export == "best":
        named.append(("training.best_metric", settings.best_metric))
    return named


def _catch_up(
    estimator: Any,
    eval_input: Any,
    settings: Training,
    evaluations: Evaluations,
    best: BestCheckpoint | None,
    *,
    in_cluster: bool,
) -> Any:
    """Evaluate the checkpoint that training goes on from, if an attempt was killed between saving and evaluating it.

    ``train_and_evaluate`` evaluates the checkpoints that it saves itself, and not the one that it begins with.
    """
    checkpoint = estimator.latest_checkpoint()
    step = _step(checkpoint)
    if in_cluster and step:
        # While the chief saves, others train: the step in a checkpoint may be later than the one in its name.
        last = max(evaluations.by_step, default=0)
        if last >= step and (best is None or (best.seen() or 0) >= step):
            return {**evaluations.by_step[last], "global_step": last}
    elif not _named_metrics(settings):
        return None
    if not step or (step in evaluations.by_step and (best is None or best.seen() == step)):
        return None
    metrics = estimator.evaluate(eval_input, steps=settings.eval_steps, checkpoint_path=checkpoint)
    evaluations.add(metrics)
    if best is not None:
        best.consider(checkpoint, metrics)
    return metrics


def _is_over(task: Task, evaluations: Evaluations, *, in_cluster: bool = False) -> bool:
    """Whether an earlier attempt, or the cluster, had stopped early already."""
    if in_cluster and clustered.has_ended(task.model_dir):  # by a hook of the model's own, say
        return True
    stopping = task.settings.early_stopping
    return stopping is not None and reason_to_stop(stopping, evaluations.by_step) is not None


def _ended(task: Task, estimator: Any, evaluations: Evaluations, best: BestCheckpoint | None) -> None:
    record = read_record(task.model_dir)
    if record is None:
        return
    step = _step(estimator.latest_checkpoint()) or 0
    stopped = None
    if task.settings.early_stopping is not None and step < record.train_steps:
        stopped = reason_to_stop(task.settings.early_stopping, evaluations.by_step)
    record = record.but(steps=step, exported_step=step, stopped=stopped)
    kept = best.best() if best else None
    if kept is not None:
        record = record.but(exported_step=kept.step, best_metric=task.settings.best_metric, best_value=kept.value)
    record.write(task.model_dir)
    curve = read_curve(task.model_dir)
    if curve is not None:  # the last evaluation comes after the last step; in a cluster another process made them all
        known = Evaluations(estimator.eval_dir()) if estimator.config.cluster_spec else evaluations
        curve.evaluations = known.by_step
        curve.write(task.model_dir)
    if stopped:
        report(note=record.sentences()[0])


def _step(checkpoint: str | None) -> int | None:
    # The name has it; among the checkpoint's variables it has another key for a Keras model.
    return None if checkpoint is None else int(checkpoint.rpartition("-")[2])
