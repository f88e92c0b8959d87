"""The command ``why``: why a node ran or was reused, as a person reads it or as JSON."""

import difflib
import json
from collections.abc import Sequence
from pathlib import Path

import click

from components.user_code.fingerprint import reachable
from pipeline.cli.opening import open_to_read
from pipeline.cli.paths import near
from pipeline.errors import SettingsError
from pipeline.lineage.archive import Archive
from pipeline.lineage.changes import Change
from pipeline.lineage.details import Node, nodes, planned
from pipeline.lineage.why import Why, why

_MOST_LINES = 12
_DONE = {
    "ran": "ran in {}",
    "reused": "was reused in {}",
    "failed": "failed in {}",
    "skipped": "was skipped in {}",
    "cancelled": "was cancelled in {}",
    "stopped": "was under way when {} was stopped",
    "not started": "was not started in {}",
}


def why_command(node: str, run: str, workspace: Path, *, as_json: bool) -> int:
    """Print why a node of a run ran or was reused."""
    archive = open_to_read(workspace)
    name = archive.find(run)
    found = why(archive, name, _find(archive, name, node), reachable)
    click.echo(json.dumps(found.as_json(), indent=2) if as_json else _text(found, _folder(archive, name)))
    return 0


def _find(archive: Archive, run: str, given: str) -> Node:
    there = [*nodes(archive, run), *planned(archive, run)]
    for one in there:
        if one.name.lower() == given.lower():
            return one
    known = [one.name for one in there]
    close = difflib.get_close_matches(given, known, n=1)
    part = archive.record(run).part
    if not known:
        raise SettingsError(
            f"No node of the run {run} started",
            where=str(archive.root),
            hint=f"python runner.py show {run}",
        )
    raise SettingsError(
        f"The run {run} has no node {given!r}" + (f": it was run with {part}" if part else ""),
        expected="one of: " + ", ".join(known),
        where=str(archive.root),
        hint=f"did you mean {close[0]}?" if close else f"python runner.py show {run}",
    )


def _folder(archive: Archive, run: str) -> Path | None:
    """Return the problem's own folder, where a person edits the code that changed."""
    folder = archive.record(run).job.get("problem", {}).get("folder")
    return Path(folder) if folder else None


def _text(found: Why, folder: Path | None) -> str:
    done = _DONE.get(found.state, f"is {found.state} in {{}}").format(found.run)
    lines = [f"{found.node} {done}: {found.reason}"]
    if found.changes:
        lines += ["", *_lines(found.changes, folder)]
    for node, changes in found.first:
        lines += ["", f"first cause: {node}", *_lines(changes, folder)]
    if found.same:
        lines += ["", "unchanged", *(f"  {kind:<10} {words}" for kind, words in found.same)]
    return "\n".join(lines)


def _lines(changes: Sequence[Change], folder: Path | None) -> list[str]:
    lines: list[str] = []
    shown = 0
    for one in changes:
        if one.kind != "code":
            lines.append(f"  {one.kind:<10} {_words(one)}")
            continue
        shown += one.before.count("\n") + one.after.count("\n") + 2
        if shown > _MOST_LINES and lines:
            continue
        lines += _code(one, folder)
    if shown > _MOST_LINES:
        lines.append(f"  {'':<10} and more lines of code; --json has all")
    return lines


def _words(one: Change) -> str:
    if one.text and not one.before and not one.after:
        return (
            one.text if one.name in ("schema", "") or one.kind in ("request", "result") else f"{one.name}: {one.text}"
        )
    more = f" ({one.text})" if one.text else ""
    return f"{one.name}: {one.before or 'none'} -> {one.after or 'none'}{more}"


def _code(one: Change, folder: Path | None) -> list[str]:
    if one.line is None:
        return [f"  {one.kind:<10} {_words(one)}"]
    name = near(folder / one.name) if folder else one.name
    changed = [f"- {line}" for line in one.before.splitlines()] + [f"+ {line}" for line in one.after.splitlines()]
    return [f"  {one.kind:<10} {name}:{one.line}", *(f"  {'':<12} {line}" for line in changed)]
