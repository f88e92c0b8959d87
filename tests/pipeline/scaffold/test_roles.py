"""What becomes of a column: each rule on a small file that it is made for."""

import csv
import random
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from pipeline.scaffold.profiling import profile
from pipeline.scaffold.roles import Decision, Role, decide

ROWS = 400


def decision(folder: Path, name: str, cells: Sequence[object]) -> Decision:
    """Decide about a column with these cells, in a file that has another one and a label."""
    made = random.Random(0)
    with (folder / "rows.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([name, "other", "label"])
        writer.writerows([cell, made.random(), made.random()] for cell in cells)
    return decide(profile(str(folder / "rows.csv"), label="label").columns[0])


def column(make: Callable[[random.Random, int], object], rows: int = ROWS) -> list[object]:
    made = random.Random(7)
    return [make(made, row) for row in range(rows)]


@pytest.mark.parametrize(
    ("name", "cells", "role"),
    [
        ("speed km/h", column(lambda r, _: r.gauss(0, 1)), Role.NUMBER),
        ("price", column(lambda r, _: round(r.lognormvariate(5, 2), 2)), Role.LOG_NUMBER),
        ("flag", column(lambda r, _: r.randrange(2)), Role.NUMBER),
        ("month", column(lambda r, _: r.randrange(1, 13)), Role.CODE),
        ("zip code", column(lambda r, _: 10_000 + r.randrange(40)), Role.CODE),
        ("census", column(lambda r, _: 17_031_081_500 + r.randrange(20)), Role.CODE_ONLY),
        ("colour", column(lambda r, _: r.choice(["red", "green"])), Role.CATEGORY),
        ("sold", column(lambda r, _: r.choice(["true", "false"])), Role.CATEGORY),
        ("marked", column(lambda r, _: r.choice(["yes", ""])), Role.CATEGORY),
        ("day", column(lambda r, n: f"2024-{1 + n % 12:02d}-{r.randrange(1, 29):02d}"), Role.DATE),
        ("at", column(lambda r, n: f"2024-05-{1 + n % 28:02d}T{r.randrange(24):02d}:05:09.25+02:00"), Role.DATE),
        ("timestamp", column(lambda _, n: 1_400_000_000 + 60 * n), Role.EPOCH),
        ("created", column(lambda _, n: 1_400_000_000_000 + 60 * n), Role.EPOCH),
        ("population", random.Random(3).sample(range(10**6), ROWS), Role.NUMBER),
    ],
)
def test_what_can_be_learned_from_is_used(tmp_path: Path, name: str, cells: list[object], role: Role) -> None:
    assert decision(tmp_path, name, cells).role is role


@pytest.mark.parametrize(
    ("name", "cells", "reason"),
    [
        ("nr", column(lambda _, n: n), "an id: it rises"),
        ("nr", column(lambda _, n: 10**18 - n), "an id: it rises or falls"),
        ("customer id", random.Random(3).sample(range(10**6), ROWS), "an id: each row"),
        ("userId", random.Random(3).sample(range(10**6), ROWS), "an id: each row"),
        ("hash", column(lambda r, _: f"{r.getrandbits(64):x}"), "an id: nearly every row"),
        ("name", column(lambda r, _: f"N{r.randrange(500)}"), "too few rows of each"),
        ("notes", column(lambda r, _: " ".join(r.choices(["so", "it", "went"], k=12))), "free text: 12 words"),
        ("day", column(lambda r, _: f"{r.randrange(1, 29)}/{r.randrange(1, 13)}/2024"), "a date or time that is not"),
        ("day", column(lambda r, _: f"{r.randrange(1, 29)} May 2024"), "a date or time that is not"),
        ("clock", column(lambda r, _: f"{r.randrange(24)}:15"), "a date or time that is not"),
        ("x", column(lambda r, n: r.random() if n % 50 else "broken"), "numbers, but for cells such as 'broken'"),
        ("net", column(lambda r, _: f"${r.randrange(10**6):,}.50"), "numbers with signs, such as '$"),
        ("rate", column(lambda r, _: f"{r.random():.2f}%"), "numbers with signs, such as '0"),
        ("currency", ["EUR"] * ROWS, "constant"),
        ("one", [1] * ROWS, "constant"),
        ("nothing", ["?"] * ROWS, "no row has a value"),
        ("nearly", [5, 6, 7] + [""] * (ROWS - 3), "nearly all missing: only 3 of 400"),
    ],
)
def test_what_cannot_is_left_out_with_a_reason(tmp_path: Path, name: str, cells: list[object], reason: str) -> None:
    found = decision(tmp_path, name, cells)
    assert found.role is Role.LEFT_OUT
    assert reason in found.reason


def test_a_column_that_says_the_label_is_left_out(tmp_path: Path) -> None:
    lines = ["copy,x,label"] + [f"{n}.0,{n * 7 % 50},{n}" for n in range(100)]
    (tmp_path / "rows.csv").write_text("\n".join(lines))
    copy, x, _ = profile(str(tmp_path / "rows.csv"), label="label").columns
    assert decide(copy).reason == "says the same as the label in every row"
    assert decide(x).role is Role.NUMBER
