"""Which problems there are, and the command that lists them."""

import difflib
import json
from pathlib import Path

import click

from pipeline.cli.paths import expanded
from pipeline.config import SETTINGS_FILE, read_problem
from pipeline.errors import PipelineError, SettingsError

FOLDER = Path(__file__).resolve().parents[1] / "problems"


def names() -> list[str]:
    """Return the names of the problems that ship or were copied beside them."""
    return sorted(file.parent.name for file in FOLDER.glob(f"*/{SETTINGS_FILE}"))


def find_problem(given: str) -> Path:
    """Return the folder of a problem, by name or by path.

    Raises:
        SettingsError: If there is none.
    """
    if given in names():
        return FOLDER / given
    folder = expanded(given)
    if folder.is_dir() and (folder / SETTINGS_FILE).is_file():
        return folder
    close = difflib.get_close_matches(given, names(), n=1)
    raise SettingsError(
        f"There is no problem {given!r}",
        expected="one of: " + ", ".join(names()) + "; or the path of a folder with " + SETTINGS_FILE,
        hint=f"did you mean {close[0]}?" if close else "`python runner.py problems` describes them",
    )


def problems_command(*, as_json: bool) -> int:
    """Print each problem with what it predicts and from what."""
    rows = []
    for name in names():
        try:
            settings = read_problem(FOLDER / name).settings
        except PipelineError as error:
            rows.append({"name": name, "error": error.headline})
        else:
            rows.append(
                {
                    "name": name,
                    "description": settings.description,
                    "label": settings.label,
                    "data": settings.data.path,
                    "folder": str(FOLDER / name),
                }
            )
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return 0
    for row in rows:
        click.echo(f"{row['name']:<16} {row.get('description') or row.get('error', '')}")
        if "label" in row:
            click.echo(f"{'':<16} predicts {row['label']} from {row['data']}")
    click.echo("\nnext: python runner.py run NAME; docs/problems.md says how to write your own")
    return 0
