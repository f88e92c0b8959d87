"""The command ``run``."""

import json
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

import click

from pipeline.cli.display import Display
from pipeline.cli.problems import find_problem
from pipeline.cli.summary import as_json as summary_json
from pipeline.cli.summary import exit_code, render
from pipeline.config import read_problem
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
    return carry_out(
        lambda display: run_problem(settings, workspace, display, cache=cache, most=most, part=part),
        as_json=as_json,
        verbose=verbose,
    )


def carry_out(work: Callable[[Display], Outcome], *, as_json: bool, verbose: bool) -> int:
    """Do what a command is to do, show it while it goes, and print the summary; return the exit code."""
    display = Display()
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        outcome = work(display)
    finally:
        display.close()
    if as_json:
        click.echo(json.dumps(summary_json(outcome), indent=2))
    else:
        click.echo(render(outcome, sys.stdout.isatty(), verbose=verbose))
    return exit_code(outcome)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    del frame
    raise StoppedAtOnce(number)
