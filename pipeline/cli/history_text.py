"""Runs, one run, and the difference of two, as a person reads them."""

import json
import math
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from components.trainer.values import shown, value_shown
from pipeline.cli.paths import near
from pipeline.lineage import facts
from pipeline.lineage.details import Details, Node
from pipeline.lineage.diff import Difference, Pair
from pipeline.lineage.facts import moment, number, short
from pipeline.lineage.runs import Run
from pipeline.lineage.tuned import replaced

_MOST_MOVED = 8
_METRIC = 6  # the column of `runs` that has a metric, or an error
_LEGIBLE = 30  # characters of an error that are told however narrow the terminal is


def runs(found: Sequence[Run], width: int) -> str:
    """Return a table, a line for each run.

    Args:
        found: The runs.
        width: Of the terminal, in columns: errors are cut to it, as far as they stay legible; all else is whole.
    """
    rows = [("run", "when", "took", "state", "data", "verdict", "metric", "version")]
    rows += [
        (
            one.name,
            moment(one.started),
            "" if one.seconds is None else f"{one.seconds:.0f} s",
            _state(one),
            _data(one),
            _verdict(one.blessed),
            _measure(one) or one.error,
            _version(one),
        )
        for one in found
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    others = sum(widths) - widths[_METRIC] + 2 * (len(widths) - 1)
    metrics = [len(_measure(one)) for one in found]
    widths[_METRIC] = min(widths[_METRIC], max([width - others, _LEGIBLE, *metrics]))
    return "\n".join(
        "  ".join(f"{_cut(cell, most):<{most}}" for cell, most in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def _measure(run: Run) -> str:
    """Return how good a run's model is; of one that only searched, the best trial. Empty if it came to neither."""
    if run.metric:
        return f"{run.metric['metric']} {number(run.metric['value'])}"
    return _best(run.search) if run.search else ""


def _best(search: dict[str, Any]) -> str:
    return f"{search['metric']} {number(search['value'])}, the best of {search['trials']} trials"


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def _state(run: Run) -> str:
    """Return a run's state, and what is special about it."""
    return ", ".join(filter(None, [run.state, f"resumed {facts.times(run.resumed)}" if run.resumed else "", run.part]))


def _data(run: Run) -> str:
    if not run.sources and not run.rows:
        return ""
    name = Path(run.sources[0].path).name if run.sources else ""
    name += f" and {len(run.sources) - 1} more" if len(run.sources) > 1 else ""
    span = f", span {run.span}" if run.span else ""
    return f"{name} {sum(run.rows.values()):,} rows{span}".strip()


def _verdict(blessed: bool | None) -> str:
    return {True: "blessed", False: "not blessed", None: ""}[blessed]


def _version(run: Run) -> str:
    if run.version is None:
        return ""
    return f"{run.version} pushed" if run.new else f"{run.version} already"


def show(found: Details, root: Path, training: Sequence[str] = (), search: Sequence[str] = ()) -> str:
    """Return a run in full.

    Args:
        found: The run.
        root: The workspace.
        training: What its training did, as lines.
        search: What its search did, as lines; without any, what the metadata says of it is told.
    """
    run = found.run
    took = (
        ""
        if run.seconds is None
        else f" in {run.seconds:.0f} s"
        if run.state == "done"
        else f" after {run.seconds:.0f} s"
    )
    more = "".join(f", {one}" for one in _state(run).split(", ")[1:])
    lines = [f"{run.name}: {run.state}{took}{more}, started {moment(run.started)}", ""]
    lines += _block("data", [f"{one.path}: {_rows(one.rows)}hash {short(one.hash)}" for one in run.sources])
    if run.rows:
        counts = ", ".join(f"{split} {count:,}" for split, count in run.rows.items())
        lines += _block("rows", [f"{sum(run.rows.values()):,} ({counts}), span {run.span}"])
    reasons = list(run.reasons) or [""]
    if run.blessed is not None:
        lines += _block(
            "verdict",
            [": ".join(part for part in (_verdict(run.blessed), reasons[0]) if part), *reasons[1:], *found.notes],
        )
    if run.version is not None:
        lines += _block(
            "pushed", [f"version {run.version}" + ("" if run.new else ", which held this very model already")]
        )
    if run.search:
        lines += _block("search", search or [_best(run.search)])
    lines += _block("training", training)
    lines += _block("metrics", [_measured(one) for one in found.measurements if one["metric"] != facts.COUNT])
    if found.anomalies is not None:
        lines += _block("anomalies", list(found.anomalies) or ["none"])
    trained = any(node.name == "Trainer" for node in found.nodes)
    lines += _block("tuned", [shown(found.tuned)] if found.tuned and (trained or not search) else [])
    lines += _block("nodes", [line for node in found.nodes for line in _node(node, root)])
    lines += _block("freed", _freed(found))
    flat = {name: value for name, value in facts.flat(found.settings).items() if value not in (None, "", [], {})}
    taken = {f"training.{name}" for name in replaced(found.tuned, found.settings.get("training") or {})}
    if not trained:
        taken = set()  # it trained nothing: the settings are what its search began with
    lines += _block(
        "settings",
        [
            f"{name} = {_setting(value)}" + (" (not used: tuned)" if name in taken else "")
            for name, value in flat.items()
        ],
    )
    lines += _block("code", [f"{node} runs {short(digest)}" for node, digest in found.code.items()])
    if found.files:
        folder = _common(next(iter(found.files.items())))
        lines += _block("files", [f"{', '.join(found.files)} in {near(folder)}"])
    lines += _block("libraries", [", ".join(f"{name} {version}" for name, version in found.libraries.items())])
    error = found.error or ({"headline": run.error} if run.error else None)
    if error:
        lines += _block(
            "error",
            [error["headline"], *(f"{key}: {error[key]}" for key in ("where", "got", "hint") if error.get(key))],
        )
    return "\n".join(lines)


def _node(node: Node, root: Path) -> list[str]:
    took = "" if node.seconds is None else f"{node.seconds:6.1f} s"
    when = moment(node.started)[11:]
    about = [node.why, f"made in run {node.made_in}" if node.made_in else ""]
    about += [f"{node.attempts} attempts" if node.attempts > 1 else "", (node.error or {}).get("headline", "")]
    told = "; ".join(part for part in about if part)
    lines = [f"{node.name:<17} {node.state:<9} {took:>8}  {when:<8}  {told}".rstrip()]
    for one in node.outputs:
        where = os.path.relpath(one["uri"], root) if one["uri"].startswith(f"{root}/") else one["uri"]
        lines.append(f"  {one['name']:<20} {one['id']:>4}  {where}" + (" (deleted)" if one["gone"] else ""))
    return lines


def _freed(found: Details) -> list[str]:
    made = [one for node in found.nodes for one in node.outputs]
    gone = sum(1 for one in made if one["gone"])
    return [f"{gone} of {len(made)} artifacts, by gc: what only their files said is gone"] if gone else []


def _measured(one: dict[str, Any]) -> str:
    bounds = one.get("bounds") or {}
    parts = [f"{one['slice']:<24} {one['metric']} {number(one['value'])}"]
    if bounds.get("upper_bound") is not None:
        parts.append(f"at most {number(bounds['upper_bound'])}")
    if bounds.get("lower_bound") is not None:
        parts.append(f"at least {number(bounds['lower_bound'])}")
    if bounds.get("change_relative") is not None:
        parts.append(f"at most {bounds['change_relative']:.0%} worse")
    if bounds.get("change_absolute") is not None:
        parts.append(f"at most {number(bounds['change_absolute'])} worse")
    if one.get("baseline") is not None:
        parts.append(f"blessed model {number(one['baseline'])}")
    mark = {True: "  ok", False: "  NOT OK"}.get(one.get("passed"), "")  # type: ignore[arg-type]
    return "; ".join(parts) + mark


def diff(found: Difference) -> str:
    """Return what changed between two runs."""
    same = ["the same"]
    lines = [f"{found.before.name} -> {found.after.name}", ""]
    problems = found.before.problem, found.after.problem
    if problems[0] != problems[1]:
        lines += _block("problem", [f"{' -> '.join(problems)}: two problems, whose metrics do not measure the same"])
    data = list(found.files)
    if found.rows:
        data.append("rows: " + ", ".join(f"{split} {_pair(pair)}" for split, pair in found.rows.items()))
    lines += _block("data", data or same)
    lines += _block("schema", list(found.schema) or same)
    lines += _block("moved", _moved(found))
    lines += _block("code", _code(found))
    lines += _block("tuned", _tuned(found))
    lines += _block("settings", _settings(found) or same)
    lines += _block("libraries", [f"{name}: {_pair(pair)}" for name, pair in found.libraries.items()] or same)
    lines += _block("metrics", _metrics(found))
    was, now = (_verdict(one) or "not judged" for one in found.blessed)
    reason = f": {found.after.reasons[0]}" if found.after.reasons else ""
    lines += _block("verdict", [f"{was} -> {now}{reason}"])
    return "\n".join(lines)


def _moved(found: Difference) -> list[str]:
    if found.moved is None:
        return ["the statistics of one of the runs are not there to be compared"]
    if not found.moved:
        return ["no column's distribution"]
    wide = max(len(one.column) for one in found.moved[:_MOST_MOVED])
    lines = ["of the training split, from 0 (the same) to 1 (nothing in common):"]
    lines += [
        f"{one.column:<{wide}}  {one.distance:.3f}  {one.before} -> {one.after}" for one in found.moved[:_MOST_MOVED]
    ]
    if len(found.moved) > _MOST_MOVED:
        lines.append(f"and {len(found.moved) - _MOST_MOVED} less; --json has all")
    return lines


def _code(found: Difference) -> list[str]:
    if found.code is None:
        hashes = [f"of {node}: {short(was or '')} -> {short(now or '')}" for node, (was, now) in found.hashes.items()]
        return [*hashes, "no copy of the code is here to compare line by line"] if hashes else ["the same"]
    return [
        f"{one.path}: {one.change}" + (f", {_lines(one.added)} added, {one.removed} removed" if one.diff else "")
        for one in found.code
    ] or ["the same"]


def _tuned(found: Difference) -> list[str]:
    """Return what searches made of the values that they vary; nothing if neither run had tuned values."""
    if not any(found.searched):
        return []
    marks = ["" if one else " (not tuned)" for one in found.searched]
    return [
        f"{name}: {value_shown(was)}{marks[0]} -> {value_shown(now)}{marks[1]}"
        for name, (was, now) in found.tuned.items()
    ] or ["the same values"]


def _settings(found: Difference) -> list[str]:
    lines = []
    for name, pair in found.settings.items():
        sides = [
            bool(values) and name.removeprefix("training.params.").removeprefix("training.") in values
            for values in found.searched
        ]
        taken = name.startswith("training.") and any(sides)
        where = "" if all(sides) else f" in the {'first' if sides[0] else 'second'} run"
        lines.append(f"{name}: {_pair(pair)}" + (f" (not used{where}: tuned)" if taken else ""))
    return lines


def _metrics(found: Difference) -> list[str]:
    rows = [
        (name, metric, _pair(pair, number) + (_change(pair) if found.before.problem == found.after.problem else ""))
        for (name, metric), pair in found.metrics.items()
        if metric != facts.COUNT or pair[0] != pair[1]
    ]
    if not rows:
        return []
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    return [f"{name:<{widths[0]}}  {metric:<{widths[1]}}  {words}" for name, metric, words in rows]


def _change(pair: Pair) -> str:
    try:
        was, now = float(pair[0]), float(pair[1])
    except (TypeError, ValueError):
        return ""
    if was == now:
        return " (the same)"
    return f" ({(now - was) / abs(was):+.1%})" if was and math.isfinite(was) and math.isfinite(now) else ""


def _pair(pair: Pair, show_one: Any = None) -> str:
    was, now = ("none" if one is None else (show_one or _setting)(one) for one in pair)
    return f"{was} -> {now}"


def _setting(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name} = {_setting(one)}" for name, one in value.items() if one is not None) + "}"
    if isinstance(value, list) and any(isinstance(one, dict) for one in value):
        return "[" + ", ".join(_setting(one) for one in value) + "]"
    return value if isinstance(value, str) else json.dumps(value)


def _block(label: str, lines: Iterable[str]) -> list[str]:
    return [f"  {label if number == 0 else '':<11}{line}".rstrip() for number, line in enumerate(lines) if line]


def _lines(count: int) -> str:
    return "1 line" if count == 1 else f"{count} lines"


def _rows(count: int | None) -> str:
    return "" if count is None else f"{count:,} rows, "


def _common(file: tuple[str, str]) -> str:
    """Return the folder that a file's relative path starts from."""
    relative, path = file
    return path.removesuffix(relative).rstrip("/")
