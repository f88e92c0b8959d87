"""The command ``tensorboard``."""

import json
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from types import FrameType

import click

from pipeline.cli.closed import unless_closed
from pipeline.cli.paths import expanded, near
from pipeline.errors import PipelineError
from pipeline.watching.board import listen, watch
from pipeline.watching.trainings import Trainings, is_trial

_MOST = 8


class _Ended(KeyboardInterrupt):
    """A signal that ends the command as Ctrl-C does, save for its exit code.

    Attributes:
        number: The signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def tensorboard_command(
    workspace: Path, problem: str | None, port: int | None, *, trials: bool = False, as_json: bool = False
) -> int:
    """Show trainings until Ctrl-C, which is how this is meant to end."""
    root = expanded(workspace).resolve()
    trainings = Trainings(root, problem, trials)
    trainings.check()
    is_told = False

    def ready(address: str, process: int, found: dict[str, Path]) -> None:
        nonlocal is_told
        is_told = True
        if as_json:
            places = {name: str(folder) for name, folder in found.items()}
            click.echo(json.dumps({"url": address, "process": process, "trainings": places}))
            return
        click.echo(f"TensorBoard: {address}")
        click.echo(f"  {near(root)}: {told(found)}")
        click.echo("  New trainings appear by themselves. Ctrl-C ends it.")

    if not as_json:
        click.echo("TensorBoard starts ...", err=True)
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    for number, handler in before.items():
        if handler != signal.SIG_IGN:  # nohup
            signal.signal(number, _end)
    try:
        watch(trainings, listen(port), ready)
    except _Ended as ended:
        return 128 + ended.number
    except PipelineError as error:
        if not as_json or not is_told:
            raise
        with unless_closed(sys.stderr):  # on stdout there is one JSON document already, and that is whole
            click.echo(error.render(), err=True)
        return error.exit_code
    except KeyboardInterrupt:
        return 0
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return 0


def told(found: Mapping[str, Path]) -> str:
    """Return in words what is shown: the last trainings by name, and how many trials."""
    names = sorted(name for name, folder in found.items() if not is_trial(folder))
    shown, trials = names[-_MOST:], len(found) - len(names)
    words = ", ".join(shown) if shown else "no training yet; one that begins will be there"
    if len(names) > len(shown):
        words += f" and {len(names) - len(shown)} earlier"
    return words + (f"; and {trials} trial{'s' * (trials > 1)} of searches" if trials else "")


def _end(number: int, frame: FrameType | None) -> None:
    del frame
    raise _Ended(number)
