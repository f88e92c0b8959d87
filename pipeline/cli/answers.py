"""The commands ``lineage`` and ``serving``: an answer as a tree, as JSON, as Mermaid or as a drawing."""

import json
from pathlib import Path

import click

from pipeline.cli.opening import open_to_read
from pipeline.errors import SettingsError
from pipeline.lineage.things import Answer, tree


def model_command(
    version: str | None, problem: str | None, *, workspace: Path, as_json: bool, mermaid: bool, svg: Path | None
) -> int:
    """Answer ``lineage model``."""
    from pipeline.lineage.model import model_lineage

    answer = model_lineage(open_to_read(workspace), version, problem)
    return _print(answer, as_json=as_json, mermaid=mermaid, svg=svg)


def data_command(given: str, *, workspace: Path, as_json: bool, mermaid: bool, svg: Path | None) -> int:
    """Answer ``lineage data``."""
    from pipeline.lineage.data import data_lineage

    return _print(data_lineage(open_to_read(workspace), given), as_json=as_json, mermaid=mermaid, svg=svg)


def feature_command(name: str, *, workspace: Path, as_json: bool, mermaid: bool, svg: Path | None) -> int:
    """Answer ``lineage feature``."""
    from pipeline.lineage.feature import feature_lineage

    return _print(feature_lineage(open_to_read(workspace), name), as_json=as_json, mermaid=mermaid, svg=svg)


def serving_command(*, workspace: Path, as_json: bool, mermaid: bool, svg: Path | None) -> int:
    """Answer ``serving``."""
    from pipeline.lineage.serving import serving

    return _print(serving(open_to_read(workspace)), as_json=as_json, mermaid=mermaid, svg=svg)


def _print(answer: Answer, *, as_json: bool, mermaid: bool, svg: Path | None) -> int:
    if as_json and mermaid:
        raise SettingsError("--json and --mermaid cannot both be printed", hint="give one of them")
    if svg is not None:
        _draw(answer, svg)
    if as_json:
        click.echo(json.dumps(answer.as_json(), indent=2))
    elif mermaid:
        from pipeline.lineage.mermaid import mermaid as flowchart

        click.echo(flowchart(answer))
    elif svg is None:
        click.echo(tree(answer))
    else:
        click.echo(f"drawn: {svg}", err=True)
    return 0


def _draw(answer: Answer, file: Path) -> None:
    from pipeline.lineage.svg import svg

    try:
        file.write_text(svg(answer), encoding="utf-8")
    except OSError as error:
        raise SettingsError(
            "The drawing cannot be written",
            got=error.strerror or str(error),
            where=str(file),
            hint="name a file in a folder that is there and that you may write",
        ) from None
