"""The commands that only read: their options. What they need is imported inside them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from pipeline.cli import options

_workspace = options.workspace("The workspace to read.")


def _answer(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of everything that is answered by a graph."""
    command = click.option("--svg", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False), help="Draw it.")(
        command
    )
    command = click.option("--mermaid", is_flag=True, help="Print a Mermaid flowchart.")(command)
    return _workspace(options.as_json(command))


@click.command()
@_workspace
@click.option("--problem", metavar="NAME", help="Only runs of this problem.")
@click.option("-n", "--last", "most", default=20, show_default=True, type=click.IntRange(1), help="How many to list.")
@click.option("--all", "everything", is_flag=True, help="List all.")
@options.as_json
def runs(workspace: Path, problem: str | None, most: int, everything: bool, as_json: bool) -> int:
    """List the runs of a workspace, the latest first."""
    from pipeline.cli.history import runs_command

    return runs_command(workspace, problem, None if everything else most, as_json=as_json)


@click.command()
@click.argument("run", default="last")
@_workspace
@options.as_json
def show(run: str, workspace: Path, as_json: bool) -> int:
    """Show RUN in full: nodes, artifacts, metrics, bounds, anomalies, settings, code, libraries.

    RUN is a run's name or the beginning of it, or last (the default), last-1 and so on.
    """
    from pipeline.cli.history import show_command

    return show_command(workspace, run, as_json=as_json)


@click.command()
@click.argument("run")
@click.argument("node")
@_workspace
@click.option("--path", "only_path", is_flag=True, help="Print only where the log is.")
def logs(run: str, node: str, workspace: Path, only_path: bool) -> int:
    """Print the log of NODE in RUN: TensorFlow's, Beam's and TFX's own words."""
    from pipeline.cli.history import logs_command

    return logs_command(workspace, run, node, only_path=only_path)


@click.command()
@click.argument("run_a", required=False)
@click.argument("run_b", default="last")
@_workspace
@click.option("--code", "with_code", is_flag=True, help="Print the changed lines of the code.")
@options.as_json
def diff(run_a: str | None, run_b: str, workspace: Path, with_code: bool, as_json: bool) -> int:
    """Say what changed from RUN_A to RUN_B: data, code, settings, libraries, metrics, verdict.

    Without arguments: to the last run, from the one before it of its problem.
    """
    from pipeline.cli.history import diff_command

    return diff_command(workspace, run_a, run_b, with_code=with_code, as_json=as_json)


@click.command()
@click.argument("node")
@click.argument("run", default="last")
@_workspace
@options.as_json
def why(node: str, run: str, workspace: Path, as_json: bool) -> int:
    """Say why NODE ran or was reused in RUN: which input, line of code, setting or library changed.

    RUN is a run's name or the beginning of it, or last (the default), last-1 and so on.
    """
    from pipeline.cli.why import why_command

    return why_command(node, run, workspace, as_json=as_json)


@click.group()
def lineage() -> None:
    """Say what a model was made of, or what a file or column went into."""


@lineage.command("model")
@click.argument("version", required=False)
@click.option("--problem", metavar="NAME", help="Whose version it is, where several problems were pushed.")
@_answer
def lineage_model(version: str | None, problem: str | None, **how: Any) -> int:
    """Show all that a pushed VERSION was made of (the live one, if none is named).

    VERSION is a number, or PROBLEM/NUMBER, or PROBLEM for what is live of it.
    """
    from pipeline.cli.answers import model_command

    return model_command(version, problem, **how)


@lineage.command("data")
@click.argument("given", metavar="PATH_OR_SPAN")
@_answer
def lineage_data(given: str, **how: Any) -> int:
    """Show every model that a file, or a span of the data, went into."""
    from pipeline.cli.answers import data_command

    return data_command(given, **how)


@lineage.command("feature")
@click.argument("name")
@_answer
def lineage_feature(name: str, **how: Any) -> int:
    """Show where the column NAME goes: the transform, and the models whose answers depend on it."""
    from pipeline.cli.answers import feature_command

    return feature_command(name, **how)


@click.command()
@_answer
def serving(**how: Any) -> int:
    """Show what is live for each problem, since when, made from what, and what it took the place of."""
    from pipeline.cli.answers import serving_command

    return serving_command(**how)


@click.command()
@click.argument("problem", required=False)
@_workspace
@click.option(
    "--port", type=click.IntRange(1, 65535), metavar="N", help="Where to listen.  [default: 6006, or the next free one]"
)
@click.option("--trials", is_flag=True, help="Show the trials of searches, too.")
@click.option("--json", "as_json", is_flag=True, help="Print the address as JSON, once it answers.")
def tensorboard(problem: str | None, workspace: Path, port: int | None, trials: bool, as_json: bool) -> int:
    """Open TensorBoard on all trainings of a workspace, or of PROBLEM in it, also while they go on.

    It listens on this machine only (127.0.0.1), until Ctrl-C.
    """
    from pipeline.cli.tensorboard import tensorboard_command

    return tensorboard_command(workspace, problem, port, trials=trials, as_json=as_json)


COMMANDS = (runs, show, logs, diff, why, lineage, serving, tensorboard)
