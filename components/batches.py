"""Reads Examples for Beam in whole batches, and not row by row.

TFX's nodes read through ``tfx_bsl.tfxio.TFExampleRecord``, whose source hands single records from step to step of the
Beam pipeline before it batches them: two thirds of the time of StatisticsGen, Transform and the Evaluator on half a
million rows. Here one step reads a file through TensorFlow's reader and decodes batch by batch; only batches travel.

Batches of a file follow from the file alone, and files keep their order on one machine, so that sums over batches come
out the same in every run. A file is the unit of work on a cluster: ExampleGen writes several where there are many rows.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import apache_beam as beam
import pyarrow as pa
import tensorflow as tf
from tfx_bsl.coders import example_coder
from tfx_bsl.tfxio import record_based_tfxio, tf_example_record

ROWS = 1000
"""Rows of a batch, if nobody asks for another number."""
BYTES = 64 << 20
"""Serialised bytes above which a batch is closed early, however few its rows."""
_AT_ONCE = 50  # rows that come from TensorFlow's reader together
_BUFFER = 1 << 20


def read_in_batches() -> None:
    """Have everything in this process that reads Examples through tfx_bsl read them so."""
    tf_example_record.TFExampleRecord = ExampleBatches  # it is made, and projected, by this name


class ExampleBatches(tf_example_record.TFExampleRecord):
    """``TFExampleRecord`` with a source of its own; see https://www.tensorflow.org/tfx/tfx_bsl/api_docs/python."""

    def BeamSource(self, batch_size: int | None = None) -> Any:  # noqa: N802
        """Return a PTransform from a Pipeline to a PCollection of ``pa.RecordBatch``.

        Args:
            batch_size: Rows in each batch but the last of a file; :data:`ROWS` if not given.

        Raises:
            FileNotFoundError: If no file matches.
        """
        files = sorted(name for pattern in self._file_pattern for name in tf.io.gfile.glob(pattern))
        if not files:
            raise FileNotFoundError(f"no file matches {', '.join(self._file_pattern)}")
        schema = self._GetSchemaForDecoding()
        read = _Read(batch_size or ROWS, schema and schema.SerializeToString(), self._raw_record_column_name)

        @beam.typehints.with_input_types(Any)
        @beam.typehints.with_output_types(pa.RecordBatch)
        def source(pipeline: Any) -> Any:
            # Grouped by their number: a cluster gives files to its workers, and one worker keeps their order.
            return (
                pipeline
                | "Files" >> beam.Create(list(enumerate(files)))
                | "Spread" >> beam.GroupByKey()
                | "Read" >> beam.ParDo(read)
            )

        return beam.ptransform_fn(source)()


@beam.typehints.with_input_types(tuple[int, Any])
@beam.typehints.with_output_types(pa.RecordBatch)
class _Read(beam.DoFn):
    def __init__(self, rows: int, schema: bytes | None, raw_column: str | None) -> None:
        self._rows, self._schema, self._raw_column = rows, schema, raw_column
        self._decoder: Any = None

    def setup(self) -> None:
        given = [] if self._schema is None else [self._schema]
        self._decoder = example_coder.ExamplesToRecordBatchDecoder(*given)

    def process(self, numbered: tuple[int, Sequence[str]]) -> Iterator[Any]:
        for file in numbered[1]:
            for rows in _batches(file, self._rows):
                batch = self._decoder.DecodeBatch(rows)
                if self._raw_column is not None:
                    batch = record_based_tfxio.AppendRawRecordColumn(batch, self._raw_column, rows)
                yield batch


def _batches(file: str, most: int) -> Iterator[list[bytes]]:
    compression = "GZIP" if file.endswith(".gz") else ""
    step = next(size for size in range(min(_AT_ONCE, most), 0, -1) if most % size == 0)  # no batch is cut in two
    records = tf.data.TFRecordDataset(file, compression, _BUFFER).batch(step).prefetch(1)
    rows: list[bytes] = []
    size = 0
    for some in records.as_numpy_iterator():
        rows += some.tolist()
        size += sum(map(len, some))
        if len(rows) >= most or size >= BYTES:
            yield rows
            rows, size = [], 0
    if rows:
        yield rows
