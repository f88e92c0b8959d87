"""The command ``compile``: a problem's chain for a scheduler elsewhere."""

import json
from collections.abc import Sequence
from pathlib import Path

import click

from components.whole import write_whole
from pipeline.cli.paths import absolute, near
from pipeline.cli.problems import find_problem
from pipeline.cli.run import options_again
from pipeline.config import read_problem
from pipeline.errors import InfrastructureError, SettingsError
from pipeline.orchestrators.drafting import draft
from pipeline.orchestrators.targets import NEXT, Options, beside, notes, refuse, renderer


def compile_command(
    problem: str,
    target: str,
    out: Path,
    overrides: Sequence[str],
    *,
    data: str | None,
    workspace: Path,
    pipeline_root: str | None,
    serving: str | None,
    schedule: str | None,
    image: str | None,
    span_zero: str | None,
    claim: str | None,
    secret: str | None,
    as_json: bool,
) -> int:
    """Compile and write; return the exit code."""
    read = read_problem(find_problem(problem), overrides, data)
    out = absolute(out)
    if not out.parent.is_dir() or out.is_dir():
        raise SettingsError(
            "The compiled pipeline cannot be written there",
            got=f"{out} is a folder" if out.is_dir() else f"no folder {out.parent}",
            where="--out",
            hint="name a file in a folder that is there",
        )
    render = None if target == "ir" else renderer(target)
    compiled_file = out if render is None else beside(out)

    options = Options(out, compiled_file, schedule, image, span_zero, claim, secret)
    drafted = draft(
        read,
        workspace=absolute(workspace),
        pipeline_root=_place(pipeline_root),
        serving=_place(serving),
        given=options_again(read, data, overrides),
    )
    refuse(target, drafted, options)

    from pipeline.orchestrators.quiet import quiet

    with quiet():
        from pipeline.orchestrators.building import build

        compiled = build(read, drafted)
    texts = {compiled_file: compiled.text()}
    if render is not None:
        texts[out] = render(compiled, options)
    try:
        for file, text in texts.items():  # what names the other one last
            write_whole(file, text)
    except OSError as error:
        raise InfrastructureError("The compiled pipeline cannot be written", got=str(error), where=str(out)) from None
    if as_json:
        click.echo(json.dumps({"problem": compiled.problem, "target": target, "files": [str(one) for one in texts]}))
        return 0
    click.echo(f"{compiled.problem}: {len(compiled.nodes)} nodes for {target}: {near(str(out))}")
    if render is not None:
        click.echo(f"  its nodes read {near(str(compiled_file))}")
        for note in notes(target, compiled, options):
            click.echo(f"  note: {note}")
    if target in NEXT:
        click.echo(f"  next: {NEXT[target]}")
    return 0


def _place(given: str | None) -> str | None:
    """Return a folder as an absolute path, and a URI as it is."""
    return given if given is None or "://" in given else str(absolute(given))
