"""The InfraValidator as a node of the chain."""

from typing import Any

from tfx.dsl.components.base import base_component, executor_spec
from tfx.proto import infra_validator_pb2
from tfx.types import Channel, component_spec, standard_artifacts, standard_component_specs

from components.infra_validator.executor import Executor
from pipeline.config.model import InfraValidation


class InfraValidatorSpec(standard_component_specs.InfraValidatorSpec):
    """Stock TFX's, and the label, which is taken out of the examples that the model is asked."""

    PARAMETERS = {
        **standard_component_specs.InfraValidatorSpec.PARAMETERS,
        "label": component_spec.ExecutionParameter(type=str),
    }


class InfraValidator(base_component.BaseComponent):
    """Stock TFX's inputs and outputs, without Docker."""

    SPEC_CLASS = InfraValidatorSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)


def create_infra_validator(
    model: Any, examples: Any, *, settings: InfraValidation, label: str, split: str = "eval"
) -> Any:
    """Return the node that tries an export out.

    Args:
        model: Channel of the Model.
        examples: Channel of Examples: raw rows, ``tf.Example``.
        settings: How many examples, and how long it may take.
        label: The label's feature.
        split: The split to take examples from.

    Returns:
        The component, with the output ``blessing`` (``verdict.json`` and ``INFRA_BLESSED`` or ``INFRA_NOT_BLESSED``).
    """
    spec = InfraValidatorSpec(
        model=model,
        examples=examples,
        blessing=Channel(type=standard_artifacts.InfraBlessing),
        # Required by the stock spec; names no binary and no platform, since there is none.
        serving_spec=infra_validator_pb2.ServingSpec(model_name="model"),
        validation_spec=infra_validator_pb2.ValidationSpec(max_loading_time_seconds=settings.timeout_secs, num_tries=1),
        request_spec=infra_validator_pb2.RequestSpec(split_name=split, num_examples=settings.examples),
        label=label,
    )
    return InfraValidator(spec=spec).with_id("InfraValidator")
