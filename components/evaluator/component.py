"""The Evaluator as a node of the chain."""

from typing import Any

from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.types import Channel, component_spec, standard_artifacts, standard_component_specs
from tfx.utils import json_utils

from components.evaluator.configuration import eval_config
from components.evaluator.executor import Executor
from pipeline.config.model import Evaluation


class EvaluatorSpec(standard_component_specs.EvaluatorSpec):
    """Stock TFX's, and the transform, by which the label is computed where it is no raw column."""

    INPUTS = {
        **standard_component_specs.EvaluatorSpec.INPUTS,
        "transform_graph": component_spec.ChannelParameter(type=standard_artifacts.TransformGraph, optional=True),
    }


class Evaluator(base_beam_component.BaseBeamComponent):
    """Stock TFX's inputs, outputs and properties, with our executor."""

    SPEC_CLASS = EvaluatorSpec
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
    transform_graph: Any = None,
) -> Any:
    """Return the node that judges a model.

    Args:
        examples: Channel of Examples: raw rows with the label, ``tf.Example``.
        model: Channel of the Model to judge.
        baseline_model: Channel of the latest blessed Model; may turn out empty.
        schema: Channel of the Schema of the examples; None to read them without.
        label: The label's name, among the transformed features where there is a transform.
        settings: What is measured and bounded.
        split: The split to evaluate on.
        every_slice: Whether each slice must keep the bounds too, instead of all rows together only.
        transform_graph: Channel of the TransformGraph; None to take the label from the raw rows as it is.

    Returns:
        The component, with outputs ``evaluation`` (TFMA's files and ``verdict.json``) and ``blessing``.

    Raises:
        SettingsError: if a metric's name is unknown.
    """
    spec = EvaluatorSpec(
        examples=examples,
        model=model,
        baseline_model=baseline_model,
        schema=schema,
        transform_graph=transform_graph,
        example_splits=json_utils.dumps([split]),
        eval_config=eval_config(settings, label=label, every_slice=every_slice),
        fairness_indicator_thresholds=json_utils.dumps(None),
        evaluation=Channel(type=standard_artifacts.ModelEvaluation),
        blessing=Channel(type=standard_artifacts.ModelBlessing),
    )
    return Evaluator(spec=spec).with_id("Evaluator")
