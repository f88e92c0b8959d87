"""What is trained on what."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from components.estimator.judging import Judge
from components.estimator.warm_start import WarmStart
from pipeline.config.model import Training


@dataclass(frozen=True)
class Task:
    """What is trained on what.

    Attributes:
        problem: Name of the problem.
        label: Name of the label among the transformed features.
        train_files: TFRecord files of transformed examples, gzip where their names end in ``.gz``.
        eval_files: The same of the eval split.
        feature_spec: How to parse them.
        settings: The training settings.
        model_dir: Where checkpoints and summaries go; what is there already is continued.
        forward: The columns that an export's answers will hold beside the predictions.
        start: The model to start from; None to start from scratch.
        make_receiver_fn: Makes the ``serving_input_receiver_fn`` of exports made meanwhile, for ``export = "latest"``.
            Not made yet, since that sets TensorFlow to work, and the process that starts a cluster has to fork.
        command: Starts a fresh process that takes part in training this very task, for a cluster of our own where this
            process cannot fork.
        tuned: The values in ``settings`` that a search found, by name, or None if it was to find some and did not; told
            in the record.
        judge: Who is told each evaluation, for a training that is a trial of a search.
    """

    problem: str
    label: str
    train_files: Sequence[str]
    eval_files: Sequence[str]
    feature_spec: dict[str, Any]
    settings: Training
    model_dir: Path
    forward: Sequence[str] = ()
    start: WarmStart | None = None
    make_receiver_fn: Callable[[], Callable[[], Any]] | None = None
    command: Sequence[str] = ()
    tuned: Mapping[str, Any] | None = field(default_factory=dict)
    judge: Judge | None = None
