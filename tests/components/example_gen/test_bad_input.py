"""The rows of the bad-input table that are about files: each is refused with its place, or is read."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from pipeline.errors import DataError

Ingest = Callable[..., Any]
Write = Callable[..., Path]

SCHEMA = text_format.Parse(
    """
    feature { name: "rooms" type: INT presence { min_fraction: 0 } }
    feature { name: "income" type: FLOAT presence { min_count: 1 } }
    feature { name: "place" type: BYTES }
    feature { name: "price" type: FLOAT presence { min_fraction: 1 } }
    """,
    schema_pb2.Schema(),
)
HEADER = "rooms,income,place,price\n"
GOOD = "3,1.5,INLAND,100\n4,2.5,NEAR BAY,200\n"


def refusal(ingest: Ingest, path: Path | str, **options: Any) -> DataError:
    with pytest.raises(DataError) as caught:
        ingest(path, **{"schema": SCHEMA, "label": "price", **options})
    error = caught.value
    assert error.exit_code == 3
    assert error.hint
    assert error.got
    assert error.expected
    return error


def test_a_missing_path_names_the_near_one(ingest: Ingest, write: Write) -> None:
    path = write(HEADER + GOOD, "housing.csv")
    error = refusal(ingest, str(path).replace("housing", "houses"))
    assert str(path) in str(error.hint)


def test_a_glob_without_files_is_refused(ingest: Ingest, tmp_path: Path) -> None:
    assert "No file matches" in refusal(ingest, tmp_path / "*.csv").headline


def test_a_folder_without_data_is_refused(ingest: Ingest, write: Write) -> None:
    path = write("x", "notes.md")
    assert "notes.md" in str(refusal(ingest, path.parent).got)


@pytest.mark.parametrize("content", ["", "\n\n", "\ufeff"])
def test_an_empty_file_is_refused(ingest: Ingest, write: Write, content: str) -> None:
    path = write(content)
    error = refusal(ingest, path)
    assert error.headline == "A data file is empty."
    assert error.where == str(path)


@pytest.mark.parametrize("content", [HEADER, HEADER.strip(), HEADER + "\n\n"])
def test_a_header_without_rows_is_refused(ingest: Ingest, write: Write, content: str) -> None:
    assert "no rows" in refusal(ingest, write(content)).headline


@pytest.mark.parametrize(("row", "cells"), [("3,1.5,INLAND", 3), ("3,1.5,INLAND,100,7", 5), ("3", 1)])
def test_a_ragged_row_is_placed(ingest: Ingest, write: Write, row: str, cells: int) -> None:
    path = write(HEADER + GOOD + row + "\n" + GOOD)
    error = refusal(ingest, path)
    assert error.where == f"{path}:4"
    assert f"{cells} cell" in error.headline
    assert "has 4" in error.headline


def test_line_numbers_survive_blank_lines_and_line_breaks_in_cells(ingest: Ingest, write: Write) -> None:
    path = write(HEADER + '3,1.5,"IN\nLAND",100\n\n\r\n4,2,"a,\r\nb",5\n' + "1,2,3\n")
    assert refusal(ingest, path).where == f"{path}:8"


def test_a_line_break_in_a_quoted_cell_is_read(ingest: Ingest, write: Write) -> None:
    path = write(HEADER + '3,1.5,"NEAR\nBAY",100\n4,2,"say ""hi"", you",200\n')
    rows = ingest(path, schema=SCHEMA, label="price").all_rows()
    assert [row["place"] for row in rows] == [b"NEAR\nBAY", b'say "hi", you']


def test_an_unclosed_quote_is_placed_where_it_opens(ingest: Ingest, write: Write) -> None:
    path = write(HEADER + GOOD + '3,1.5,"INLAND,100\n' + GOOD)
    error = refusal(ingest, path)
    assert error.where == f"{path}:4:7"
    assert "not closed" in error.headline


def test_an_unclosed_quote_is_not_blamed_on_a_later_one(ingest: Ingest, write: Write) -> None:
    path = write(HEADER + '3,1.5,"INLAND,100\n' + GOOD + '3,1.5,"INLAND",100\n')
    assert refusal(ingest, path).where == f"{path}:2:7"


def test_a_quote_within_a_cell_is_placed(ingest: Ingest, write: Write) -> None:
    path = write(HEADER + GOOD + '3,1.5,5" pipe,100\n')
    error = refusal(ingest, path)
    assert error.where == f"{path}:4:8"
    assert "not quoted" in error.headline


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", [True, False])
def test_line_ends_are_read(ingest: Ingest, write: Write, end: str, last: bool) -> None:
    text = (HEADER + GOOD).replace("\n", end)
    rows = ingest(write(text if last else text.removesuffix(end)), schema=SCHEMA, label="price").all_rows()
    assert [row["price"] for row in rows] == [100, 200]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_are_counted_by_any_line_end(ingest: Ingest, write: Write, end: str) -> None:
    path = write((HEADER + GOOD + "5,x,INLAND,3\n").replace("\n", end))
    assert refusal(ingest, path).where == f"{path}:4:income"


def test_latin1_is_placed_and_named(ingest: Ingest, write: Write) -> None:
    path = write((HEADER + GOOD).encode() + "3,1.5,Málaga,100\n".encode("latin1"))
    error = refusal(ingest, path)
    assert error.where == f"{path}:4:8"
    assert "Latin-1" in str(error.got)
    assert "iconv -f latin1" in str(error.hint)


def test_a_header_in_latin1_is_placed(ingest: Ingest, write: Write) -> None:
    assert str(refusal(ingest, write("größe,price\n1,2\n".encode("latin1"))).where).endswith(":1:3")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf16_is_named(ingest: Ingest, write: Write, encoding: str) -> None:
    assert "UTF-16" in str(refusal(ingest, write((HEADER + GOOD).encode(encoding))).got)


def test_utf8_beyond_ascii_is_read(ingest: Ingest, write: Write) -> None:
    rows = ingest(write(HEADER + "3,1.5,Málaga 🏠,100\n4,2,b,200\n"), schema=SCHEMA, label="price").all_rows()
    assert rows[0]["place"].decode() == "Málaga 🏠"


def test_a_byte_order_mark_is_read(ingest: Ingest, write: Write) -> None:
    rows = ingest(write("\ufeff" + HEADER + GOOD), schema=SCHEMA, label="price").all_rows()
    assert rows[0]["rooms"] == 3


def test_a_nul_byte_is_placed(ingest: Ingest, write: Write) -> None:
    path = write(HEADER + GOOD + "3,1.5,IN\0LAND,100\n")
    error = refusal(ingest, path)
    assert "NUL" in error.headline
    assert error.where == f"{path}:4:9"


def test_duplicate_columns_are_refused(ingest: Ingest, write: Write) -> None:
    error = refusal(ingest, write("rooms,income,rooms,price\n1,2,3,4\n"))
    assert "rooms" in error.headline
    assert "1 and 3" in str(error.got)


def test_a_column_without_a_name_is_refused(ingest: Ingest, write: Write) -> None:
    assert "no name" in refusal(ingest, write("rooms,,price\n1,2,3\n")).headline


def test_a_missing_column_suggests_a_near_one(ingest: Ingest, write: Write) -> None:
    error = refusal(ingest, write("rooms,incone,place,price\n" + GOOD))
    assert "income" in error.headline
    assert "incone" in str(error.hint)


def test_a_missing_label_is_called_so(ingest: Ingest, write: Write) -> None:
    assert "lacks the label: value" in refusal(ingest, write(HEADER + GOOD), label="value").headline


def test_a_label_that_preprocessing_makes_need_not_be_a_column(ingest: Ingest, write: Write) -> None:
    path = write(HEADER + GOOD)
    done = ingest(path, schema=SCHEMA, label="dear", derived_label=True)
    assert "price" in done.all_rows()[0]
    misspelt = refusal(ingest, path, label="deer", label_guess="dear")
    assert "lacks the label: deer" in misspelt.headline
    assert "'dear': did you mean that?" in str(misspelt.hint)
    # A schema that names the label says that it is a column; and a column that is there has to vary, as ever.
    lacking = write(HEADER.replace("price", "prize") + GOOD, "lacking.csv")
    assert "lacks the label: price" in refusal(ingest, lacking, derived_label=True).headline
    constant = write(HEADER + "1,1,a,1\n2,2,b,1\n", "constant.csv")
    assert "is constant" in refusal(ingest, constant, derived_label=True).headline


def test_semicolons_are_recognised(ingest: Ingest, write: Write) -> None:
    error = refusal(ingest, write(HEADER.replace(",", ";") + GOOD.replace(",", ";")))
    assert "separated" in str(error.hint)


def test_a_missing_header_is_recognised(ingest: Ingest, write: Write) -> None:
    assert "columns" in str(refusal(ingest, write("3,1.5,7,100\n4,2.5,8,200\n")).hint)


def test_files_with_different_columns_are_refused(ingest: Ingest, write: Write) -> None:
    write(HEADER + GOOD, "a/1.csv")
    path = write("rooms,income,price,plaice\n", "a/2.csv")
    error = refusal(ingest, path.parent)
    assert "lacks place" in str(error.got)
    assert "adds plaice" in str(error.got)


def test_files_may_order_their_columns_as_they_like(ingest: Ingest, write: Write) -> None:
    write(HEADER + GOOD, "a/1.csv")
    path = write("price,place,income,rooms\n300,INLAND,1,2\n", "a/2.csv")
    rows = ingest(path.parent, schema=SCHEMA, label="price").all_rows()
    assert rows[2] == {"price": 300, "place": b"INLAND", "income": 1, "rooms": 2}


def test_extra_columns_are_kept(ingest: Ingest, write: Write) -> None:
    rows = ingest(write("extra," + HEADER + "7,3,1.5,INLAND,1\n8,3,1.5,INLAND,2\n"), schema=SCHEMA).all_rows()
    assert [row["extra"] for row in rows] == [7, 8]


@pytest.mark.parametrize(
    ("row", "column", "text"),
    [
        ("3,cheap,INLAND,100", "income", "cheap"),
        ("3,1.5,INLAND,NA", "price", "NA"),
        ("3,0x1F,INLAND,100", "income", "0x1F"),
        ('3,"1,234",INLAND,100', "income", "1,234"),
        ("3.5,1,INLAND,100", "rooms", "3.5"),
        ("99999999999999999999,1,INLAND,100", "rooms", "99999999999999999999"),
        ("3,nan,INLAND,100", "income", "nan"),
        ("3,1,INLAND,NaN", "price", "NaN"),
        ("3,inf,INLAND,100", "income", "inf"),
        ("-inf,1,INLAND,100", "rooms", "-inf"),
        ("3,1,INLAND,-Infinity", "price", "-Infinity"),
        ("3,1e39,INLAND,100", "income", "1e39"),
        ("3,1e400,INLAND,100", "income", "1e400"),
    ],
)
def test_what_is_no_number_is_placed(ingest: Ingest, write: Write, row: str, column: str, text: str) -> None:
    path = write(HEADER + GOOD * 20 + row + "\n" + GOOD)
    error = refusal(ingest, path)
    assert error.where == f"{path}:42:{column}"
    assert error.got == repr(text)
    assert error.headline.startswith("The label" if column == "price" else "A cell")


@pytest.mark.parametrize("text", ["41.0", " 41 ", "+41", "4.1e1"])
def test_whole_numbers_may_be_written_as_others_write_them(ingest: Ingest, write: Write, text: str) -> None:
    rows = ingest(write(HEADER + f"{text},1,a,1\n,2,b,2\n"), schema=SCHEMA, label="price").all_rows()
    assert rows[0]["rooms"] == 41
    assert "rooms" not in rows[1]


def test_nan_is_missing_where_it_is_said_to_be(ingest: Ingest, write: Write) -> None:
    rows = ingest(
        write(HEADER + "3,nan,a,1\n4, nan ,b,2\n"), schema=SCHEMA, label="price", missing=("", "nan")
    ).all_rows()
    assert all("income" not in row for row in rows)


def test_an_unseen_category_is_no_mistake_of_the_file(ingest: Ingest, write: Write) -> None:
    assert ingest(write(HEADER + GOOD + "1,1,MOON,3\n"), schema=SCHEMA, label="price").all_rows()[2]["place"] == b"MOON"


@pytest.mark.parametrize("value", ["500001", "500001.0"])
def test_a_constant_label_is_refused(ingest: Ingest, write: Write, value: str) -> None:
    error = refusal(ingest, write(HEADER + f"1,2,a,{value}\n2,3,b,{value}\n"), block_bytes=16)
    assert "constant" in error.headline
    assert "500001" in str(error.got)


def test_a_label_that_is_never_there_is_refused(ingest: Ingest, write: Write) -> None:
    assert "missing in every row" in refusal(ingest, write(HEADER + "1,2,a,\n2,3,b,\n")).headline


def test_fewer_rows_than_a_split_needs_are_refused(ingest: Ingest, write: Write) -> None:
    path = write(HEADER + GOOD)
    error = refusal(ingest, path, minimum_rows=3)
    assert "too few rows for the split all" in error.headline
    assert "2 rows" in str(error.got)


def test_an_empty_split_is_refused(ingest: Ingest, write: Write) -> None:
    error = refusal(ingest, write(HEADER + GOOD), splits={"train": 1_000_000, "eval": 1})
    assert error.headline == "There is no row for the split eval."


def test_malformed_rows_are_set_aside_up_to_the_threshold(ingest: Ingest, write: Write) -> None:
    latin = "3,1.5,Málaga,100\n".encode("latin1")
    path = write((HEADER + GOOD + "1,2\n" + GOOD + "5,cheap,a,3\n").encode() + latin + b"7,1,b\0,4\n" + GOOD.encode())
    done = ingest(path, schema=SCHEMA, label="price", bad_rows=4)
    assert [row["line"] for row in done.set_aside] == [4, 8, 9, 7]
    assert len(done.all_rows()) == 6
    error = refusal(ingest, path, bad_rows=3)
    assert "4 of 3" in error.headline
    assert error.where == f"{path}:4"


def test_the_threshold_counts_over_all_blocks(ingest: Ingest, write: Write) -> None:
    path = write(HEADER + (GOOD * 40 + "1,2\n") * 4)
    assert len(ingest(path, schema=SCHEMA, label="price", bad_rows=4, block_bytes=1024).set_aside) == 4
    assert "4 of 3" in refusal(ingest, path, bad_rows=3, block_bytes=1024).headline


def test_a_broken_gzip_is_refused(ingest: Ingest, write: Write) -> None:
    assert "broken" in refusal(ingest, write(b"\x1f\x8b\x08\0garbage", "data.csv.gz")).headline


def test_a_broken_parquet_is_refused(ingest: Ingest, write: Write) -> None:
    assert "Parquet" in refusal(ingest, write(b"PAR1garbage", "data.parquet")).headline


def test_csv_that_is_called_parquet_is_refused(ingest: Ingest, write: Write) -> None:
    assert "not what its name" in refusal(ingest, write(HEADER + GOOD, "data.parquet")).headline
