"""The node: TFX's FileBasedExampleGen with our driver and executor."""

from collections.abc import Mapping, Sequence
from typing import Any

from tfx.components.example_gen import component
from tfx.dsl.components.base import executor_spec
from tfx.proto import example_gen_pb2, range_config_pb2

from components.example_gen import driver, executor, properties
from components.example_gen.options import FileFormat, IngestOptions
from components.example_gen.sources import has_specs, split_path
from pipeline.errors import SettingsError


class ExampleGen(component.FileBasedExampleGen):
    """Ingest CSV or Parquet files by Arrow; see :func:`create_example_gen`."""

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(executor.Executor)
    DRIVER_CLASS = driver.Driver


def create_example_gen(
    path: str,
    *,
    file_format: FileFormat = "auto",
    columns: Sequence[str] = (),
    splits: Mapping[str, int] | None = None,
    label: str | None = None,
    derived_label: bool = False,
    label_guess: str | None = None,
    schema_path: str | None = None,
    missing: Sequence[str] = ("",),
    minimum_rows: int = 1,
    bad_rows: int = 0,
    block_bytes: int = 16 << 20,
    span: int | None = None,
) -> Any:
    """Return the node ``ExampleGen``; the data is not looked at before the node runs.

    Args:
        path: A file, a folder (its ``*.csv``, ``*.csv.gz``, ``*.parquet``), a glob, or a pattern with TFX's
            ``{SPAN}``, ``{VERSION}`` or ``{YYYY}{MM}{DD}``
            (https://www.tensorflow.org/tfx/guide/examplegen#span_version_and_split).
        file_format: ``csv`` or ``parquet``; ``auto`` goes by name and content.
        columns: Names of the columns of CSV files without a header line.
        splits: Hash buckets by split name; default four parts ``train`` to one of ``eval``.
        label: The column that is predicted: it must exist and vary.
        derived_label: Whether the label may be missing from the data, since preprocessing_fn may make it.
        label_guess: What the problem's code writes that comes nearest to the label, for the words of a refusal.
        schema_path: Curated ``schema.pbtxt``, whose types the columns get; without it types are inferred over all rows.
        missing: Cell texts that stand for a missing value.
        minimum_rows: Fewest rows for each split.
        bad_rows: Most malformed rows to set aside (``set_aside.jsonl`` in the artifact) before the data is refused.
        block_bytes: Uncompressed CSV bytes of one Beam element and output file.
        span: The span to take; default the latest.

    Returns:
        A TFX component with the output ``examples`` (``standard_artifacts.Examples``: gzip TFRecords of tf.Example).

    Raises:
        SettingsError: A value makes no sense.
    """
    shares = dict(splits or {"train": 4, "eval": 1})
    _check(shares, minimum_rows, bad_rows, block_bytes)
    if span is not None and not has_specs(path):
        raise SettingsError(
            "A span was asked for, but the data path has no placeholder for it.",
            got=path,
            expected="a path with {SPAN}, such as data/span-{SPAN}/*.csv",
            hint="Put {SPAN} into the path, or drop the span.",
        )
    options = IngestOptions(
        path=path,
        file_format=file_format,
        columns=tuple(columns),
        label=label,
        derived_label=derived_label,
        label_guess=label_guess,
        schema_path=schema_path,
        missing=tuple(missing),
        minimum_rows=minimum_rows,
        bad_rows=bad_rows,
        block_bytes=block_bytes,
    )
    base, pattern = split_path(path)
    static = None
    if span is not None:
        static = range_config_pb2.RangeConfig(
            static_range=range_config_pb2.StaticRange(start_span_number=span, end_span_number=span)
        )
    return ExampleGen(
        input_base=base,
        input_config=example_gen_pb2.Input(splits=[example_gen_pb2.Input.Split(name="all", pattern=pattern)]),
        output_config=example_gen_pb2.Output(
            split_config=example_gen_pb2.SplitConfig(
                splits=[
                    example_gen_pb2.SplitConfig.Split(name=name, hash_buckets=share) for name, share in shares.items()
                ]
            )
        ),
        custom_config=properties.pack_options(options),
        range_config=static,
    ).with_id("ExampleGen")


def _check(shares: Mapping[str, int], minimum_rows: int, bad_rows: int, block_bytes: int) -> None:
    wrong = [f"{name} = {share}" for name, share in shares.items() if share < 1 or not name]
    if wrong:
        raise SettingsError("A split has no share.", got=", ".join(wrong), expected="a whole number of at least 1")
    for name, value, least in (
        ("minimum_rows", minimum_rows, 1),
        ("bad_rows", bad_rows, 0),
        ("block_bytes", block_bytes, 1024),
    ):
        if value < least:
            raise SettingsError(f"{name} is too small.", got=str(value), expected=f"at least {least}")
