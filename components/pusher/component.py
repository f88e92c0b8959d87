"""The Pusher as a node of the chain, which is never taken from the cache.

TFX caches whole pipelines or nothing. But the serving directory is not an artifact: where somebody removed it, or
pushed something else in between, a Pusher from the cache would say "pushed" and be wrong. So the run's id, filled in by
TFX when a run starts, is one of this node's properties, and no two runs have the same cache key. Running again costs
little: the protocol finds that the highest version is the same model, and pushes nothing.
"""

import json
from collections.abc import Mapping
from typing import Any

from tfx.dsl.compiler.constants import PIPELINE_RUN_ID_PARAMETER_NAME
from tfx.dsl.components.base import base_component, executor_spec
from tfx.orchestration.data_types import RuntimeParameter
from tfx.proto import pusher_pb2
from tfx.types import Channel, component_spec, standard_artifacts, standard_component_specs

from components.pusher.executor import Executor


class PusherSpec(standard_component_specs.PusherSpec):
    """Stock TFX's, and the run's id."""

    PARAMETERS = {
        **standard_component_specs.PusherSpec.PARAMETERS,
        "run": component_spec.ExecutionParameter(type=str),
    }


class Pusher(base_component.BaseComponent):
    """Stock TFX's inputs and outputs, with our executor."""

    SPEC_CLASS = PusherSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)


def create_pusher(
    model: Any, model_blessing: Any, infra_blessing: Any, *, serving_dir: str, record: Mapping[str, Any] | None = None
) -> Any:
    """Return the node that pushes a blessed model.

    Args:
        model: Channel of the Model.
        model_blessing: Channel of the Evaluator's ModelBlessing.
        infra_blessing: Channel of the InfraValidator's InfraBlessing.
        serving_dir: The directory that TensorFlow Serving watches for versions of this model.
        record: What else ML Metadata is to hold of the run, as JSON values: this node, which runs in every run, carries
            it as ``custom_config``, and does nothing with it.

    Returns:
        The component, with the output ``pushed_model``.
    """
    spec = PusherSpec(
        model=model,
        model_blessing=model_blessing,
        infra_blessing=infra_blessing,
        push_destination=pusher_pb2.PushDestination(
            filesystem=pusher_pb2.PushDestination.Filesystem(base_directory=serving_dir)
        ),
        custom_config=json.dumps(record, sort_keys=True),
        run=RuntimeParameter(name=PIPELINE_RUN_ID_PARAMETER_NAME, ptype=str, default=""),
        pushed_model=Channel(type=standard_artifacts.PushedModel),
    )
    return Pusher(spec=spec).with_id("Pusher")
