"""The ``run_fn`` that the Trainer node calls: trains the problem's Estimator and exports it.

Checkpoints go to a folder keyed by what is trained, not into the node's output: TFX deletes the outputs of an attempt
that fails, and a killed training is to go on where it stopped. When the training is done they are linked into the
node's ``model_run`` artifact; the next training of the pipeline then sweeps what is no longer needed.
"""

import functools
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

import tensorflow as tf
import tensorflow_transform as tft

from components.estimator.describing import write_description
from components.estimator.distributed import train_anywhere
from components.estimator.exporting import export, serving_input_receiver_fn
from components.estimator.forwarding import check_columns, columns_by_use
from components.estimator.task import Task
from components.estimator.training import exported_checkpoint
from components.estimator.warm_start import WarmStart, vocabularies
from components.progress import report
from components.trainer.curve import PICTURE, read_curve
from components.trainer.meeting import announce
from components.trainer.member import command
from components.trainer.picture import picture
from components.trainer.record import read_record
from components.trainer.tuned import values_of, with_values
from components.trainer.values import shown
from components.whole import write_whole
from pipeline.config.model import Training

METRICS_FILE = "eval_metrics.json"
ATTEMPT = "attempt.json"  # beside the checkpoints of a training: the artifact that it is to become
_CHECKPOINTS, _DONE = ".checkpoints", "done.json"


def run_fn(fn_args: Any) -> None:
    """Train and export, as https://www.tensorflow.org/tfx/guide/trainer describes.

    In a cluster that ``TF_CONFIG`` describes this is one of its processes, and only the chief exports.

    Args:
        fn_args: TFX's ``FnArgs``; its ``custom_config`` is what :func:`components.trainer.component.create_trainer` put
            there.

    Raises:
        UserCodeError: If the problem's code fails.
    """
    task, receiver_fn, describe = task_of(fn_args)
    _write(task.model_dir / ATTEMPT, {"model_run": str(fn_args.model_run_dir)})
    announce(fn_args, task.problem, task.model_dir)
    done = train_anywhere(task)
    if done is None:
        return
    estimator, metrics = done
    report(note="exporting")
    target, checkpoint = Path(fn_args.serving_model_dir), exported_checkpoint(task)
    export(estimator, task.problem, receiver_fn(), target, describe, checkpoint=checkpoint)
    model_run = Path(fn_args.model_run_dir)
    _write(task.model_dir / METRICS_FILE, metrics)
    _draw(task.model_dir, task.problem)
    shutil.copytree(task.model_dir, model_run, copy_function=os.link, dirs_exist_ok=True)
    if (model_run / PICTURE).exists():
        os.link(model_run / PICTURE, target.parent / PICTURE)  # beside the model: a push hashes what is in it
    _write(task.model_dir / _DONE, {"model_run": str(model_run)})


def task_of(fn_args: Any) -> tuple[Task, Callable[[], Any], Callable[..., Any]]:
    """Return what is trained, what makes the receiver of its export, and what describes it.

    It settles for this process whether it is deterministic, and leaves TensorFlow otherwise idle, so that the process
    can still fork.
    """
    config = fn_args.custom_config
    tuned = values_of(fn_args.hyperparameters)
    settings = with_values(Training.model_validate_json(config["training"]), tuned)
    if tuned:
        report(note=f"tuned values: {shown(tuned)}")
    if settings.deterministic:  # here, and not where it trains: it holds for the whole process, which is the node's own
        tf.config.experimental.enable_op_determinism()
    transform = tft.TFTransformOutput(fn_args.transform_output)
    forward, schema = config["forward_features"], transform.raw_metadata.schema
    check_columns(forward, *columns_by_use(schema))  # an inferred schema is not known before
    model_run = Path(fn_args.model_run_dir)
    checkpoints = checkpoint_folder(model_run, fn_args, config)
    receiver_fn = functools.partial(serving_input_receiver_fn, transform, config["label"], forward)
    task = Task(
        problem=config["problem"],
        label=config["label"],
        train_files=_files(fn_args.train_files),
        eval_files=_files(fn_args.eval_files),
        feature_spec=transform.transformed_feature_spec(),
        settings=settings,
        model_dir=checkpoints,
        forward=forward,
        start=_start(fn_args, settings),
        make_receiver_fn=receiver_fn,
        command=command(fn_args, config["problem"]) if settings.cluster is not None else (),
        tuned=tuned if tuned or not config.get("tuned") else None,
    )
    return (
        task,
        receiver_fn,
        functools.partial(write_description, problem=config["problem"], schema=schema, forward=forward),
    )


def _draw(folder: Path, problem: str) -> None:
    curve, record = read_curve(folder), read_record(folder)
    if curve is None or record is None:
        return
    write_whole(folder / PICTURE, picture(curve, f"training of {problem}", record.sentences()[0]))


def _write(file: Path, value: Any) -> None:
    write_whole(file, json.dumps(value, indent=2))


def _start(fn_args: Any, settings: Training) -> WarmStart | None:
    """Return the model to start from: what the Resolver before this node found, if the setting is on."""
    if not settings.warm_start or not fn_args.base_model:
        return None
    assets = Path(fn_args.transform_output) / tft.TFTransformOutput.TRANSFORM_FN_DIR / "assets"
    return WarmStart(
        Path(fn_args.base_model), vocabularies(assets), settings.vars_to_warm_start, dict(settings.var_name_to_vocab)
    )


def _files(patterns: list[str]) -> list[str]:
    return sorted(name for pattern in patterns for name in tf.io.gfile.glob(pattern))


def checkpoint_folder(model_run: Path, fn_args: Any, config: dict[str, Any]) -> Path:
    """Return the folder that checkpoints of this very training go to, and sweep those that are done with.

    It lies under the Trainer's own folder of the pipeline root (``Trainer/.checkpoints/<key>``). The key is made of the
    inputs' places, which TFX never uses twice, and of all settings and fingerprints of code and libraries; not of what
    concerns the export alone, so that another column to forward costs no training.

    A local run has the Trainer of a problem to itself: nobody trains in what is swept, nor in the folder that it gets.
    """
    trained = {name: value for name, value in config.items() if name != "forward_features"}
    inputs = [fn_args.train_files, fn_args.eval_files, fn_args.transform_output, fn_args.base_model]
    inputs += [fn_args.hyperparameters] if fn_args.hyperparameters else []
    key = hashlib.sha256(json.dumps([*inputs, trained], sort_keys=True).encode()).hexdigest()[:24]
    root = model_run.parents[1] / _CHECKPOINTS
    mine = root / key
    mine.mkdir(parents=True, exist_ok=True)
    for other in root.iterdir():
        if other != mine and (other / _DONE).exists():
            shutil.rmtree(other, ignore_errors=True)
    return mine


def forget_done(node: Path) -> None:
    """Remove the checkpoints of trainings that are done, so that one of these is not found done when it is to be anew.

    Args:
        node: The Trainer's own folder of the pipeline root.
    """
    for done in node.glob(f"{_CHECKPOINTS}/*/{_DONE}"):
        shutil.rmtree(done.parent, ignore_errors=True)
