"""Noisy waves: rows of 24 values of a series and the one that follows, in a Parquet file with a column of lists.

Each row is a series of its own: ``level + a cos(2 pi f t) + b sin(2 pi f t) + noise``, observed at 25 whole ``t``.
Level, a, b and noise are normal, so amplitude (Rayleigh) and phase (uniform) are random; the frequency f is uniform. No
two rows have anything in common, so a split by rows leaks nothing from one to the other.
"""

import io
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from data.paging import PAGE, pages

Floats = npt.NDArray[np.float64]

WINDOW, LABEL = "window", "next_value"
STEPS = 24
ROWS = 8000

FREQUENCIES = (0.04, 0.25)  # waves in a step: one takes from 4 to 25 steps
LEVEL, LEVEL_SPREAD = 20.0, 2.0
WAVE = 1.0  # standard deviation of a and of b
NOISE = 0.2  # standard deviation


def pieces(rows: int, seed: int = 0) -> Iterator[bytes]:
    """Yield the bytes of the file; the rows of a small file are the first ones of a large one of the same seed.

    Raises:
        ValueError: A negative number of rows or seed.
    """
    schema = pa.schema([(WINDOW, pa.list_(pa.float32())), (LABEL, pa.float32())])
    file = io.BytesIO()
    with pq.ParquetWriter(file, schema) as writer:
        for number, count in pages(rows, seed):
            series = page(number, seed)[:count].astype(np.float32)
            windows = np.ascontiguousarray(series[:, :STEPS])
            ends = np.arange(0, windows.size + 1, STEPS, dtype=np.int32)
            columns = [pa.ListArray.from_arrays(ends, windows.ravel()), pa.array(series[:, STEPS])]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))
            yield _taken(file)
    yield _taken(file)


def page(number: int, seed: int) -> Floats:
    """Draw a page of series, ``[8192, 25]``, to hundredths: the window, then the value that follows."""
    random = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, number])))
    turns = 2.0 * np.pi * random.uniform(*FREQUENCIES, (PAGE, 1)) * np.arange(STEPS + 1)
    cosine, sine = random.normal(0.0, WAVE, (2, PAGE, 1))
    level = random.normal(LEVEL, LEVEL_SPREAD, (PAGE, 1))
    noise = random.normal(0.0, NOISE, turns.shape)
    return np.round(level + cosine * np.cos(turns) + sine * np.sin(turns) + noise, 2)


def _taken(file: io.BytesIO) -> bytes:
    """Take out what was written since the last time; Arrow counts its position in the whole file by itself."""
    content = file.getvalue()
    file.seek(0)
    file.truncate()
    return content
