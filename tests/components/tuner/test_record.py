"""What is written of a search, and what follows from it."""

import dataclasses
from pathlib import Path

import pytest

from components.tuner.record import Compared, read_search
from tests.components.tuner.searches import search


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    search().write(tmp_path)
    assert read_search(tmp_path) == search()
    assert read_search(tmp_path / "nothing") is None


def test_without_a_comparison(tmp_path: Path) -> None:
    search(compared=None).write(tmp_path)
    found = read_search(tmp_path)
    assert found is not None
    assert "eval_margin" not in found.as_json()


def test_margins_are_shares_of_the_defaults_value() -> None:
    told = search().as_json()
    assert told["held_out_margin"] == pytest.approx(0.2)
    assert told["eval_margin"] == pytest.approx(0.125)
    higher = search(lower_is_better=False)
    assert higher.margin(0.9, 0.8) == pytest.approx(0.125)
    assert higher.margin(0.7, 0.8) == pytest.approx(-0.125)
    worse = dataclasses.replace(
        search(), compared=Compared({"mean_absolute_error": 20.0}, {"mean_absolute_error": 30.0})
    )
    assert worse.as_json()["eval_margin"] == pytest.approx(-0.5)


def test_the_best_so_far_leaves_out_what_was_pruned() -> None:
    assert search().best_so_far() == [(0, 30.0), (2, 24.0)]
