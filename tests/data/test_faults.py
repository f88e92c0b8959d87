"""Each fault does what it says, where it says, and nothing else."""

import math

import pytest

from data import faults, generate

ROWS = 2500
STRUCK = (11, 1011, 2011)  # lines of the file, counted from 1 after the header


def lines(*names: str, block_rows: int = 700) -> list[bytes]:
    return b"".join(generate.pieces(ROWS, 0, names, block_rows)).split(b"\n")[:-1]


def changed(name: str) -> dict[int, bytes]:
    clean = lines()
    return {number: line for number, line in enumerate(lines(name)) if line != clean[number]}


@pytest.mark.parametrize(
    ("name", "holds"),
    [
        ("new-category", b",NEAR LAKE"),
        ("text-in-number", b",many,"),
        ("not-finite", b",nan,inf,"),
        ("long-lines", b",1.0,2.0"),
        ("wrong-quote", b',"'),
        ("not-utf8", b" \xe9"),
    ],
)
def test_faults_of_single_rows(name: str, holds: bytes) -> None:
    found = changed(name)
    assert tuple(found) == STRUCK
    assert all(holds in line for line in found.values())


def test_broken_lines_are_short() -> None:
    found = changed("broken-lines")
    assert tuple(found) == STRUCK
    assert {line.count(b",") for line in found.values()} == {6}


def test_a_line_break_stands_inside_quotes() -> None:
    whole = b"\n".join(lines("line-break"))
    assert whole.count(b"\n") == ROWS + len(STRUCK)
    assert whole.count(b'"') == 2 * len(STRUCK)


def test_not_utf8_is_not() -> None:
    with pytest.raises(UnicodeDecodeError):
        b"\n".join(lines("not-utf8")).decode()


def test_faults_of_columns() -> None:
    def column(name: str, at: int) -> list[float]:
        return [float(line.split(b",")[at] or b"nan") for line in lines(name)[1:]]

    clean = [float(line.split(b",")[7]) for line in lines()[1:]]
    drifted = column("drifted-column", 7)
    assert sum(drifted) > 1.6 * sum(clean)
    assert max(drifted) <= 15.0001
    assert min(column("wrong-unit", 7)) > 1000
    assert set(column("constant-label", 8)) == {200_000.0}
    assert sum(map(math.isnan, column("missing-cells", 6))) == pytest.approx(ROWS / 2, abs=ROWS / 20)


def test_faults_of_the_header() -> None:
    clean = lines()
    assert b"median_income" not in lines("missing-column")[0]
    assert {line.count(b",") for line in lines("missing-column")} == {8}
    assert lines("duplicate-column")[0].count(b"households") == 2
    assert lines("byte-order-mark") == [b"\xef\xbb\xbf" + clean[0], *clean[1:]]
    assert lines("duplicate-column")[1:] == clean[1:]


@pytest.mark.parametrize("name", faults.NAMES)
def test_the_block_does_not_matter(name: str) -> None:
    assert lines(name, block_rows=701) == lines(name, block_rows=ROWS)
    assert lines(name) != lines()


def test_faults_add_up() -> None:
    both = lines("new-category", "broken-lines", "byte-order-mark")
    assert both[0].startswith(b"\xef\xbb\xbf")
    assert both[11].count(b",") == 6


def test_an_unknown_fault_is_named() -> None:
    with pytest.raises(ValueError, match="'rust'; there are new-category, "):
        lines("rust")
