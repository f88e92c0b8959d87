"""The command ``gc``: what it frees, what it keeps and why, as text or JSON."""

import json
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from pipeline.cli.paths import expanded
from pipeline.errors import PipelineError
from pipeline.housekeeping.alone import alone, living_runs
from pipeline.housekeeping.freeing import Done, free
from pipeline.housekeeping.items import Item
from pipeline.housekeeping.marks import open_marks
from pipeline.housekeeping.plan import Plan, make_plan
from pipeline.lineage.archive import Archive, open_archive
from pipeline.lineage.liveness import LOCK, is_held
from pipeline.metadata.origin import refuse_elsewhere

_PATIENCE = 2.0  # seconds before and between words about how far it is


def gc_command(workspace: Path, keep_runs: int, *, dry_run: bool, as_json: bool) -> int:
    """Free what is no longer needed, or say what that is; return the exit code."""
    root, nothing = expanded(workspace).resolve(), "nothing was freed"
    refuse_elsewhere(root, nothing=nothing)
    archive = open_archive(workspace)
    refuse_elsewhere(root, lambda: [one.uri for one in archive.store.all_artifacts()], nothing=nothing)
    if dry_run:
        under_way = living_runs(archive.root) or (["another process"] if is_held(archive.root / LOCK) else [])
        with _patience():
            plan = make_plan(archive, keep_runs, busy=bool(under_way))
        _print(plan, plan.items, None, keep_runs, as_json=as_json, dry_run=True)
        if under_way and not as_json:
            click.echo(f"\n{', '.join(under_way)} is under way: nothing can be freed before that ends")
        return 0
    try:
        with alone(archive.root):
            archive = open_archive(workspace)  # anew: a run may have ended since
            with _patience():
                plan = make_plan(archive, keep_runs)
            done = _free(archive, plan) if plan.items else Done()
    except KeyboardInterrupt:
        click.echo("\nStopped; gc ends what it began when it is run again, and no run uses what it marked.", err=True)
        return 130
    _print(plan, done.items, done.error, keep_runs, as_json=as_json, dry_run=False)
    if done.error is not None and not as_json:
        raise done.error
    return done.error.exit_code if done.error else 0


def _free(archive: Archive, plan: Plan) -> Done:
    return free(plan, open_marks(archive.root), _progress(plan))


@contextmanager
def _patience() -> Iterator[None]:
    """Say on stderr what is being done, if it takes its time."""
    words = "looking through the metadata and the folders"
    timer = threading.Timer(_PATIENCE, lambda: click.echo(words, err=True))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _progress(plan: Plan) -> Callable[[Item], None]:
    """Return what says on stderr how far it is, once it takes its time."""
    total = plan.bytes
    items, freed, told = 0, 0, time.monotonic()

    def tell(item: Item) -> None:
        nonlocal items, freed, told
        if time.monotonic() - told >= _PATIENCE:
            told = time.monotonic()
            click.echo(f"freeing: {items} of {len(plan.items)}, {size(freed)} of {size(total)}", err=True)
        items, freed = items + 1, freed + item.bytes

    return tell


def _print(
    plan: Plan, items: Sequence[Item], error: PipelineError | None, keep_runs: int, *, as_json: bool, dry_run: bool
) -> None:
    if as_json:
        click.echo(json.dumps(as_value(plan, items, error, keep_runs, dry_run=dry_run), indent=2))
    else:
        click.echo(render(plan, items, dry_run=dry_run))


def as_value(
    plan: Plan, items: Sequence[Item], error: PipelineError | None, keep_runs: int, *, dry_run: bool
) -> dict[str, Any]:
    """Return what was freed, or would be, and what stays, as ``--json`` prints it."""
    return {
        "workspace": str(plan.root),
        "dry_run": dry_run,
        "keep_runs": keep_runs,
        "bytes": _bytes(items),
        "freed": [
            {"problem": problem, "node": node, "what": what, "count": len(group), "bytes": _bytes(group)}
            for (problem, node, what), group in _grouped(items)
        ],
        "artifacts": sorted(one.artifact for one in items if one.artifact is not None),
        "runs": {problem: {"kept": runs, "freed": plan.collected[problem]} for problem, runs in plan.runs.items()},
        "kept": [vars(one) for one in plan.kept],
        "left": list(plan.left),
        "error": error.as_json() if error else None,
    }


def render(plan: Plan, items: Sequence[Item], *, dry_run: bool) -> str:
    """Return what was freed, or would be, and what stays, as a person reads it."""
    collected = sum(len(runs) for runs in plan.collected.values())
    total = size(_bytes(items))
    if items:
        head = f"{'would free' if dry_run else 'freed'} {total}"
        head += f"; {_count(collected, 'run')} of {collected + sum(map(len, plan.runs.values()))} not kept"
    else:
        head = "nothing to free"
    rows = [
        (problem, node, what, f"{len(ones):,}", size(_bytes(ones))) for (problem, node, what), ones in _grouped(items)
    ]
    lines = [head, *([""] if rows else []), *_table(rows, right=(3, 4))]
    kept = [(one.problem, f"{one.artifacts:,}", size(one.bytes), one.reason) for one in plan.kept]
    lines += ["", "kept:", *_table(kept, right=(1, 2))] if kept else []
    lines += ["", "left alone:", *(f"  {one}" for one in plan.left)] if plan.left else []
    return "\n".join(lines)


def _grouped(items: Iterable[Item]) -> list[tuple[tuple[str, str, str], list[Item]]]:
    groups: dict[tuple[str, str, str], list[Item]] = defaultdict(list)
    for one in items:
        groups[one.problem, one.node, one.what].append(one)
    return sorted(groups.items())


def _bytes(items: Iterable[Item]) -> int:
    return sum(one.bytes for one in items)


def _table(rows: Sequence[tuple[str, ...]], right: tuple[int, ...]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))] if rows else []
    lines = []
    for row in rows:
        cells = [
            f"{cell:>{width}}" if column in right else f"{cell:<{width}}"
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append(f"  {'  '.join(cells)}".rstrip())
    return lines


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


def size(number: int) -> str:
    """Return a number of bytes as a person reads it."""
    value = float(number)
    for unit in ("B", "kB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" or value >= 10 else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB" if value < 1000 else f"{value / 1000:.1f} TB"
