"""What is written of a search, and what follows from it."""

import dataclasses
import json
import math
from pathlib import Path

import pytest

from components.tuner.record import Compared, Trial, read_search
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


def test_margins_that_are_no_share_and_metrics_that_are_no_number_are_json_all_the_same() -> None:
    nothing = dataclasses.replace(search().trials[0], value=0.0)
    free = search(trials=(nothing, *search().trials[1:]), lower_is_better=False)
    assert free.margins()["held_out_margin"] == math.inf
    assert free.margin(-1.0, 0.0) == -math.inf
    assert free.margin(0.0, 0.0) == 0
    diverged = search(trials=free.trials, lower_is_better=False, compared=Compared({"mean_absolute_error": None}, {}))
    assert "eval_margin" not in diverged.margins()
    odd = search(compared=Compared({"mean_absolute_error": None}, {"mean_absolute_error": 3.0}), seconds=math.nan)
    assert odd.margins()["eval_margin"] == math.inf
    for one in (free, diverged, odd):
        text = json.dumps(one.as_json(), allow_nan=False)
        assert json.loads(text)["problem"] == "prices"


def test_both_or_the_best_values_may_diverge_on_all_rows() -> None:
    compared = [Compared({"mean_absolute_error": one}, {"mean_absolute_error": None}) for one in (3.0, None)]
    assert [search(compared=one).margins()["eval_margin"] for one in compared] == [-math.inf, 0]


def test_what_is_repeated_is_not_counted() -> None:
    killed = Trial(5, "killed", {"rate": 0.1, "units": [8]}, 20.0)
    assert search(trials=(*search().trials, killed)).counted == 5


def test_the_best_so_far_leaves_out_what_was_pruned() -> None:
    assert search().best_so_far() == [(0, 30.0), (2, 24.0)]
