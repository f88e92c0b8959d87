"""The command that frees what is no longer needed: its options. What it needs is imported inside it."""

from pathlib import Path

import click

from pipeline.cli import options


@click.command()
@click.option(
    "--keep-runs",
    default=5,
    show_default=True,
    metavar="N",
    type=click.IntRange(1),
    help="Runs of each problem to keep.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be freed, and change nothing.")
@options.workspace("The workspace to free space in.")
@options.as_json
def gc(*, keep_runs: int, dry_run: bool, workspace: Path, as_json: bool) -> int:
    """Free what no kept run, blessed baseline or pushed version needs.

    Kept are the last runs of each problem, what is live with its run, the models in serving, and the latest blessed
    ones. Pushed versions are never touched, and what ran and how it went can still be asked.
    """
    from pipeline.cli.gc import gc_command

    return gc_command(workspace, keep_runs, dry_run=dry_run, as_json=as_json)
