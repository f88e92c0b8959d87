"""The statistics of a file, and what is wrong with it."""

import gzip
import random
from pathlib import Path

import numpy as np
import pytest

from components.example_gen.kinds import Kind
from pipeline.errors import DataError, PipelineError, SettingsError
from pipeline.scaffold.columns import Sample
from pipeline.scaffold.profiling import Profile, parse_columns, profile


def written(folder: Path, *lines: str, rows: int = 0, row: str = "") -> str:
    file = folder / "rows.csv"
    file.write_text("\n".join([*lines, *(row.format(n=n, m=n % 7) for n in range(rows))]))
    return str(file)


def by_name(found: Profile) -> dict[str, tuple[Kind, int, int]]:
    return {one.name: (one.kind, one.missing, one.distinct) for one in found.columns}


def test_what_stands_for_a_missing_value_is_found(tmp_path: Path) -> None:
    head = ["number,place,mood,whole,label", "?,NA,none,-,1", "2.5,US, ?,4,2", "None,,x,5.0,3"]
    found = profile(written(tmp_path, *head, rows=97, row="{n}.5,DE,y,{m},{n}"), label="label")
    assert by_name(found)["number"][:2] == (Kind.FLOAT, 2)
    assert by_name(found)["place"] == (Kind.BYTES, 2, 2)
    assert by_name(found)["mood"] == (Kind.BYTES, 1, 3)  # " ?" is missing; "none" is a mood as any other
    assert by_name(found)["whole"][:2] == (Kind.FLOAT, 1)
    assert found.missing == ("", " ?", "-", "?", "NA", "None")
    assert found.tokens["number"] == {"?": 1, "None": 1}


def test_those_that_are_said_are_the_only_ones(tmp_path: Path) -> None:
    found = profile(written(tmp_path, "x,y,label", rows=90, row="{m},-9,{n}") + "", label="label", missing=["-9"])
    assert by_name(found)["y"] == (Kind.EMPTY, 90, 0)
    assert found.missing == ("", "-9")


def test_a_class_may_be_called_as_a_missing_value_is(tmp_path: Path) -> None:
    found = profile(written(tmp_path, "x,label", "1,other", rows=90, row="{n},NA"), label="label")
    assert found.label.values == {"NA": 90, "other": 1}


def test_the_splits_are_those_that_examplegen_makes(tmp_path: Path) -> None:
    from components.example_gen import shards
    from components.example_gen.options import IngestOptions
    from components.example_gen.sources import list_sources

    path = written(tmp_path, "x,y,label", rows=500, row="{m},?,{n}")
    found = profile(path, label="label")
    options = IngestOptions(path=path, label="label", missing=found.missing)
    plan = shards.plan(list_sources(path), options, None)
    kinds = {"x": Kind.INT, "y": Kind.BYTES, "label": Kind.FLOAT}  # the schema may say other types than were found
    made = {"train": 0, "eval": 0}
    for rows in shards.typed_rows(plan[0], options, kinds, {"train": 2, "eval": 1}):
        made = {split: made[split] + len(chosen) for split, chosen in rows.split.items()}
    assert found.rows == made
    assert sum(made.values()) == 500


def test_many_values_are_estimated(tmp_path: Path) -> None:
    made = random.Random(5)
    rows = [f"{made.getrandbits(60):x},{made.random()},{made.random()}" for _ in range(9_000)]
    found = profile(written(tmp_path, "id,x,label", *rows), label="label")
    assert found.columns[0].values is None
    assert found.columns[0].distinct == pytest.approx(9_000, rel=0.05)
    assert found.rows["eval"] == pytest.approx(1_800, rel=0.08)


def test_a_sample_is_even() -> None:
    sample = Sample(1000)
    for start in range(0, 100_000, 7_000):
        sample.add(np.arange(start, min(start + 7_000, 100_000), dtype=float))
    assert len(sample.values) == len(np.unique(sample.values)) == 1000
    assert np.mean(sample.values) == pytest.approx(50_000, rel=0.06)


def test_gzip_is_read_too(tmp_path: Path) -> None:
    text = Path(written(tmp_path, "x,label", rows=90, row="{m},{n}")).read_bytes()
    (tmp_path / "more.csv.gz").write_bytes(gzip.compress(text))
    assert profile(str(tmp_path / "more.csv.gz"), label="label").total == 90


def test_a_file_without_a_header_is_read_by_the_names_given(tmp_path: Path) -> None:
    found = profile(written(tmp_path, rows=90, row="{m},{n}"), label="b", columns=parse_columns('"a, b",b'))
    assert [one.name for one in found.columns] == ["a, b", "b"]
    assert found.total == 90


LABEL = "x,label"


@pytest.mark.parametrize(
    ("lines", "asked", "error", "words"),
    [
        (["x,Label"], ("label", ""), SettingsError, "There is no column 'label'|did you mean --label 'Label'?"),
        (["1,rose"], ("price", ""), SettingsError, "seems to have no header line; give the names with --columns"),
        (["x;label"], ("label", ""), SettingsError, "separated by something else"),
        ([LABEL], ("label", "x,label"), SettingsError, "The file has a header line"),
        ([LABEL, "1,2,3"], ("label", ""), DataError, "A row has 3 cells where the header has 2|rows.csv:2"),
        ([LABEL, "1,"], ("label", ""), DataError, "The label is missing in 1 row: label|rows.csv:2:label"),
        ([LABEL, "1,\n2,?"], ("label", ""), DataError, "The label is missing in 2 rows|rows.csv:2:label"),
        (["x,x,label"], ("label", ""), DataError, "Two columns have the same name: x"),
        ([LABEL, '"1,2'], ("label", ""), DataError, "A quoted cell is not closed"),
        ([LABEL, "1e99,2.5"], ("label", ""), DataError, "too large for a 32-bit float|rows.csv:2:x"),
    ],
)
def test_what_is_wrong_is_said(
    tmp_path: Path, lines: list[str], asked: tuple[str, str], error: type[PipelineError], words: str
) -> None:
    label, columns = asked
    path = written(tmp_path, *lines, rows=60, row="{m},{n}")
    with pytest.raises(error) as raised:
        profile(path, label=label, columns=parse_columns(columns) if columns else ())
    for word in words.split("|"):
        assert word in raised.value.render()


def test_too_few_rows_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="too few rows"):
        profile(written(tmp_path, "x,label", rows=39, row="{m},{n}"), label="label")


def test_text_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_bytes("größe,label\n".encode("latin1") + b"1,2\n" * 50)
    with pytest.raises(DataError, match="not UTF-8"):
        profile(str(tmp_path / "rows.csv"), label="label")


def test_an_empty_or_absent_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("")
    with pytest.raises(DataError, match="empty"):
        profile(str(tmp_path / "rows.csv"), label="label")
    with pytest.raises(DataError, match="does not exist") as raised:
        profile(str(tmp_path / "row.csv"), label="label")
    assert "Did you mean" in str(raised.value.hint)


@pytest.mark.parametrize("text", ["a,,b", "a,b,a"])
def test_names_of_columns_are_checked(text: str) -> None:
    with pytest.raises(SettingsError):
        parse_columns(text)
