"""The commands ``runs``, ``show``, ``logs`` and ``diff``."""

import difflib
import json
import shutil
import sys
from pathlib import Path

import click

from pipeline.cli import history_text
from pipeline.cli.opening import open_to_read
from pipeline.errors import SettingsError
from pipeline.lineage.archive import Archive
from pipeline.lineage.runs import list_runs, problem_of

_WIDTH = 100  # columns, where there is no terminal


def runs_command(workspace: Path, problem: str | None, most: int | None, *, as_json: bool) -> int:
    """Print the runs, the latest first."""
    archive = open_to_read(workspace)
    names = archive.runs
    if problem is not None or most is None:
        found = list_runs(archive, names)
        problems = sorted({one.problem for one in found})
        if problem is not None and problem not in problems:
            close = difflib.get_close_matches(problem, problems, n=1)
            raise SettingsError(
                f"No run of a problem {problem!r}",
                expected="one of: " + ", ".join(problems),
                where=str(archive.root),
                hint=f"did you mean {close[0]}?" if close else "leave --problem out to see all",
            )
        found = [one for one in found if problem in (None, one.problem)]
        total = len(found)
        found = found[-most:] if most is not None else found
    else:
        total = len(names)
        found = list_runs(archive, names[-most:])
    found.reverse()
    if as_json:
        click.echo(json.dumps([one.as_json() for one in found], indent=2))
        return 0
    click.echo(history_text.runs(found, shutil.get_terminal_size((_WIDTH, 24)).columns))
    if total > len(found):
        click.echo(f"\nand {total - len(found)} earlier; --all lists them")
    return 0


def show_command(workspace: Path, run: str, *, as_json: bool) -> int:
    """Print a run in full."""
    from pipeline.cli.curves import training_as_json, training_folder, training_lines
    from pipeline.lineage.details import details

    archive = open_to_read(workspace)
    found = details(archive, archive.find(run))
    folder = training_folder(archive.root, found)
    if as_json:
        training = training_as_json(folder) if folder else None
        click.echo(json.dumps({**found.as_json(), "training": training}, indent=2))
    else:
        lines = training_lines(folder, indent=13, height=8) if folder else ()
        results = [one for node in found.nodes for one in node.outputs if one["name"] == "tuner_results"]
        searched = _searched(Path(results[0]["uri"])) if results else ()
        click.echo(history_text.show(found, archive.root, lines, searched))
    return 0


def _searched(results: Path) -> list[str]:
    from pipeline.cli.tune import search_lines  # imports what only a run with a search has to wait for

    return search_lines(results, shutil.get_terminal_size((_WIDTH, 24)).columns - 13)


def logs_command(workspace: Path, run: str, node: str, *, only_path: bool) -> int:
    """Print a node's log."""
    archive = open_to_read(workspace)
    name = archive.find(run)
    folder = archive.root / "logs" / name
    there = sorted(file.stem for file in folder.glob("*.log")) if folder.is_dir() else []
    if not there:
        raise _no_logs(archive, name, folder)
    chosen = next((one for one in there if one.lower() == node.lower()), None)
    if chosen is None:
        close = difflib.get_close_matches(node, there, n=1)
        raise SettingsError(
            f"The run {name} has no log of a node {node!r}",
            expected="one of: " + ", ".join(there),
            hint=f"did you mean {close[0]}?" if close else f"python runner.py show {name}",
        )
    file = folder / f"{chosen}.log"
    if only_path:
        click.echo(str(file))
        return 0
    if name != run:
        click.echo(f"{run} is the run {name}\n", err=True)
    _say_where_else(archive, name, chosen, workspace)
    with file.open(encoding="utf-8", errors="replace") as lines:
        shutil.copyfileobj(lines, sys.stdout)
    return 0


def _no_logs(archive: Archive, run: str, folder: Path) -> SettingsError:
    if archive.record(run).job:
        return SettingsError(
            f"The logs of the run {run} are gone",
            where=str(folder),
            hint=f"gc removes the logs of runs that it does not keep; `python runner.py show {run}` has the rest",
        )
    return SettingsError(
        f"The run {run} left no logs here",
        where=str(folder),
        hint="a run on an orchestrator has them there, by the node's execution; see `python runner.py show`",
    )


def _say_where_else(archive: Archive, run: str, node: str, workspace: Path) -> None:
    """Name the run whose log has more to say, where a result was reused."""
    from pipeline.lineage.details import nodes

    for one in nodes(archive, run):
        if one.name == node and one.made_in:
            click.echo(
                f"{node} was reused; what it made is of run {one.made_in}: "
                f"python runner.py logs {one.made_in} {node} --workspace {workspace}\n",
                err=True,
            )


def diff_command(workspace: Path, run_a: str | None, run_b: str, *, with_code: bool, as_json: bool) -> int:
    """Print what changed between two runs."""
    from pipeline.lineage.diff import diff

    archive = open_to_read(workspace)
    after = archive.find(run_b)
    before = _before(archive, after) if run_a is None else archive.find(run_a)
    if before == after:
        raise SettingsError(
            f"That is the same run twice: {after}",
            expected="two runs to compare",
            hint="name two runs, or none: that compares the last one with the one before it of its problem",
        )
    found = diff(archive, before, after)
    if as_json:
        value = found.as_json()
        if with_code:
            for one, change in zip(value["code"]["files"] or (), found.code or (), strict=True):
                one["diff"] = change.diff
        click.echo(json.dumps(value, indent=2))
        return 0
    click.echo(history_text.diff(found))
    if with_code:
        click.echo("\n".join(["", *(change.diff for change in found.code or ())]))
    return 0


def _before(archive: Archive, run: str) -> str:
    """Return the last run before one that is of its problem."""
    names, problem = archive.runs, problem_of(archive, run)
    for name in reversed(names[: names.index(run)]):
        if problem_of(archive, name) == problem:
            return name
    raise SettingsError(
        f"There is no run of {problem} before {run} to compare it with",
        where=str(archive.root),
        hint="name two runs: `python runner.py runs` lists them",
    )
