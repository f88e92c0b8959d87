"""A node that publishes the curated schema of a problem.

Stock ImportSchemaGen takes a path, and TFX's cache key holds that path but not what the file says. Here the
text of the schema itself is the node's property: the cache key is right, and the node runs on any machine.
"""

from pathlib import Path
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.types import artifact_utils, component_spec, standard_artifacts

FILE_NAME = "schema.pbtxt"  # where TFX's own readers look for it


class CuratedSchemaSpec(component_spec.ComponentSpec):
    """One property, the schema's text; one output, a standard Schema."""

    PARAMETERS = {"schema_text": component_spec.ExecutionParameter(type=str)}
    INPUTS: dict[str, Any] = {}
    OUTPUTS = {"schema": component_spec.ChannelParameter(type=standard_artifacts.Schema)}


class Executor(base_executor.BaseExecutor):
    """Writes the schema's text into its artifact."""

    def Do(self, input_dict: Any, output_dict: Any, exec_properties: dict[str, Any]) -> None:  # noqa: D102, N802
        folder = Path(artifact_utils.get_single_uri(output_dict["schema"]))
        (folder / FILE_NAME).write_text(exec_properties["schema_text"], encoding="utf-8")


class CuratedSchema(base_component.BaseComponent):
    """See the module; its id is ImportSchemaGen, as that of the stock node whose place it takes."""

    SPEC_CLASS = CuratedSchemaSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)


def create_curated_schema(text: str) -> CuratedSchema:
    """Create the node from the text of a ``schema.pbtxt``."""
    output = types.Channel(type=standard_artifacts.Schema)
    return CuratedSchema(CuratedSchemaSpec(schema_text=text, schema=output)).with_id("ImportSchemaGen")
