"""What `tune` prints."""

import dataclasses
import json
from pathlib import Path

import pytest

from components.tuner.record import Compared, Trial
from pipeline.cli.main import main
from pipeline.cli.run import searched_over
from pipeline.cli.tune import _check_space, _next, margin, table
from pipeline.config import read_problem
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


def test_a_long_table_is_cut_and_says_so() -> None:
    more = tuple(Trial(number, "complete", {"rate": 0.1, "units": [8]}, 100.0 + number) for number in range(5, 30))
    lines = table(dataclasses.replace(search(), trials=(*search().trials, *more)), 100)
    assert lines[-1] == "  and 18 more, the worst ones: --json has all"


def test_margins_in_words() -> None:
    assert [margin(one) for one in (0.051, -0.2, 0.0)] == ["5.1% better", "20.0% worse", "the same"]


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


def test_what_tune_sets_is_where_the_search_begins_whatever_a_run_takes(tmp_path: Path) -> None:
    text = '[training]\nparams = { rate = 0.1 }\n[tuning]\nuse = "latest"\n'
    text += 'space = { rate = { type = "float", low = 0.01, high = 1.0 } }\n'
    (tmp_path / "pipeline.toml").write_text('label = "a"\n[data]\npath = "rows.csv"\n' + text)
    _check_space(tmp_path, ["training.params.rate=0.5"], None)
    problem = read_problem(tmp_path, ["tuning.use=search", "training.params.rate=0.5"])
    assert searched_over(problem, ["training.params.rate=0.5", "training.seed=5"]) == ["training.params.rate"]
