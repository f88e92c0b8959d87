"""Reading Examples in batches: the rows of tfx_bsl's own reader, in batches that follow from the files alone."""

import tempfile
from pathlib import Path
from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

import apache_beam as beam
import pyarrow as pa
import pytest
import tensorflow as tf
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx_bsl.tfxio import tf_example_record

from components import batches
from pipeline.beam import beam_args
from pipeline.config.model import Beam

pytestmark = pytest.mark.slow

SCHEMA = text_format.Parse(
    'feature { name: "row" type: INT } feature { name: "word" type: BYTES }', schema_pb2.Schema()
)


def written(folder: Path, sizes: tuple[int, ...], suffix: str = ".gz") -> str:
    """Numbered rows in files of so many rows each; every third lacks its word. Returns the pattern."""
    row = 0
    for number, size in enumerate(sizes):
        with tf.io.TFRecordWriter(str(folder / f"part-{number}{suffix}"), "GZIP" if suffix else "") as writer:
            for _ in range(size):
                feature = {"row": tf.train.Feature(int64_list=tf.train.Int64List(value=[row]))}
                if row % 3:
                    feature["word"] = tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"w%d" % row]))
                writer.write(tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString())
                row += 1
    return str(folder / "part-*")


def read(source: Any, batch_size: int | None = None) -> list[pa.RecordBatch]:
    """The batches, in the order in which they came."""
    with tempfile.TemporaryDirectory() as folder:

        def keep(batch: pa.RecordBatch) -> None:
            with pa.ipc.new_file(f"{folder}/{len(list(Path(folder).iterdir())):03}", batch.schema) as file:
                file.write_batch(batch)

        with beam.Pipeline(argv=beam_args(Beam())) as pipeline:
            _ = pipeline | source.BeamSource(batch_size) | beam.Map(keep)
        return [pa.ipc.open_file(file.read_bytes()).get_batch(0) for file in sorted(Path(folder).iterdir())]


def rows(found: list[pa.RecordBatch]) -> list[list[int]]:
    return [[value[0] for value in batch.column("row").to_pylist()] for batch in found]


def test_batches_follow_from_the_files_alone(tmp_path: Path) -> None:
    source = batches.ExampleBatches(written(tmp_path, (25, 0, 10, 7)), schema=SCHEMA)
    expected = [list(range(10)), list(range(10, 20)), list(range(20, 25)), list(range(25, 35)), list(range(35, 42))]
    assert rows(read(source, 10)) == expected
    assert rows(read(source)) == [list(range(25)), list(range(25, 35)), list(range(35, 42))]


@pytest.mark.parametrize("suffix", [".gz", ""])
@pytest.mark.parametrize("schema", [SCHEMA, None])
def test_what_is_read_is_what_tfx_bsl_reads(tmp_path: Path, suffix: str, schema: Any) -> None:
    pattern = written(tmp_path, (30,), suffix)
    given = {"schema": schema, "raw_record_column_name": "raw"}
    ours = read(batches.ExampleBatches(pattern, **given), 30)
    theirs = read(batches.ExampleBatches.__bases__[0](pattern, **given), 30)
    assert [batch.to_pydict() for batch in ours] == [batch.to_pydict() for batch in theirs]
    assert [batch.schema for batch in ours] == [batch.schema for batch in theirs]


def test_a_projection_reads_in_batches_too(tmp_path: Path) -> None:
    batches.read_in_batches()
    source = tf_example_record.TFExampleRecord(written(tmp_path, (5,)), schema=SCHEMA).Project(["row"])
    assert type(source.origin) is batches.ExampleBatches
    assert type(source.projected) is batches.ExampleBatches
    assert [batch.schema.names for batch in read(source)] == [["row"]]


def test_wide_rows_make_small_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "BYTES", 200)
    found = rows(read(batches.ExampleBatches(written(tmp_path, (300,)), schema=SCHEMA), 300))
    assert [one for batch in found for one in batch] == list(range(300))
    assert {len(batch) for batch in found} == {50}


def test_no_file_is_an_error_and_not_no_rows(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no file matches .*part"):
        read(batches.ExampleBatches(str(tmp_path / "part-*"), schema=SCHEMA))
