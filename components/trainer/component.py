"""The node Trainer."""

from collections.abc import Sequence
from typing import Any

from tfx.components.trainer.component import Trainer
from tfx.proto import trainer_pb2

from pipeline.config.model import Training


def create_trainer(
    examples: Any,
    transform_graph: Any,
    schema: Any,
    base_model: Any = None,
    hyperparameters: Any = None,
    *,
    problem: str,
    label: str,
    settings: Training,
    code: str,
    runtime: str = "",
    forward: Sequence[str] = (),
) -> Trainer:
    """Create the node.

    Args:
        examples: Channel of transformed examples with the splits train and eval.
        transform_graph: Channel of the transform.
        schema: Channel of the schema.
        base_model: Channel of the model to start from, which may have none; None to start from scratch.
        hyperparameters: Channel of the values that a search found, which may have none; None to take the settings'.
        problem: Name of the problem whose ``model.py`` is trained.
        label: The label's column.
        settings: The training settings.
        code: Fingerprint of the problem's code that ``model.py`` reaches.
        runtime: Fingerprint of what trains it, our own code and the libraries: another one begins anew.
        forward: The columns that come back beside each prediction of the export.
    """
    return Trainer(
        run_fn="components.trainer.run.run_fn",
        examples=examples,
        transform_graph=transform_graph,
        schema=schema,
        base_model=base_model,
        hyperparameters=hyperparameters,
        train_args=trainer_pb2.TrainArgs(splits=["train"], num_steps=settings.train_steps or 0),
        eval_args=trainer_pb2.EvalArgs(splits=["eval"], num_steps=settings.eval_steps or 0),
        custom_config={
            "problem": problem,
            "label": label,
            "training": settings.model_dump_json(),
            "code": code,
            "runtime": runtime,
            "forward_features": list(forward),
            **({} if hyperparameters is None else {"tuned": True}),
        },
    ).with_id("Trainer")
