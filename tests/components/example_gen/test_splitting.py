"""A row's split is a property of the row."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Ingest = Callable[..., Any]
Write = Callable[..., Path]
SPLITS = {"train": 4, "eval": 1}


def lines(rows: int) -> list[str]:
    chance = random.Random(7)
    return [f"{chance.random():.6f},{chance.randrange(9)},{chance.choice(['', 'a', 'bb'])}" for _ in range(rows)]


def members(done: Any, split: str) -> set[tuple[Any, ...]]:
    return {(row.get("x"), row.get("n"), row.get("t")) for row in done.rows[split]}


def test_shares_are_as_asked(ingest: Ingest, write: Write) -> None:
    done = ingest(write("x,n,t\n" + "\n".join(lines(20_000))), splits=SPLITS)
    assert len(done.rows["eval"]) / 20_000 == pytest.approx(0.2, abs=0.01)  # 0.01 is 3.5 standard deviations.


def test_the_order_of_rows_files_and_columns_does_not_matter(ingest: Ingest, write: Write) -> None:
    rows = lines(2_000)
    one = ingest(write("x,n,t\n" + "\n".join(rows), "one/a.csv").parent, splits=SPLITS)
    write("x,n,t\n" + "\n".join(rows[1500:]), "two/a.csv")
    turned = [",".join(reversed(row.split(","))) for row in rows[:1500]]
    two = ingest(write("t,n,x\n" + "\n".join(turned), "two/b.csv").parent, splits=SPLITS)
    assert members(one, "eval") == members(two, "eval")
    assert len(one.rows["eval"]) == len(two.rows["eval"])


def test_a_type_that_widens_moves_no_row(ingest: Ingest, write: Write) -> None:
    rows = lines(2_000)
    before = ingest(write("x,n,t\n" + "\n".join(rows)), splits=SPLITS)
    after = ingest(write("x,n,t\n" + "\n".join([*rows, "1,2.5,a"])), splits=SPLITS)
    assert before.kinds["n"] is not after.kinds["n"]
    assert members(before, "eval") == members(after, "eval") - {(1.0, 2.5, b"a")}


def test_equal_rows_share_a_split(ingest: Ingest, write: Write) -> None:
    rows = lines(500)
    done = ingest(write("x,n,t\n" + "\n".join(rows * 2)), splits=SPLITS)
    assert not members(done, "train") & members(done, "eval")
    assert len(done.rows["eval"]) % 2 == 0


def test_a_row_stays_where_it_was_in_earlier_versions(ingest: Ingest, write: Write) -> None:
    """Splits written down: should this fail, users' eval rows move into train with the next version."""
    done = ingest(write("x,n,t\n" + "\n".join(lines(40))), splits={"train": 1, "eval": 1})
    eval_rows = {round(row["x"], 6) for row in done.rows["eval"]}
    assert sorted(eval_rows)[:6] == FIRST_IN_EVAL


FIRST_IN_EVAL = [0.059601, 0.097431, 0.123802, 0.180726, 0.299767, 0.300249]
