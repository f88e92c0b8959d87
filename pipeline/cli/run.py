"""The command ``run``."""

import json
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

import click

from pipeline.cli.closed import unless_closed
from pipeline.cli.display import Display
from pipeline.cli.problems import find_problem
from pipeline.cli.resuming import resume_run_line
from pipeline.cli.summary import as_json as summary_json
from pipeline.cli.summary import exit_code, render
from pipeline.config import Problem, read_problem
from pipeline.config.tuning import set_beside
from pipeline.local.partial import WHOLE, Part
from pipeline.local.run import Outcome, run_problem
from pipeline.local.stopping import StoppedAtOnce


def run_command(
    problem: str,
    data: str | None,
    workspace: Path,
    overrides: Sequence[str],
    *,
    cache: bool,
    most: int | None,
    part: Part = WHOLE,
    as_json: bool,
    verbose: bool,
) -> int:
    """Run a problem and print the summary; return the exit code."""
    settings = read_problem(find_problem(problem), overrides, data)
    given = options_again(settings, data, overrides)
    if settings.settings.tuning.use == "search":
        for name in searched_over(settings, overrides):
            click.echo(f"{name} is where the search begins; the model is trained with the best value found", err=True)

    def tell(outcome: Outcome) -> str | None:
        from pipeline.cli.tune import told_search  # which imports this module

        return told_search(outcome, as_json=as_json)

    return carry_out(
        lambda display: run_problem(settings, workspace, display, cache=cache, most=most, part=part, given=given),
        as_json=as_json,
        verbose=verbose,
        tell=tell,
    )


def searched_over(problem: Problem, overrides: Sequence[str]) -> list[str]:
    """Return which settings of the command line a search varies."""
    settings = problem.settings
    given = [[name.strip() for name in one.partition("=")[0].split(".")] for one in overrides]
    return set_beside(settings.tuning, settings.training, given)


def options_again(problem: Problem, data: str | None, overrides: Sequence[str]) -> list[str]:
    """Return the options that made the settings what they are, as they can be given again from anywhere."""
    others = [one for one in overrides if one.partition("=")[0].strip() != "data.path"]
    as_it_ships = data is None and len(others) == len(overrides)
    # Of the path what it was resolved to: as it was given it may be one from the current directory.
    path = [] if as_it_ships else ["--data", problem.settings.data.path]
    return [*path, *(word for one in others for word in ("--set", one))]


def carry_out(
    work: Callable[[Display], Outcome],
    *,
    as_json: bool,
    verbose: bool,
    tell: Callable[[Outcome], str | None] = lambda outcome: None,
) -> int:
    """Do what a command is to do, show it while it goes, and print the summary; return the exit code.

    Args:
        work: What is to be done.
        as_json: Whether to print JSON.
        verbose: Whether to add the whole log of a node that failed.
        tell: Returns the summary, where it is another than a run's.
    """
    display = Display()
    heed_signals()
    try:
        outcome = work(display)
    except KeyboardInterrupt as stopped:
        job, number = display.job, getattr(stopped, "number", signal.SIGINT)
        raise StoppedAtOnce(number, resume_run_line(job.run, str(job.workspace.root)) if job else None) from None
    finally:
        display.close()
    with unless_closed(sys.stdout):
        if (told := tell(outcome)) is not None:
            click.echo(told)
        elif as_json:
            click.echo(json.dumps(summary_json(outcome), indent=2))
        else:
            click.echo(render(outcome, sys.stdout.isatty(), verbose=verbose))
    return exit_code(outcome)


def heed_signals() -> None:
    """Have SIGTERM and SIGHUP end the command as Ctrl-C does."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:  # as nohup has it
            signal.signal(number, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    del frame
    raise StoppedAtOnce(number)
