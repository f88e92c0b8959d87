"""Data that is refused, row by row of the table; and the two oddities that must be read."""

from pathlib import Path

import pytest

from tests.e2e.site import BEFORE_TRAINING, Site, census, refused, text_of

pytestmark = pytest.mark.slow

LINE = 12  # of the file, which the faults below strike


def struck(cells: str) -> bytes:
    """The usual data with another line 12."""
    lines = census()
    lines[LINE - 1] = cells
    return text_of(lines)


def with_header(names: str) -> bytes:
    return text_of([names, *census()[1:]])


BAD = {
    "an empty file": (b"", "A data file is empty.", ""),
    "a header with no rows": (text_of(census(0)), "The data has a header and no rows.", ""),
    "a row that is too short": (struck("55.0,2,Hill"), "A row has 3 cells where the header has 4.", f":{LINE}"),
    "a quote that is not closed": (struck('55.0,2,"Hill,700.5'), "A quoted cell is not closed.", f":{LINE}:8"),
    "not UTF-8": (struck("55.0,2,Hill,700.5").replace(b"55.0,2,Hill", b"55.0,2,H\xfcgel"), "not UTF-8", f":{LINE}:9"),
    "two columns of one name": (with_header("area,rooms,rooms,rent"), "the same name: rooms", ":1:rooms"),
    "a missing column": (with_header("size,rooms,district,rent"), "area", ""),
    "text in a numeric column": (struck("large,2,Hill,700.5"), "is not a number", f":{LINE}:area"),
    "NaN": (struck("nan,2,Hill,700.5"), "is not a number (NaN)", f":{LINE}:area"),
    "infinity": (struck("55.0,2,Hill,inf"), "The label is infinite", f":{LINE}:rent"),
    "a constant label": (
        text_of([line.rpartition(",")[0] + (",700.5" if n else ",rent") for n, line in enumerate(census())]),
        "The label rent is constant",
        "",
    ),
    "fewer rows than a split needs": (text_of(census(40)), "too few rows for the split eval", ""),
}


@pytest.mark.parametrize("what", BAD)
def test_refused(site: Site, tmp_path: Path, what: str) -> None:
    content, headline, place = BAD[what]
    bad = tmp_path / "bad.csv"
    bad.write_bytes(content)
    refused(site.run(data=bad), 3, headline, f"{bad}{place}")


def test_unseen_category_byte_order_mark_and_a_line_break_in_quotes(site: Site, tmp_path: Path) -> None:
    """The mark and the line break are read; the category that holds the break is refused, then let through."""
    odd = tmp_path / "odd.csv"
    odd.write_bytes(b"\xef\xbb\xbf" + struck('55.0,2,"Hill\nDale",700.5'))
    ended = site.run("--json", data=odd)
    assert ended.code == 3, ended.text
    assert sum(ended.json["rows"].values()) == 300
    error = ended.json["error"]
    assert error["headline"] == "The data is not as the schema says: 1 anomaly"
    [anomaly] = error["parts"]
    assert anomaly["headline"].startswith("district")
    assert "Hill\\nDale" in anomaly["got"] or "Hill\nDale" in anomaly["got"]
    assert "validation.anomalies=report" in error["hint"]
    assert ended.json["pushed"] is None
    assert ended.served_after == ended.served_before
    assert "Traceback" not in ended.text

    ended = site.run("--json", "--set", "validation.anomalies=report", data=odd)
    assert ended.code == 0, ended.text
    states = ended.states()
    assert {node for node in BEFORE_TRAINING if states[node] != "reused"} == {"ExampleValidator"}
    assert states["Trainer"] == "ran"
    assert ended.json["pushed"]["new"]
    assert set(ended.served_before.items()) < set(ended.served_after.items())
