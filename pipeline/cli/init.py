"""The command ``init``."""

import json
import shlex
from collections.abc import Sequence
from pathlib import Path

import click

from pipeline.cli.problems import FOLDER
from pipeline.scaffold.create import Created, create
from pipeline.scaffold.literals import one_line
from pipeline.scaffold.profiling import parse_columns
from pipeline.scaffold.roles import Role
from pipeline.scaffold.settings import promise
from pipeline.scaffold.task import TaskName

_WIDEST = 32


def init_command(
    name: str,
    data: str,
    label: str,
    *,
    columns: str | None,
    missing: Sequence[str],
    task: TaskName | None,
    out: Path | None,
    as_json: bool,
) -> int:
    """Write a new problem and print what became of each column; return the exit code."""
    folder = (out or FOLDER) / name
    names = parse_columns(columns) if columns is not None else ()
    created = create(name, folder, data, label, columns=names, missing=missing, task=task)
    next_ = f"python runner.py run {name if out is None else shlex.quote(str(folder))}"
    click.echo(json.dumps(_as_json(created, next_), indent=2) if as_json else _render(created, data, next_))
    return 0


def _render(created: Created, data: str, next_: str) -> str:
    profile, task = created.profile, created.task
    splits = ", ".join(f"{split} {rows:,}" for split, rows in profile.rows.items())
    lines = [
        f"{created.folder.name}: a new problem from {data} ({profile.total:,} rows, {len(created.decisions)} columns)",
        "",
    ]
    rows = [
        (
            one_line(one.column.name, _WIDEST),
            _holds(one.column.kind.name, one.column.missing),
            one.role.value,
            one.reason,
        )
        for one in sorted(created.decisions, key=lambda one: one.role is Role.LEFT_OUT)
    ]
    widths = [max(len(row[place]) for row in [*rows, _HEADINGS]) for place in range(3)]
    for row in [_HEADINGS, *rows]:
        cells = [cell.ljust(width) for cell, width in zip(row[:3], widths, strict=True)]
        lines.append(f"  {'  '.join(cells)}  {row[3]}".rstrip())
    tokens = {text for counts in profile.tokens.values() for text in counts}
    lines += ["", f"  task      {task.name} ({task.reason})", f"  splits    {splits}"]
    if tokens:
        shown = ", ".join(json.dumps(one, ensure_ascii=False) for one in sorted(tokens))
        lines.append(f"  missing   besides empty cells: {shown}")
    lines += [
        f"  blessed   {promise(task.bound)}",
        f"  written   {created.folder}: {', '.join(created.files)}",
        "",
        f"  next      {next_}",
    ]
    return "\n".join(lines)


_HEADINGS = ("column", "holds", "becomes", "why")


def _holds(kind: str, missing: int) -> str:
    names = {"INT": "whole numbers", "FLOAT": "numbers", "BYTES": "text", "EMPTY": "nothing"}
    return names[kind] + (f", {missing:,} missing" if missing and kind != "EMPTY" else "")


def _as_json(created: Created, next_: str) -> dict[str, object]:
    profile, task, bound = created.profile, created.task, created.task.bound
    return {
        "name": created.folder.name,
        "folder": str(created.folder),
        "files": list(created.files),
        "rows": dict(profile.rows),
        "label": profile.label.name,
        "task": task.name,
        "classes": list(task.classes),
        "bound": {
            "metric": bound.metric,
            "lower_bound" if bound.lower else "upper_bound": bound.value,
            "constant": bound.constant,
        },
        "missing": list(profile.missing),
        "columns": [
            {
                "name": one.column.name,
                "kind": one.column.kind.name,
                "missing": one.column.missing,
                "distinct": one.column.distinct,
                "role": one.role.value,
                "reason": one.reason,
            }
            for one in created.decisions
        ],
        "next": next_,
    }
