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


@pytest.mark.parametrize("bad", [[1.0, None], [float("nan"), 2.0], [1.0, float("inf")], [1e39, 1.0]])
def test_a_list_with_a_hole_is_placed_by_row(ingest: Ingest, tmp_path: Path, bad: list[float | None]) -> None:
    rows = pa.array([[1.0, 2.0], None, [], bad, [3.0, 4.0]], pa.list_(pa.float64()))
    path = write_table(tmp_path, {"w": rows, "y": pa.array([1.0, 2.0, 3.0, 4.0, 5.0])}, row_group_size=3)
    with pytest.raises(DataError, match="holds what is no finite number") as caught:
        ingest(path)
    assert caught.value.where == f"{path}: row 4, column w"
    left = ingest(path, bad_rows=1)
    assert [row["y"] for row in left.all_rows()] == [1.0, 2.0, 3.0, 5.0]
    assert [row["line"] for row in left.set_aside] == [4]


def test_a_list_of_whole_numbers_or_texts_has_no_missing_element(ingest: Ingest, tmp_path: Path) -> None:
    for values in (pa.array([[1], [2, None]]), pa.array([["a"], ["b", None]])):
        with pytest.raises(DataError, match="holds a missing element"):
            ingest(write_table(tmp_path, {"w": values}))


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
