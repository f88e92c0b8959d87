"""The Evaluator as a node of the chain."""

from typing import Any

from tfx.components import Evaluator as StockEvaluator
from tfx.dsl.components.base import executor_spec

from components.evaluator.configuration import eval_config
from components.evaluator.executor import Executor
from pipeline.config.model import Evaluation


class Evaluator(StockEvaluator):
    """Stock TFX's Evaluator, inputs, outputs and properties, with our executor."""

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)


def create_evaluator(
    examples: Any,
    model: Any,
    baseline_model: Any,
    schema: Any,
    *,
    label: str,
    settings: Evaluation,
    split: str = "eval",
    every_slice: bool = False,
) -> Any:
    """Return the node that judges a model.

    Args:
        examples: Channel of Examples: raw rows with the label, ``tf.Example``.
        model: Channel of the Model to judge.
        baseline_model: Channel of the latest blessed Model; may turn out empty.
        schema: Channel of the Schema of the examples; None to read them without.
        label: The label's feature.
        settings: What is measured and bounded.
        split: The split to evaluate on.
        every_slice: Whether each slice must keep the bounds too, instead of all rows together only.

    Returns:
        The component, with outputs ``evaluation`` (TFMA's files and ``verdict.json``) and ``blessing``.

    Raises:
        SettingsError: if a metric's name is unknown.
    """
    return Evaluator(
        examples=examples,
        model=model,
        baseline_model=baseline_model,
        schema=schema,
        example_splits=[split],
        eval_config=eval_config(settings, label=label, every_slice=every_slice),
    ).with_id("Evaluator")
