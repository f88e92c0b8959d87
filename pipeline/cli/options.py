"""Options that several commands have."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
outcome_as_json = click.option(
    "--json", "as_json", is_flag=True, help="Print the outcome as JSON; progress goes to stderr."
)
verbose = click.option("--verbose", is_flag=True, help="Show the whole trace of an error.")
max_nodes = click.option(
    "--max-nodes",
    type=click.IntRange(1),
    metavar="N",
    help="Nodes to run at once.  [default: one a core, and one for each 1.5 GB of memory that is available]",
)


def workspace(what: str) -> Callable[..., Any]:
    """Return the option ``--workspace``; ``what`` says what it is for."""
    return click.option(
        "--workspace",
        default="workspace",
        show_default=True,
        metavar="DIR",
        type=click.Path(path_type=Path, file_okay=False),
        help=what,
    )
