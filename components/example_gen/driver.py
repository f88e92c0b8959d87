"""Before the node runs: which files, which span, and a fingerprint of what is in them.

TFX's own driver fingerprints sizes and times: it misses a change of the same size within a second, and runs all again
for a file that was merely touched. This one hashes content. What it puts into ``input_fingerprint`` and onto the output
artifact is part of TFX's cache key (``tfx/orchestration/portable/cache_utils.py``).

Data that cannot be listed is refused by the executor, not here: TFX's launcher leaves the execution of a driver that
raises in the state RUNNING for ever. The refusal therefore travels as the fingerprint.
"""

from pathlib import Path
from typing import Any

from tfx.components.example_gen import driver, utils
from tfx.orchestration import data_types
from tfx.proto import example_gen_pb2, range_config_pb2
from tfx.utils import proto_utils

from components.example_gen import properties
from components.example_gen.options import IngestOptions
from components.example_gen.sources import (
    Source,
    fingerprint,
    has_specs,
    hash_sources,
    list_sources,
    sources_to_json,
    unreadable,
)
from pipeline.errors import DataError, PipelineError

SOURCES_PROPERTY = "sources"


class Driver(driver.FileBasedDriver):
    """Resolve the span as TFX does, and fingerprint the files by their content."""

    def resolve_exec_properties(
        self,
        exec_properties: dict[str, Any],
        pipeline_info: data_types.PipelineInfo,
        component_info: data_types.ComponentInfo,
    ) -> dict[str, Any]:
        """Put span, version, the span's pattern and the fingerprint into the properties, as TFX's driver does."""
        del pipeline_info, component_info
        options = properties.unpack_options(exec_properties)
        self._sources: list[Source] = []
        exec_properties.update({utils.SPAN_PROPERTY_NAME: 0, utils.VERSION_PROPERTY_NAME: None})
        try:
            path = _resolve_span(exec_properties, options)
            self._sources = hash_sources(list_sources(path, file_format=options.file_format))
            exec_properties[utils.FINGERPRINT_PROPERTY_NAME] = fingerprint(self._sources, _schema_text(options))
        except PipelineError as error:
            exec_properties[utils.FINGERPRINT_PROPERTY_NAME] = properties.refusal(error)
        return exec_properties

    def run(self, execution_info: Any) -> Any:
        """Run TFX's driver and add the files to its output artifact."""
        result = super().run(execution_info)
        for artifact in result.output_artifacts["examples"].artifacts:
            artifact.custom_properties[SOURCES_PROPERTY].string_value = sources_to_json(self._sources)
        return result


def _resolve_span(exec_properties: dict[str, Any], options: IngestOptions) -> str:
    """Return the path with TFX's placeholders filled, and set span, version and pattern."""
    if not has_specs(options.path):
        return options.path
    config = example_gen_pb2.Input()
    proto_utils.json_to_proto(exec_properties["input_config"], config)
    wanted = None
    if exec_properties.get("range_config"):
        wanted = range_config_pb2.RangeConfig()
        proto_utils.json_to_proto(exec_properties["range_config"], wanted)
    base = exec_properties["input_base"]
    span = wanted.static_range.start_span_number if wanted else None
    list_sources(options.path, file_format=options.file_format, span=span)  # For its words, should nothing be there.
    try:
        # TFX's function fills the pattern in place, and checks that placeholders are used as it supports them.
        _, number, version = utils.calculate_splits_fingerprint_span_and_version(base, config.splits, wanted)
    except ValueError as error:
        raise DataError(
            "The span of the data path cannot be resolved.",
            got=str(error),
            expected="one {SPAN}, or {YYYY}, {MM} and {DD}, that matches numbers",
            where=options.path,
            hint="See https://www.tensorflow.org/tfx/guide/examplegen#span for the patterns.",
        ) from error
    exec_properties["input_config"] = proto_utils.proto_to_json(config)
    exec_properties[utils.SPAN_PROPERTY_NAME] = number
    exec_properties[utils.VERSION_PROPERTY_NAME] = version
    return str(Path(base) / config.splits[0].pattern)


def _schema_text(options: IngestOptions) -> str:
    if options.schema_path is None:
        return ""
    try:
        return Path(options.schema_path).read_text()
    except FileNotFoundError:
        return ""  # The executor, which needs it, says so.
    except (OSError, UnicodeDecodeError) as error:
        raise unreadable(options.schema_path, error if isinstance(error, OSError) else OSError(str(error))) from error
