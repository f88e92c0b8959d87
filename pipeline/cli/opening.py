"""A workspace opened to be read, with a word on stderr where the paths that will be printed are not those of now."""

from pathlib import Path

import click

from pipeline.cli.paths import expanded
from pipeline.lineage.archive import Archive, open_archive
from pipeline.metadata.origin import elsewhere


def open_to_read(workspace: Path) -> Archive:
    """Open a workspace; raises what :func:`pipeline.lineage.archive.open_archive` does."""
    archive = open_archive(expanded(workspace))
    made = elsewhere(archive.root)
    if made is not None:
        click.echo(f"note: this workspace was made at {made}; paths are those of then", err=True)
    return archive
