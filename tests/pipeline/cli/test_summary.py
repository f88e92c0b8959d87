"""The command that a run's summary ends with: what goes on where it stopped."""

import shlex
import signal
from pathlib import Path
from typing import Any

import pytest

from pipeline.cli.display import Display
from pipeline.cli.main import main
from pipeline.cli.run import options_again
from pipeline.cli.summary import render
from pipeline.config import Problem, read_problem
from pipeline.errors import (
    HungUpError,
    InfrastructureError,
    LimitError,
    NothingToReuseError,
    PipelineError,
    SettingsError,
    UserCodeError,
)
from pipeline.local.causes import over_memory, over_time
from pipeline.local.partial import WHOLE, Part
from pipeline.local.record import Job, NodeResult, create_job, read_job
from pipeline.local.resuming import changed_since
from pipeline.local.run import Outcome
from pipeline.local.stopping import StoppedAtOnce
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
        f"--data {folder.parent}/here.csv --set label=cost --workspace {folder.parent}/w` "
        "would take the folder as it is now"
    )


def test_what_ships_is_run_again_as_it_ships(folder: Path) -> None:
    assert options_again(read_problem(folder), None, ()) == []


def made(folder: Path, *, part: Part = WHOLE, cache: bool = True) -> Job:
    problem = read_problem(folder, [], "other.csv")
    given = options_again(problem, "other.csv", [])
    return create_job(open_workspace(folder.parent / "w"), problem, cache=cache, part=part, given=given)


def test_what_comes_next_after_a_part_can_be_given_as_it_stands(folder: Path) -> None:
    """The problem's path, the data and the workspace are told: the problem is none that ships."""
    text = render(Outcome(made(folder, part=Part(last="ExampleGen")), {}, 1.0, None), colour=False)
    assert text.splitlines()[-1] == (
        f"  next      python runner.py run {folder} --data {folder.parent}/other.csv --workspace w"
    )


def test_after_a_limit_the_raised_one_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each node that exceeded one; the command as it was given would end there again."""
    job = made(folder)
    errors: list[LimitError] = [
        over_time("ExampleGen", 2, job.log("ExampleGen")),
        over_memory("Transform", 100, 450, job.log("Transform")),
    ]
    assert str(errors[1].hint).startswith("give it more with --set run.memory_mb.Transform=700, or make training.")
    results = {node: NodeResult(node, "failed", error=one) for node, one in zip(("A", "B"), errors, strict=True)}
    raised = "--set run.timeout_secs.ExampleGen=4 --set run.memory_mb.Transform=700"
    reused = "   (finished nodes are reused)"
    monkeypatch.setattr("sys.argv", ["runner.py", "run", "prices", "--timeout", "2"])
    assert render(Outcome(job, results, 1.0, errors[0]), colour=False).splitlines()[-1] == (
        f"  resume    python runner.py run prices --timeout 2 {raised}{reused}"
    )
    assert render(Outcome(job, results, 1.0, errors[0], resumed=1), colour=False).splitlines()[-1] == (
        f"  resume    python runner.py run {folder} --data {folder.parent}/other.csv --workspace w {raised}{reused}"
    )


@pytest.mark.parametrize(
    ("hint", "value"), [("did you mean mean_absolute_error?", "mean_absolute_error"), (None, "...")]
)
def test_a_setting_that_was_refused_is_not_given_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch, hint: str | None, value: str
) -> None:
    """The metrics of a model are known only once it is built."""
    error = SettingsError("The model's evaluation has no metric mean_abs", where="tuning.metric", hint=hint)
    results = {"Tuner": NodeResult("Tuner", "failed", error=error)}
    for given in (["--set", "tuning.metric=mean_abs"], ["--set=tuning.metric=mean_abs"]):
        monkeypatch.setattr("sys.argv", ["runner.py", "tune", "prices", *given, "--set", "tuning.trials=3"])
        text = render(Outcome(made(folder), results, 1.0, error), colour=False)
        words = shlex.join(["python", "runner.py", "tune", "prices", *given, "--set", "tuning.trials=3"])
        assert text.splitlines()[-1] == (
            f"  resume    {words.replace('mean_abs', value)}   (finished nodes are reused)"
        )


def test_where_nothing_was_to_be_reused_no_reuse_is_promised(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["runner.py", "run", "prices", "--no-cache"])
    error = UserCodeError("model_fn failed", hint="mend it")
    job = made(folder, cache=False)
    assert render(Outcome(job, {}, 1.0, error), colour=False).splitlines()[-1] == (
        "  resume    python runner.py run prices --no-cache"
    )
    assert render(Outcome(job, {}, 1.0, error, resumed=1), colour=False).splitlines()[-1] == (
        f"  resume    python runner.py run {folder} --data {folder.parent}/other.csv --no-cache --workspace w"
    )


def test_what_must_fail_again_is_not_offered(folder: Path) -> None:
    error = NothingToReuseError("ExampleGen has no result to reuse", hint="make it")
    assert "resume" not in render(Outcome(made(folder, part=Part(first="Trainer")), {}, 1.0, error), colour=False)
    assert "runner.py" not in render(Outcome(made(folder, part=Part(only="Trainer")), {}, 1.0, error), colour=False)


def test_a_run_that_is_stopped_at_once_is_resumed_by_its_name(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As soon as it has a record; before, the command that was given is given again."""
    monkeypatch.setattr("sys.argv", ["runner.py", "run", "prices"])
    begun: list[Job] = []

    def stopped(problem: Problem, root: Path, watcher: Display, **_: Any) -> Outcome:
        if begun:
            watcher.begins(begun[0])
        raise StoppedAtOnce(signal.SIGTERM)

    monkeypatch.setattr("pipeline.cli.run.run_problem", stopped)
    arguments = ["run", str(folder), "--data", "other.csv", "--workspace", "w"]
    assert main(arguments) == 143
    assert capsys.readouterr().err.splitlines()[-1] == (
        "  resume    python runner.py run prices   (finished nodes are reused)"
    )
    begun.append(made(folder))
    assert main(arguments) == 143
    assert capsys.readouterr().err.splitlines()[-1] == (
        f"  resume    python runner.py resume {begun[0].run} --workspace w   (finished nodes are reused)"
    )
