"""What the process of a trial does: a training as the Trainer's, on the rows that it is given."""

import json
import os
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

import tensorflow as tf
import tensorflow_transform as tft

from components.estimator.evaluations import Evaluations
from components.estimator.judging import Judge
from components.estimator.task import Task
from components.estimator.training import NanLossError, train_and_evaluate
from components.trainer.record import read_record
from components.tuner.child import REQUEST, Line, be_child
from components.user_code import place
from pipeline.config.model import Training
from pipeline.errors import OUT_OF_MEMORY, OutOfMemoryError, PipelineError, find


def carry_out(request: Mapping[str, Any], model_dir: Path, line: Line) -> None:
    """Train as requested, and say how it went.

    Args:
        request: ``problem``, ``copy`` and ``origin`` of its folder, ``label``, ``train_files``, ``eval_files``,
            ``transform_graph``, ``settings`` (of the training), and ``metric``, or None where nobody judges meanwhile.
        model_dir: Where checkpoints and summaries go.
        line: Where it is said. ``done`` has the metrics of the checkpoint that an export would be made of.
    """
    try:
        line.say(done=_train(request, model_dir, line))
    except Exception as error:  # noqa: BLE001  every failure is an answer
        traceback.print_exc()
        line.say(error=_explain(error, request).as_json(), diverged=isinstance(error, NanLossError))


def _train(request: Mapping[str, Any], model_dir: Path, line: Line) -> dict[str, Any]:
    settings = Training.model_validate(request["settings"])
    if settings.deterministic:
        tf.config.experimental.enable_op_determinism()

    def tell(step: int, metrics: Mapping[str, float]) -> None:
        line.say(evaluation={"step": step, "metrics": dict(metrics)})
        if not line.go_on():
            os._exit(0)  # pruned: nobody needs what ending in order would save

    metric = request["metric"]
    transform = tft.TFTransformOutput(request["transform_graph"])
    task = Task(
        problem=request["problem"],
        label=request["label"],
        train_files=request["train_files"],
        eval_files=request["eval_files"],
        feature_spec=transform.transformed_feature_spec(),
        settings=settings,
        model_dir=model_dir,
        judge=Judge(tell, metric) if metric else None,
    )
    estimator, metrics = train_and_evaluate(task)
    record = read_record(model_dir)
    step = record.exported_step if record else 0
    by_step = Evaluations(estimator.eval_dir()).by_step
    return {"step": step, "metrics": by_step.get(step, metrics)}


def _explain(error: Exception, request: Mapping[str, Any]) -> PipelineError:
    known = find(error)
    if known is not None:
        return known
    text = f"{type(error).__name__}: {error}".strip()
    if isinstance(error, MemoryError) or any(sign in text for sign in OUT_OF_MEMORY):
        return OutOfMemoryError(
            "A trial had no memory left", got=text[:300], hint="tuning.parallel = 1 needs the least"
        )
    return PipelineError(f"A trial of {request['problem']} failed", got=text[:300])


if __name__ == "__main__":
    folder, asking, writing, parent = sys.argv[1:]
    asked = json.loads((Path(folder) / REQUEST).read_text(encoding="utf-8"))
    # A fork knows where the run's copy of the code is; this interpreter has to be told.
    place.use_copy(Path(asked["copy"]).parent, asked["problem"], Path(asked["origin"]))
    be_child(Path(folder), (int(asking), int(writing)), int(parent))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
