"""What `tune` prints."""

import dataclasses
import json
import math
from pathlib import Path

import pytest

from components.tuner.record import Compared, Trial
from pipeline.cli.main import main
from pipeline.cli.tune import _headline, _margins, _next, failures, margin, table
from tests.components.tuner.searches import search


def test_the_table_has_the_best_first_and_fits_a_terminal() -> None:
    lines = table(search(), 100)
    assert [line.split()[0] for line in lines] == ["trial", "2", "4", "0", "1", "3"]
    assert lines[1].split()[:4] == ["2", "best", "24", "10"]
    assert "default" in lines[3]
    assert "pruned" in lines[4]
    assert lines[5].split()[:3] == ["3", "failed", "-"]
    assert max(map(len, table(search(), 40))) <= 40


@pytest.mark.parametrize("width", [40, 60, 80, 100, 160])
def test_columns_without_room_are_left_out_whole_and_named(width: int) -> None:
    values = {
        "rate": 0.0631,
        "freq": 3,
        "batch_size": 1024,
        "embedding_size": 16,
        "hidden": [256, 128, 64],
        "drop": 0.3,
    }
    one = Trial(0, "complete", values, 1.0, True, ((10, 1.0),), 10, 23.0)
    wide = dataclasses.replace(search(), trials=(one,), best=0, values=values)
    head, row, *rest = table(wide, width)
    assert max(map(len, (head, row, *rest))) <= width
    whole = ["trial", "value", "step", "s", "rate", "freq", "batch_s…", "embeddi…", "hidden", "drop"]
    cells = ["0", "best,", "default", "1", "10", "23", "0.0631", "3", "1024", "16", "[256,128,64]", "0.3"]
    kept = [at for at, name in enumerate(whole) if name in head.split()]
    assert head.split() == [whole[at] for at in kept]
    assert row.split() == [*cells[:3], *(cells[2 + at] for at in kept[1:])]
    names = ["trial", "value", "step", "seconds", *values]
    gone = [names[at] for at in range(len(names)) if at not in kept]
    said = " ".join(line.strip() for line in rest)
    assert said == (f"no room for {', '.join(gone)}: --json has them" if gone else "")
    assert (gone == []) == (width >= 100)


def test_why_trials_failed_is_said_once_for_each_reason() -> None:
    more = [
        Trial(5, "failed", {"rate": 0.8, "units": [8]}, reason="The loss became NaN"),
        Trial(6, "failed", {"rate": 0.1, "units": [8]}, reason="model_fn of prices raised ValueError: no such mood"),
        Trial(7, "killed", {"rate": 0.1, "units": [8]}, reason="the search was killed while it ran"),
    ]
    told = search(trials=(*search().trials, *more))
    assert failures(told, 100) == [
        "  trials 3, 5 failed: The loss became NaN",
        "  trial 6 failed: model_fn of prices raised ValueError: no such mood",
    ]
    assert max(map(len, failures(told, 40))) <= 40
    assert _headline(told) == (
        "mean_absolute_error (lower is better) in 7 trials, 1 pruned, 3 failed, 1 more interrupted and repeated"
    )


def test_a_default_that_diverged_is_said_beside_the_best_and_the_values_are_recommended() -> None:
    trials = (Trial(0, "failed", {"rate": 0.1, "units": [8]}, None, True, reason="The loss became NaN"),)
    told = search(
        trials=(*trials, *search().trials[1:]),
        compared=Compared({"mean_absolute_error": None}, {"mean_absolute_error": 28.0}),
    )
    held_out, judged = _margins(told)
    assert "mean_absolute_error 24, default failed: The loss became NaN;" in held_out
    assert "mean_absolute_error 28, default NaN: better;" in judged
    assert _next(told, "python ...").startswith("train")


def test_a_long_table_is_cut_and_says_so() -> None:
    more = tuple(Trial(number, "complete", {"rate": 0.1, "units": [8]}, 100.0 + number) for number in range(5, 30))
    lines = table(dataclasses.replace(search(), trials=(*search().trials, *more)), 100)
    assert lines[-1] == "  and 18 more, the worst ones: --json has all"


def test_margins_in_words() -> None:
    assert [margin(one) for one in (0.051, -0.2, 0.0)] == ["5.1% better", "20.0% worse", "the same"]
    assert [margin(one) for one in (math.inf, -math.inf)] == ["better", "worse"]


def test_values_that_gain_nothing_on_eval_are_not_recommended() -> None:
    assert _next(search(), "python ...") == "train with these values: python ..."
    worse = search(compared=Compared({"mean_absolute_error": 20.0}, {"mean_absolute_error": 30.0}))
    assert _next(worse, "python ...").startswith("keep the default values")
    assert _next(search(compared=None), "python ...").startswith("train")


def test_without_a_space_it_says_how_to_write_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "pipeline.toml").write_text('label = "a"\n[data]\npath = "rows.csv"\n')
    assert main(["tune", str(tmp_path), "--json"]) == 2
    told = json.loads(capsys.readouterr().out)["error"]
    assert told["headline"] == f"{tmp_path.name} has no search space"
    assert "type" in told["expected"]
    assert told["where"].endswith("pipeline.toml")
