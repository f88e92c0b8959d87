"""How our settings and refusals travel in the properties that TFX's ExampleGen has."""

import json
from typing import Any

from google.protobuf import wrappers_pb2
from tfx.proto import example_gen_pb2
from tfx.utils import proto_utils

from components.example_gen.options import IngestOptions
from pipeline.errors import PipelineError, from_json

_REFUSED = "refused:"


def pack_options(options: IngestOptions) -> Any:
    """Return the options as TFX's ``CustomConfig``: their canonical JSON in a ``StringValue``."""
    config = example_gen_pb2.CustomConfig()
    config.custom_config.Pack(wrappers_pb2.StringValue(value=options.to_json()))
    return config


def unpack_options(exec_properties: dict[str, Any]) -> IngestOptions:
    """Return the options from a node's execution properties."""
    config = example_gen_pb2.CustomConfig()
    proto_utils.json_to_proto(exec_properties["custom_config"], config)
    text = wrappers_pb2.StringValue()
    config.custom_config.Unpack(text)
    return IngestOptions.from_json(text.value)


def refusal(error: PipelineError) -> str:
    """Return the fingerprint of data that was refused before it could be read."""
    return _REFUSED + json.dumps(error.as_json(), sort_keys=True)


def find_refusal(fingerprint: str) -> PipelineError | None:
    """Return the error that :func:`refusal` wrote, if it did."""
    return from_json(json.loads(fingerprint.removeprefix(_REFUSED))) if fingerprint.startswith(_REFUSED) else None
