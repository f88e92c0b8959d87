"""The command that a run's summary ends with: what goes on where it stopped."""

from pathlib import Path

import pytest

from pipeline.cli.run import options_again
from pipeline.cli.summary import render
from pipeline.config import read_problem
from pipeline.errors import HungUpError, InfrastructureError, PipelineError, UserCodeError
from pipeline.local.partial import Part
from pipeline.local.record import create_job, read_job
from pipeline.local.resuming import changed_since
from pipeline.local.run import Outcome
from pipeline.local.workspace import open_workspace


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    problem = tmp_path / "prices"
    problem.mkdir()
    (problem / "pipeline.toml").write_text('label = "price"\n[data]\npath = "rows.csv"\n')
    (problem / "model.py").write_text("A = 1\n")
    monkeypatch.setattr("sys.argv", ["runner.py", "resume"])
    monkeypatch.chdir(tmp_path)
    return problem


def last_line(folder: Path, error: PipelineError, *, part: Part) -> str:
    """What a resumed run says at its end, that was begun in this directory with other data and a setting."""
    overrides = ["training.train_steps=7", "evaluation.slices=[['a b']]"]
    problem = read_problem(folder, overrides, "other.csv")
    given = options_again(problem, "other.csv", overrides)
    begun = create_job(open_workspace(folder.parent / "w"), problem, cache=True, part=part, given=given)
    job = read_job(begun.folder / "job.json")
    return render(Outcome(job, {}, 1.0, error, resumed=1), colour=False).splitlines()[-1]


def test_after_an_error_of_code_the_first_options_are_given_again(folder: Path) -> None:
    """By ``run``, since ``resume`` would meet the same code again."""
    assert last_line(folder, UserCodeError("model_fn failed", hint="mend it"), part=Part(first="Trainer")) == (
        f"  resume    python runner.py run {folder} --data {folder.parent}/other.csv --set training.train_steps=7 "
        "--set 'evaluation.slices=[['\"'\"'a b'\"'\"']]' --from Trainer --workspace w   (finished nodes are reused)"
    )


@pytest.mark.parametrize("error", [InfrastructureError("lost", hint="wait"), HungUpError("gone", hint="wait")])
def test_else_the_run_is_resumed(folder: Path, error: PipelineError) -> None:
    line = last_line(folder, error, part=Part())
    assert line.startswith("  resume    python runner.py resume prices-")
    assert line.endswith(" --workspace w   (finished nodes are reused)")


def test_where_the_folder_changed_since_the_options_are_told_too(folder: Path) -> None:
    problem = read_problem(folder, ["data.path=here.csv", "label=cost"])
    given = options_again(problem, None, ["data.path=here.csv", "label=cost"])
    assert given == ["--data", f"{folder.parent}/here.csv", "--set", "label=cost"]
    job = create_job(open_workspace(folder.parent / "w"), problem, cache=True, given=given)
    assert changed_since(job) is None
    (folder / "model.py").write_text("A = 2\n")
    assert changed_since(job) == (
        f"model.py in {folder} changed since; the run goes on with its own copy, `python runner.py run {folder} "
        f"--data {folder.parent}/here.csv --set label=cost` would take the folder as it is now"
    )


def test_what_ships_is_run_again_as_it_ships(folder: Path) -> None:
    assert options_again(read_problem(folder), None, ()) == []
