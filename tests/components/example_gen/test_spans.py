"""Spans of data by number and by day: which are there, and what is said of one that is not."""

from pathlib import Path

import pytest

from components.example_gen.sources import list_sources
from components.example_gen.spans import has_spans, of_span, spans
from pipeline.errors import DataError

DAY = 20_777  # 2026-11-20


@pytest.fixture
def days(tmp_path: Path) -> Path:
    for name in ("2026-11-15", "2026-11-17", "2026-11-18", "2026-11-19", "2026-11-1x", "2026-13-40"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.csv").write_text("x\n1\n")
    return tmp_path


def refused(path: Path | str, span: int) -> DataError:
    with pytest.raises(DataError) as caught:
        list_sources(str(path), span=span)
    return caught.value


@pytest.mark.parametrize("name", ["*.csv", "a.csv", "?.csv", "[a-c].csv", "[!b].cs*"])
def test_a_day_whose_data_is_not_there_is_named(days: Path, name: str) -> None:
    path = days / "{YYYY}-{MM}-{DD}" / name
    error = refused(path, DAY)
    assert error.headline == f"No data for 2026-11-20: {days}/2026-11-20/{name}"
    assert error.got == "the latest that is there: 2026-11-19, 2026-11-18, 2026-11-17"
    assert "in Airflow clear the task" in str(error.hint)
    assert error.exit_code == 3
    assert [one.path for one in list_sources(str(path), span=DAY - 1)] == [f"{days}/2026-11-19/a.csv"]


def test_a_folder_of_the_day_without_data(days: Path) -> None:
    path = days / "{YYYY}-{MM}-{DD}"
    assert refused(path, DAY).headline == f"No data for 2026-11-20: {days}/2026-11-20"
    (days / "2026-11-20").mkdir()
    assert refused(path, DAY).where == f"{days}/2026-11-20"
    assert len(list_sources(str(path), span=DAY - 3)) == 1


def test_a_span_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "span-{SPAN:3}" / "v-{VERSION}" / "*.csv"
    assert refused(path, 7).got == "no data of any span"
    for number in (2, 10, 9):
        (tmp_path / f"span-{number:03}" / "v-1").mkdir(parents=True)
        (tmp_path / f"span-{number:03}" / "v-1" / "a.csv").write_text("x\n1\n")
    error = refused(path, 7)
    assert error.headline == f"No data for span 7: {tmp_path}/span-007/v-{{VERSION}}/*.csv"
    assert error.got == "the latest that is there: span 10, span 9, span 2"
    assert spans(str(path)) == {2, 9, 10}
    assert len(list_sources(str(path))) == 3, "of no span in particular"


def test_no_day_has_that_number() -> None:
    assert of_span("/d/{YYYY}{MM}{DD}.csv", DAY) == "/d/20261120.csv"
    with pytest.raises(DataError, match="No day has the number 10000000"):
        of_span("/d/{YYYY}{MM}{DD}.csv", 10_000_000)
    assert not has_spans("/d/{YYYY}/v-{VERSION}.csv")


def test_days_are_counted_as_tfx_does(days: Path) -> None:
    assert of_span("{YYYY}-{MM}-{DD}", 0) == "1970-01-01"
    (days / "2026-11-15").rename(days / "1970-01-02")
    assert spans(str(days / "{YYYY}-{MM}-{DD}" / "*.csv")) == {1, DAY - 1, DAY - 2, DAY - 3}
