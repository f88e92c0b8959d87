"""What changed between two runs: data, code, settings, libraries, metrics, verdict."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pipeline.lineage import facts
from pipeline.lineage.archive import Archive
from pipeline.lineage.building import maker_of, schema_text
from pipeline.lineage.code import FileChange, changes
from pipeline.lineage.details import Details, details
from pipeline.lineage.runs import Parts, Run, parts
from pipeline.lineage.schema import differences
from pipeline.lineage.statistics import Move, moves, read_statistics
from pipeline.lineage.tuned import held

Pair = tuple[Any, Any]


@dataclass(frozen=True)
class Difference:
    """What changed from one run to another; a pair is what it was and what it is.

    Attributes:
        before: The one run.
        after: The other.
        files: Sentences on data files.
        rows: Rows by split, where they changed.
        schema: Sentences on the schema.
        moved: How far each column's distribution moved, the furthest first; None if the statistics cannot be read.
        code: Files of the problem that changed; None if one of the runs left no copy.
        hashes: Code hashes by node, where they changed.
        settings: Settings by dotted name, where they changed.
        searched: The values that a search found for the run, by name; empty for one without.
        tuned: Of all names that either search varied, the values that held, where they changed: those of the settings
            in a run without a search.
        libraries: Versions by library, where they changed.
        metrics: Values by (slice, metric), of all metrics.
        blessed: What the gates said.
    """

    before: Run
    after: Run
    files: tuple[str, ...]
    rows: dict[str, Pair]
    schema: tuple[str, ...]
    moved: tuple[Move, ...] | None
    code: tuple[FileChange, ...] | None
    hashes: dict[str, Pair]
    settings: dict[str, Pair]
    searched: tuple[dict[str, Any], dict[str, Any]]
    tuned: dict[str, Pair]
    libraries: dict[str, Pair]
    metrics: dict[tuple[str, str], Pair]
    blessed: Pair

    def as_json(self) -> dict[str, Any]:
        """Return the difference as ``diff --json`` prints it."""
        return {
            "before": self.before.as_json(),
            "after": self.after.as_json(),
            "data": {
                "files": list(self.files),
                "rows": _pairs(self.rows),
                "schema": list(self.schema),
                "moved": None if self.moved is None else [one.as_json() for one in self.moved],
            },
            "code": {
                "files": None if self.code is None else [one.as_json() for one in self.code],
                "hashes": _pairs(self.hashes),
            },
            "settings": _pairs(self.settings),
            "tuned": {"before": self.searched[0], "after": self.searched[1], "changed": _pairs(self.tuned)},
            "libraries": _pairs(self.libraries),
            "metrics": [
                {"slice": name, "metric": metric, "before": was, "after": now}
                for (name, metric), (was, now) in self.metrics.items()
            ],
            "blessed": {"before": self.blessed[0], "after": self.blessed[1]},
        }


def diff(archive: Archive, one: str, other: str) -> Difference:
    """Compare two runs."""
    before, after = details(archive, one), details(archive, other)
    old, new = parts(archive, one), parts(archive, other)
    records = archive.record(one), archive.record(other)
    copies = all(record.job and record.code.is_dir() for record in records)
    return Difference(
        before=before.run,
        after=after.run,
        files=tuple(_files(before.run, after.run)),
        rows=_changed(before.run.rows, after.run.rows),
        schema=tuple(differences(_schema(archive, old), _schema(archive, new))),
        moved=_moved(old, new),
        code=tuple(changes(records[0].code, records[1].code)) if copies else None,
        hashes=_changed(before.code, after.code),
        settings=_changed(facts.flat(before.settings), facts.flat(after.settings)),
        searched=(before.tuned, after.tuned),
        tuned=_changed(*(_held(one, {**before.tuned, **after.tuned}) for one in (before, after))),
        libraries=_changed(before.libraries, after.libraries),
        metrics=_metrics(before.measurements, after.measurements),
        blessed=(before.run.blessed, after.run.blessed),
    )


def _held(run: Details, names: Iterable[str]) -> dict[str, Any]:
    training = run.settings.get("training") or {}
    return {name: held(name, run.tuned, training) for name in names}


def _files(before: Run, after: Run) -> list[str]:
    old, new = ({one.path: one for one in run.sources} for run in (before, after))
    words = [f"{path} was added" for path in new if path not in old]
    words += [f"{path} was left out" for path in old if path not in new]
    words += [
        f"{path} changed: hash {facts.short(old[path].hash)} became {facts.short(new[path].hash)}"
        for path in new
        if path in old and old[path].hash != new[path].hash
    ]
    if before.span != after.span:
        words.append(f"span {before.span} became {after.span}")
    return words


def _schema(archive: Archive, found: Parts) -> str:
    schema = next((one for one in found.made.get("schema", ()) if one.type == "Schema"), None)
    return schema_text(schema, maker_of(archive, schema.id)) if schema else ""


def _moved(old: Parts, new: Parts) -> tuple[Move, ...] | None:
    statistics = [next(iter(found.made.get("statistics", ())), None) for found in (old, new)]
    if statistics[0] is None or statistics[1] is None:
        return None
    if statistics[0].id == statistics[1].id:
        return ()
    try:
        found = moves(read_statistics(statistics[0]), read_statistics(statistics[1]))
    except (OSError, ValueError):
        return None
    return tuple(one for one in found if one.distance > 0)


def _metrics(before: tuple[dict[str, Any], ...], after: tuple[dict[str, Any], ...]) -> dict[tuple[str, str], Pair]:
    old, new = ({(one["slice"], one["metric"]): one["value"] for one in told} for told in (before, after))
    keys = sorted({*old, *new}, key=lambda key: (key[0] != facts.OVERALL, key))
    return {key: (old.get(key), new.get(key)) for key in keys}


def _changed(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Pair]:
    names = list(dict.fromkeys([*before, *after]))
    return {name: (before.get(name), after.get(name)) for name in names if before.get(name) != after.get(name)}


def _pairs(pairs: dict[str, Pair]) -> dict[str, dict[str, Any]]:
    return {name: {"before": was, "after": now} for name, (was, now) in pairs.items()}
