"""The command ``tensorboard``."""

import json
import signal
from pathlib import Path
from types import FrameType

import click

from pipeline.cli.paths import near
from pipeline.watching.board import free_port, watch
from pipeline.watching.trainings import Trainings

_MOST = 8


class _Ended(KeyboardInterrupt):
    """A signal that ends the command as Ctrl-C does, save for its exit code.

    Attributes:
        number: The signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def tensorboard_command(workspace: Path, problem: str | None, port: int | None, *, as_json: bool) -> int:
    """Show trainings until Ctrl-C, which is how this is meant to end."""
    root = workspace.expanduser().resolve()
    trainings = Trainings(root, problem)
    trainings.check()

    def ready(address: str, process: int, found: dict[str, Path]) -> None:
        if as_json:
            places = {name: str(folder) for name, folder in found.items()}
            click.echo(json.dumps({"url": address, "process": process, "trainings": places}))
            return
        click.echo(f"TensorBoard: {address}")
        shown = sorted(found)[-_MOST:]
        more = f" and {len(found) - len(shown)} earlier" if len(found) > len(shown) else ""
        told = ", ".join(shown) + more if found else "no training yet; one that begins will be there"
        click.echo(f"  {near(root)}: {told}")
        click.echo("  New trainings appear by themselves. Ctrl-C ends it.")

    if not as_json:
        click.echo("TensorBoard starts ...", err=True)
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    for number, handler in before.items():
        if handler != signal.SIG_IGN:  # nohup
            signal.signal(number, _end)
    try:
        watch(trainings, free_port(port), ready)
    except _Ended as ended:
        return 128 + ended.number
    except KeyboardInterrupt:
        return 0
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return 0


def _end(number: int, frame: FrameType | None) -> None:
    del frame
    raise _Ended(number)
