"""Parquet files: their types, their nulls, and what a tf.Example cannot hold."""

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.errors import DataError

Ingest = Callable[..., Any]


def write_table(folder: Path, columns: dict[str, Any], name: str = "data.parquet", **options: Any) -> Path:
    path = folder / name
    pq.write_table(pa.table(columns), path, **options)
    return path


def test_row_groups_are_read_with_their_types(ingest: Ingest, tmp_path: Path) -> None:
    columns = {
        "i": pa.array([1, None, 3], pa.int32()),
        "f": pa.array([1.5, None, 2.5]),
        "s": pa.array(["a", None, "c"]),
        "d": pa.array(["x", None, "y"]).dictionary_encode(),
        "b": pa.array([True, None, False]),
        "l": pa.array([[1, 2], None, []], pa.list_(pa.int64())),
        "n": pa.nulls(3),
    }
    rows = ingest(write_table(tmp_path, columns, row_group_size=2)).all_rows()
    assert rows[0] == {"i": 1, "f": 1.5, "s": b"a", "d": b"x", "b": 1, "l": [1, 2]}
    assert rows[1] == {}
    assert rows[2] == {"i": 3, "f": 2.5, "s": b"c", "d": b"y", "b": 0, "l": []}


def test_nan_is_placed_by_row(ingest: Ingest, tmp_path: Path) -> None:
    path = write_table(tmp_path, {"f": pa.array([1.0, 2.0, 3.0, float("nan")])}, row_group_size=2)
    with pytest.raises(DataError) as caught:
        ingest(path)
    assert caught.value.where == f"{path}: row 4, column f"
    assert ingest(path, missing=("", "NaN")).all_rows()[3] == {}


def test_a_timestamp_is_refused_by_name(ingest: Ingest, tmp_path: Path) -> None:
    when = pa.array([datetime.datetime(2020, 1, 1)])
    with pytest.raises(DataError, match="cannot hold: when"):
        ingest(write_table(tmp_path, {"when": when}))


def test_types_widen_over_files(ingest: Ingest, tmp_path: Path) -> None:
    write_table(tmp_path, {"a": [1, 2]}, "1.parquet")
    write_table(tmp_path, {"a": [1.5]}, "2.parquet")
    assert [row["a"] for row in ingest(tmp_path).all_rows()] == [1.0, 2.0, 1.5]


def test_both_formats_in_a_folder_are_refused(ingest: Ingest, tmp_path: Path) -> None:
    write_table(tmp_path, {"a": [1]})
    (tmp_path / "x.csv").write_text("a\n1\n")
    with pytest.raises(DataError, match="both CSV and Parquet"):
        ingest(tmp_path)
    assert ingest(tmp_path, file_format="parquet").all_rows() == [{"a": 1}]
