"""The node's work: plan blocks, let Beam read and write them, add up, and only then show the splits."""

import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import apache_beam as beam
import tensorflow as tf
from absl import logging
from tfx.components.example_gen import utils, write_split
from tfx.components.util import examples_utils
from tfx.dsl.components.base import base_beam_executor
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils
from tfx.utils import proto_utils

from components.example_gen import kinds, properties, reading, reconciling, shards, writing
from components.example_gen.driver import SOURCES_PROPERTY
from components.example_gen.kinds import Kind
from components.example_gen.layout import Shard
from components.example_gen.options import IngestOptions
from components.example_gen.sources import Source, hash_sources, sources_from_json, sources_to_json
from components.example_gen.summaries import Summary
from pipeline.errors import PipelineError, find, raise_encoded

ROWS_PROPERTY = "split_rows"
SET_ASIDE = "set_aside.jsonl"
_SCRATCH = ".ingest"


class Executor(base_beam_executor.BaseBeamExecutor):
    """Read CSV or Parquet files with Arrow into TFX ``Examples``, in blocks that Beam may spread."""

    def Do(  # noqa: N802 (TFX's name)
        self,
        input_dict: dict[str, list[Any]],
        output_dict: dict[str, list[Any]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Ingest.

        Args:
            input_dict: Empty.
            output_dict: ``examples``: one artifact, on which the driver has put the list of files.
            exec_properties: Those of TFX's FileBasedExampleGen, with our options in ``custom_config``.

        Raises:
            DataError: The data was refused.
            InfrastructureError: Rows were lost on the way.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        refused = properties.find_refusal(exec_properties.get(utils.FINGERPRINT_PROPERTY_NAME) or "")
        if refused:
            raise refused
        options = properties.unpack_options(exec_properties)
        output_config = example_gen_pb2.Output()
        proto_utils.json_to_proto(exec_properties["output_config"], output_config)
        splits = {split.name: split.hash_buckets for split in output_config.split_config.splits}
        artifact = artifact_utils.get_single_instance(output_dict["examples"])
        sources = sources_from_json(artifact.get_string_custom_property(SOURCES_PROPERTY))

        schema = kinds.load_schema(options.schema_path) if options.schema_path else None
        plan = shards.plan(sources, options, schema)
        options = shards.settle_label(plan, options, schema)
        known = kinds.schema_kinds(schema) if schema else {}
        scratch = f"{artifact.uri}/{_SCRATCH}"
        try:
            with self._make_beam_pipeline() as pipeline:
                ingest(pipeline, plan, options, known=known, splits=splits, scratch=scratch)
        except Exception as error:
            found = find(error)
            if found is None:
                raise
            raise found from None
        summaries = [Summary.load(scratch, shard.index) for shard in plan]
        rows = reconciling.reconcile(summaries, list(splits), options)
        done = [summary for summary in summaries if summary is not None]
        _check_unchanged(sources)
        _publish(artifact, scratch, done, splits)
        read = reconciling.rows_by_file(done)
        counted = [dataclasses.replace(source, rows=read.get(source.path, 0)) for source in sources]
        artifact.split_names = artifact_utils.encode_split_names(list(splits))
        artifact.set_string_custom_property(SOURCES_PROPERTY, sources_to_json(counted))
        artifact.set_string_custom_property(ROWS_PROPERTY, json.dumps(rows, separators=(",", ":")))
        examples_utils.set_payload_format(artifact, exec_properties["output_data_format"])
        examples_utils.set_file_format(artifact, write_split.to_file_format_str(exec_properties["output_file_format"]))
        logging.info("Examples generated: %s", rows)


def ingest(
    pipeline: Any,
    plan: Sequence[Shard],
    options: IngestOptions,
    *,
    known: Mapping[str, Kind],
    splits: Mapping[str, int],
    scratch: str,
) -> None:
    """Add the reading and writing of the planned shards to a Beam pipeline."""
    names = {name for shard in plan for block in shard.blocks for name in block.names}
    given = {name: int(kind) for name, kind in known.items() if name in names}
    if names <= set(given):
        found = pipeline | "Kinds" >> beam.Create([given])
    else:
        # The types of columns are a property of all rows, so the files are parsed twice; parsing is the cheap part.
        found = (
            pipeline
            | "ShardsToInfer" >> beam.Create(list(plan), reshuffle=False)
            | "SpreadToInfer" >> beam.Reshuffle()
            | "Infer" >> beam.ParDo(_Infer(options, given))
            | "Combine" >> beam.CombineGlobally(kinds.combine)
            | "AddKnown" >> beam.Map(lambda inferred, given: {**inferred, **given}, given)
        )
    _ = (
        pipeline
        | "Shards" >> beam.Create(list(plan), reshuffle=False)
        | "Spread" >> beam.Reshuffle()
        | "Write" >> beam.ParDo(_Write(options, dict(splits), scratch), beam.pvalue.AsSingleton(found))
    )


class _Infer(beam.DoFn):
    def __init__(self, options: IngestOptions, known: Mapping[str, int]) -> None:
        self._options, self._known = options, dict(known)

    def process(self, shard: Shard) -> Iterator[dict[str, int]]:
        try:
            yield shards.infer_kinds(shard, self._options, self._known)
        except PipelineError as error:
            raise_encoded(error)


class _Write(beam.DoFn):
    def __init__(self, options: IngestOptions, splits: Mapping[str, int], scratch: str) -> None:
        self._options, self._splits, self._scratch = options, dict(splits), scratch

    def process(self, shard: Shard, found: Mapping[str, int]) -> None:
        try:
            _write_shard(shard, self._options, kinds.settle(found), self._splits, self._scratch)
        except PipelineError as error:
            raise_encoded(error)


def _write_shard(
    shard: Shard, options: IngestOptions, found: Mapping[str, Kind], splits: Mapping[str, int], scratch: str
) -> None:
    writers = writing.SplitWriters(scratch, shard.index)
    read: dict[str, int] = {}
    set_aside: list[dict[str, Any]] = []
    labels: list[str] = []
    for rows in shards.typed_rows(shard, options, found, splits):
        for split, chosen in rows.split.items():
            for records in writing.encode_in_parallel(rows.columns, chosen):
                writers.write(split, records)
        read[rows.path] = read.get(rows.path, 0) + rows.read
        set_aside += [dataclasses.asdict(row) for row in rows.bad]
        labels = list(dict.fromkeys(labels + rows.labels))[:2]
    Summary(shard.index, read, writers.rows, writers.finish(), set_aside, labels).save(scratch)


def _publish(artifact: Any, scratch: str, summaries: Sequence[Summary], splits: Mapping[str, int]) -> None:
    """Move the files that the summaries name into the splits, and write down what was set aside."""
    for split in splits:
        folder = artifact_utils.get_split_uri([_named(artifact, splits)], split)
        tf.io.gfile.makedirs(folder)
        files = [summary.files[split] for summary in summaries if split in summary.files]
        for number, name in enumerate(files):
            target = f"{write_split.DEFAULT_TF_RECORD_FILE_NAME}-{number:05d}-of-{len(files):05d}.gz"
            tf.io.gfile.rename(f"{scratch}/{name}", f"{folder}/{target}")
    aside = reconciling.set_aside_lines(summaries)
    if aside:
        with tf.io.gfile.GFile(f"{artifact.uri}/{SET_ASIDE}", "w") as file:
            file.write(aside)
    tf.io.gfile.rmtree(scratch)


def _named(artifact: Any, splits: Mapping[str, int]) -> Any:
    artifact.split_names = artifact_utils.encode_split_names(list(splits))
    return artifact


def _check_unchanged(sources: Sequence[Source]) -> None:
    """Hash the files again: what was read must be what the fingerprint says."""
    for before, after in zip(sources, hash_sources(sources), strict=True):
        if before.hash != after.hash:
            raise reading.changed(before.path)
