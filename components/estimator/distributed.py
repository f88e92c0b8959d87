"""Trains alone, as a process of a cluster that somebody else has formed, or in a cluster of our own."""

import os
import shutil
import tempfile
from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

from components.cluster.member import forked, fresh
from components.cluster.messages import pulse
from components.cluster.roles import alone, part_of
from components.cluster.supervisor import FOLDER, supervise
from components.estimator import clustered
from components.estimator.task import Task
from components.estimator.training import train_and_evaluate
from components.infra_validator.separate import may_fork
from components.progress import report
from pipeline.config.model import Cluster


def train_anywhere(task: Task) -> tuple[Any, dict[str, float]] | None:
    """Train: where ``TF_CONFIG`` has a cluster, as this process of it; where the settings have one, in that.

    The processes of a cluster of our own are started here, and supervised. When they are done this process finds the
    training done, as one that continues does.

    Returns:
        The Estimator, of one process in any case, and its last evaluation's metrics by name. None where this process is
        one of a cluster and not its chief: there is nothing more for it to do. A parameter server never returns.

    Raises:
        SettingsError: As :func:`components.estimator.training.train_and_evaluate`; or if ``TF_CONFIG`` is wrong.
        UserCodeError: As that.
        InfrastructureError: If a cluster does not form, or loses a process again and again.
    """
    part = part_of(os.environ)
    if part is not None:
        take_part(task)
        if not part.leads:
            return None
        report(note="waiting for the last evaluation")
        clustered.wait_for_evaluation(task.model_dir, part)
    with alone():
        if part is None and task.settings.cluster is not None:
            train_in_cluster(task, task.settings.cluster)
        return train_and_evaluate(task)


def take_part(task: Task) -> None:
    """Take the part in the training that ``TF_CONFIG`` gives this process."""
    part = part_of(os.environ)
    if part is None:
        raise RuntimeError("this process is no part of a cluster")
    pulse(kind=part.role.kind, index=part.role.index)
    clustered.look_often()
    if part.role.kind == "ps":
        clustered.serve_variables(part)
    if part.role.kind == "evaluator":
        clustered.wait_for_checkpoint(part.role, task.model_dir)
    if part.role.kind != "worker":
        train_and_evaluate(task, part)
        return
    # What a worker may write, the first weights of a converted Keras model say, the chief writes too.
    folder = tempfile.mkdtemp(prefix="worker-")
    try:
        train_and_evaluate(task, part, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def train_in_cluster(task: Task, settings: Cluster) -> None:
    """Train in a cluster of our own, unless an earlier attempt had trained to the end."""
    if clustered.has_ended(task.model_dir):
        return
    folder = task.model_dir / FOLDER
    can_fork = may_fork() or not task.command
    supervise(settings, task.model_dir, forked(lambda: take_part(task), folder) if can_fork else fresh(task.command))
