"""Single changes: of a data file, a line of code, a setting, a library; as they are told by ``why``."""

import difflib
import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.lineage import facts
from pipeline.lineage.code import files
from pipeline.lineage.store import Artifact


@dataclass(frozen=True)
class Change:
    """One thing that is not what it was.

    Attributes:
        kind: ``input``, ``data``, ``schema``, ``code``, ``setting``, ``library``, ``component``, ``request`` or
            ``result``.
        name: What changed: an input, a file, a setting, a library.
        before: What it was; empty if it was not there.
        after: What it is.
        text: What else is to be said, or all there is to say.
        line: The number of the changed line, in the file as it is now.
    """

    kind: str
    name: str
    before: str = ""
    after: str = ""
    text: str = ""
    line: int | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the change as it is printed."""
        return {name: value for name, value in vars(self).items() if value not in (None, "")}


def plain(value: Any) -> str:
    """Return a setting's value as it is written; empty for none."""
    return "" if value is None else value if isinstance(value, str) else json.dumps(value)


def source_changes(then: Artifact, now: Artifact) -> list[Change]:
    """Return how the files that were read differ."""
    old, new = ({one.path: one for one in facts.sources(side)} for side in (then, now))
    changes = []
    for path in dict.fromkeys([*old, *new]):
        told = [_file(side[path].hash, side[path].rows) if path in side else "" for side in (old, new)]
        if told[0] != told[1]:
            changes.append(Change("data", path, told[0], told[1]))
    spans = [int(one.get("span", 0) or 0) for one in (then, now)]
    if spans[0] != spans[1]:
        changes.append(Change("data", "span", str(spans[0]), str(spans[1])))
    return changes


def _file(digest: str, rows: int | None) -> str:
    return f"hash {facts.short(digest)}" + ("" if rows is None else f", {rows:,} rows")


def code_changes(then: Path, now: Path, reached: Collection[str]) -> list[Change]:
    """Return the changed lines between two copies of a problem's folder.

    Args:
        then: The copy that it was.
        now: The copy that it is.
        reached: The paths that count.
    """
    old, new = files(then), files(now)
    changes = []
    for path in sorted({*old, *new} & set(reached)):
        was, is_ = _lines(old.get(path)), _lines(new.get(path))
        if was is None or is_ is None:
            if _bytes(old.get(path)) != _bytes(new.get(path)):
                changes.append(Change("code", path, text="changed; it is no text"))
            continue
        for tag, a, b, c, d in difflib.SequenceMatcher(None, was, is_, autojunk=False).get_opcodes():
            if tag != "equal":
                before, after = "\n".join(was[a:b]), "\n".join(is_[c:d])
                changes.append(Change("code", path, before, after, line=c + 1))
    return changes


def _lines(file: Path | None) -> list[str] | None:
    try:
        return [] if file is None else file.read_bytes().decode().splitlines()
    except UnicodeDecodeError:
        return None


def _bytes(file: Path | None) -> bytes | None:
    return None if file is None else file.read_bytes()
