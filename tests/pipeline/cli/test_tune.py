"""What `tune` prints."""

import dataclasses
import json
import math
import shlex
from itertools import pairwise
from pathlib import Path

import pytest

from components.tuner.record import Compared, Trial
from pipeline.cli.main import main
from pipeline.cli.run import searched_over
from pipeline.cli.tune import _check_space, _headline, _margins, _next, failures, margin, table, told_search
from pipeline.config import read_problem
from pipeline.errors import CancelledError, PipelineError
from pipeline.local.partial import Part
from pipeline.local.record import NodeResult, create_job
from pipeline.local.run import Outcome
from pipeline.local.workspace import open_workspace
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


def test_what_tune_sets_is_where_the_search_begins_whatever_a_run_takes(tmp_path: Path) -> None:
    text = '[training]\nparams = { rate = 0.1 }\n[tuning]\nuse = "latest"\n'
    text += 'space = { rate = { type = "float", low = 0.01, high = 1.0 } }\n'
    (tmp_path / "pipeline.toml").write_text('label = "a"\n[data]\npath = "rows.csv"\n' + text)
    _check_space(tmp_path, ["training.params.rate=0.5"], None)
    problem = read_problem(tmp_path, ["tuning.use=search", "training.params.rate=0.5"])
    assert searched_over(problem, ["training.params.rate=0.5", "training.seed=5"]) == ["training.params.rate"]


def searched(root: Path, part: Part, error: PipelineError | None = None) -> Outcome:
    """How a run ended that searched, as a stopped one does that is resumed."""
    folder = root / "prices"
    folder.mkdir(parents=True)
    text = 'label = "a"\n[data]\npath = "rows.csv"\n[training]\nparams = { rate = 0.1, layers = 2 }\n'
    text += '[tuning]\nspace = { rate = { type = "float", low = 0.01, high = 1.0 } }\n'
    (folder / "pipeline.toml").write_text(text)
    given = ["--set", "training.params.rate=0.5", "--set", "training.params.layers=3", "--set", "tuning.trials=5"]
    problem = read_problem(folder, [*given[1::2], "tuning.use=search"])
    job = create_job(open_workspace(root / "w"), problem, cache=True, part=part, given=given)
    results = job.folder / "results"
    results.mkdir()
    search().write(results)
    (results / "search.svg").write_text("<svg/>")
    outputs = {"tuner_results": [{"id": 1, "uri": str(results), "properties": {}}]}
    return Outcome(job, {"Tuner": NodeResult("Tuner", "ran", outputs=outputs)}, 5.0, error, resumed=1)


def test_a_search_that_is_resumed_ends_with_what_it_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = searched(tmp_path, Part(last="Tuner"))
    monkeypatch.setattr("pipeline.cli.resume.resume_run", lambda *given, **more: outcome)
    assert main(["resume", outcome.job.run, "--workspace", str(tmp_path / "w")]) == 0
    told = capsys.readouterr().out
    assert "mean_absolute_error (lower is better) in 5 trials, 1 pruned, 1 failed" in told
    assert "best      trial 2: rate 0.05" in told
    assert "12.5% better; on rows that the search never saw" in told
    assert "search.svg" in told
    assert told.splitlines()[-1] == (
        f"  next      train with these values: python runner.py run {tmp_path}/prices --set training.params.layers=3 "
        "--workspace w --set tuning.use=latest"
    ), "without what the search varies, which a run with its values refuses"
    assert main(["resume", outcome.job.run, "--workspace", str(tmp_path / "w"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["search"]["best"] == 2


def test_the_command_that_a_search_ends_with_is_one_that_runs(tmp_path: Path) -> None:
    words = shlex.split(str(told_search(searched(tmp_path, Part(last="Tuner")), as_json=False)).splitlines()[-1])
    overrides = [word for before, word in pairwise(words) if before == "--set"]
    settings = read_problem(tmp_path / "prices", overrides).settings
    assert (settings.tuning.use, settings.training.params["layers"]) == ("latest", 3)


def test_a_run_that_goes_on_after_its_search_ends_with_its_own_summary(tmp_path: Path) -> None:
    assert told_search(searched(tmp_path, Part()), as_json=False) is None
    stopped = searched(tmp_path / "stopped", Part(last="Tuner"), CancelledError("stopped"))
    assert told_search(stopped, as_json=False) is None
    told = json.loads(str(told_search(stopped, as_json=True)))
    assert (told["exit_code"], told["search"]["best"]) == (130, 2)
