"""The Tuner as a node of the chain. Stock TFX's takes only what KerasTuner can tune, so this one is ours."""

import json
from importlib import metadata
from typing import Any

from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import Channel, component_spec, standard_artifacts

from components.tuner.executor import Executor
from pipeline.config.model import Training
from pipeline.config.tuning import Tuning


class TunerSpec(component_spec.ComponentSpec):
    """The inputs and outputs of TFX's own Tuner, under its names."""

    PARAMETERS = {"custom_config": component_spec.ExecutionParameter(type=str)}
    INPUTS = {
        "examples": component_spec.ChannelParameter(type=standard_artifacts.Examples),
        "transform_graph": component_spec.ChannelParameter(type=standard_artifacts.TransformGraph),
        "schema": component_spec.ChannelParameter(type=standard_artifacts.Schema, optional=True),
    }
    OUTPUTS = {
        "best_hyperparameters": component_spec.ChannelParameter(type=standard_artifacts.HyperParameters),
        "tuner_results": component_spec.ChannelParameter(type=standard_artifacts.TunerResults),
    }


class Tuner(base_component.BaseComponent):
    """Takes transformed examples, gives out the best values and a record of all trials."""

    SPEC_CLASS = TunerSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)


def create_tuner(
    examples: Any,
    transform_graph: Any,
    schema: Any,
    *,
    problem: str,
    label: str,
    training: Training,
    tuning: Tuning,
    code: str,
    runtime: str = "",
) -> Tuner:
    """Create the node.

    Args:
        examples: Channel of transformed examples with the splits train and eval.
        transform_graph: Channel of the transform.
        schema: Channel of the schema.
        problem: Name of the problem whose ``model.py`` is trained.
        label: The label's column.
        training: The training settings, which hold the default values.
        tuning: The search.
        code: Fingerprint of the problem's code that ``model.py`` reaches.
        runtime: Fingerprint of what trains it, our own code and the libraries: another one is another search.
    """
    config = {
        "problem": problem,
        "label": label,
        "training": training.model_dump_json(exclude_unset=True),
        "tuning": tuning.model_dump_json(),
        "code": code,
        "runtime": f"{runtime} optuna {metadata.version('optuna')}",
    }
    spec = TunerSpec(
        examples=examples,
        transform_graph=transform_graph,
        schema=schema,
        custom_config=json.dumps(config),
        best_hyperparameters=Channel(type=standard_artifacts.HyperParameters),
        tuner_results=Channel(type=standard_artifacts.TunerResults),
    )
    return Tuner(spec=spec).with_id("Tuner")
