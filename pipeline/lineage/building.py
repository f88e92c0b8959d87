"""Makes things of artifacts and executions, with what a person and a program want to know of each."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.lineage import facts
from pipeline.lineage.archive import Archive
from pipeline.lineage.facts import Source, iso, moment, number, short
from pipeline.lineage.fates import Fate
from pipeline.lineage.pushes import Push, producers
from pipeline.lineage.runs import Run
from pipeline.lineage.schema import columns_of
from pipeline.lineage.store import Artifact, Execution
from pipeline.lineage.things import Thing
from pipeline.lineage.tuned import replaced


def file_thing(source: Source, span: int) -> Thing:
    """Return a data file, as it was when it was read."""
    counted = "" if source.rows is None else f"{source.rows:,} rows, "
    detail = f"{counted}hash {short(source.hash)}, span {span}"
    return Thing(f"file:{source.path}#{source.hash}", "file", source.path, detail, {**source.as_json(), "span": span})


def data_thing(examples: Artifact) -> Thing:
    """Return the rows that were read, without the files that they came from."""
    rows = facts.rows(examples)
    counts = ", ".join(f"{split} {count:,}" for split, count in rows.items())
    title = f"{sum(rows.values()):,} rows" if rows else "rows"
    span = int(examples.get("span", 0) or 0)
    told = {"id": examples.id, "uri": examples.uri, "rows": rows, "span": span}
    return Thing(f"artifact:{examples.id}", "data", title, counts, told)


def schema_thing(schema: Artifact, maker: Execution | None) -> Thing:
    """Return a schema; its text is read from the node that published it, or else from its file."""
    text = schema_text(schema, maker)
    columns = columns_of(text)
    kind = "curated" if maker is not None and maker.get("schema_text") is not None else "inferred"
    detail = f"{kind}, {len(columns)} columns" if columns else kind
    told = {"id": schema.id, "uri": schema.uri, "columns": columns, "curated": kind == "curated"}
    return Thing(f"artifact:{schema.id}", "schema", f"schema {schema.id}", detail, told)


def schema_text(schema: Artifact, maker: Execution | None) -> str:
    """Return the text of a schema; empty where it cannot be had."""
    text = maker.get("schema_text") if maker is not None else None
    if text is not None:
        return str(text)
    try:
        return (Path(schema.uri) / "schema.pbtxt").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def code_thing(what: str, digest: str) -> Thing:
    """Return the part of a problem's code that a node runs."""
    return Thing(f"code:{what}#{digest}", "code", what, f"hash {short(digest)}", {"hash": digest})


def settings_thing(settings: Mapping[str, Any], key: str, tuned: Mapping[str, Any]) -> Thing:
    """Return training settings; those in whose place tuned values were trained with are marked so."""
    flat = {name: value for name, value in facts.flat(dict(settings)).items() if value is not None}
    taken = replaced(tuned, settings)
    told = [
        f"{name.removeprefix('params.')} {_plain(value)}" + (" (not used: tuned)" if name in taken else "")
        for name, value in flat.items()
    ]
    return Thing(key, "settings", "training", ", ".join(told), {"training": dict(settings), "not_used": list(taken)})


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def tuned_thing(tuned: Artifact) -> Thing:
    """Return the values that a search found."""
    values = facts.tuned(tuned)
    words = ", ".join(f"{name} {_plain(value)}" for name, value in values.items()) or tuned.uri
    metric, trials = tuned.get("metric"), tuned.get("trials")
    if metric and tuned.get("value") is not None:
        words += f"; {metric} {number(tuned.get('value'))} on held-out rows, the best of {trials} trials"
    told = {"id": tuned.id, "uri": tuned.uri, "values": values, "study": str(tuned.get("study") or "")}
    return Thing(f"artifact:{tuned.id}", "tuned", f"values {tuned.id}", words, told)


def run_thing(run: Run) -> Thing:
    """Return a run."""
    took = "" if run.seconds is None else f", {run.seconds:.0f} s"
    told = {"run": run.name, "started": iso(run.started), "seconds": run.seconds}
    return Thing(f"run:{run.name}", "run", run.name, f"{moment(run.started)}{took}", told)


def evaluation_thing(evaluation: Artifact) -> Thing:
    """Return what a model was judged by: its metrics on all rows."""
    told = facts.verdict(evaluation) or {}
    overall = [one for one in told.get("measurements", ()) if one["slice"] == facts.OVERALL]
    words = []
    for one in overall:
        if one["metric"] == facts.COUNT:
            continue
        compared = "" if one.get("baseline") is None else f" (blessed model {number(one['baseline'])})"
        words.append(f"{one['metric']} {number(one['value'])}{compared}")
    values = {one["metric"]: one["value"] for one in overall}
    rows = told.get("rows")
    title = f"{rows:,} rows" if rows else "metrics"
    detail = ", ".join(words) or "its numbers are not recorded here"
    return Thing(
        f"artifact:{evaluation.id}",
        "evaluation",
        title,
        detail,
        {"id": evaluation.id, "uri": evaluation.uri, "metrics": values, "blessed": told.get("blessed")},
    )


def blessing_word(fate: Fate) -> str:
    """Say whether a model was blessed."""
    return {True: "blessed", False: "not blessed", None: "not judged"}[fate.blessed]


def fate_words(fate: Fate, live: set[tuple[str, int]]) -> str:
    """Say what became of a model."""
    words = [blessing_word(fate)]
    if fate.blessed is False:
        words = [f"not blessed: {fate.reason}" if fate.reason else "not blessed"]
    for one in fate.pushes:
        is_live = (one.problem, one.execution) in live
        words.append(f"pushed as version {one.version}" + (", which is live" if is_live else ""))
    return "; ".join(words)


def model_thing(fate: Fate, live: set[tuple[str, int]]) -> Thing:
    """Return a model with what became of it."""
    name = " ".join(part for part in (fate.problem, "model", str(fate.model.id)) if part)
    told = {
        "id": fate.model.id,
        "uri": fate.model.uri,
        "run": fate.run,
        "problem": fate.problem,
        "blessed": fate.blessed,
        "reason": fate.reason,
        "versions": [one.version for one in fate.pushes],
        "live": any((one.problem, one.execution) in live for one in fate.pushes),
    }
    run = f"run {fate.run}; " if fate.run else ""
    return Thing(f"artifact:{fate.model.id}", "model", name, run + fate_words(fate, live), told)


def version_thing(push: Push, *, live: bool) -> Thing:
    """Return a pushed version."""
    state = "live since " if live else "pushed "
    told = {
        "problem": push.problem,
        "version": push.version,
        "path": str(push.folder),
        "model_hash": push.model_hash,
        "run": push.run,
        "pushed_at": iso(push.at),
        "live": live,
    }
    title = f"{push.problem} version {push.version}"
    return Thing(f"version:{push.execution}", "version", title, state + moment(push.at), told)


def maker_of(archive: Archive, artifact: int) -> Execution | None:
    """Return the execution that made an artifact."""
    made_by = producers(archive, [artifact])
    found = archive.store.executions(made_by.values())
    return found[0] if found else None
