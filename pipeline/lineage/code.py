"""What changed in a problem's code between the copies that two runs imported."""

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_SHOWN_ELSEWHERE = {"pipeline.toml", "schema.pbtxt"}  # as settings, and as schema


@dataclass(frozen=True)
class FileChange:
    """A file that is not the same in two runs.

    Attributes:
        path: Relative to the problem's folder.
        change: ``added``, ``removed`` or ``changed``.
        added: Lines that are new.
        removed: Lines that are gone.
        diff: The unified diff; empty for a file that is no text.
    """

    path: str
    change: str
    added: int
    removed: int
    diff: str

    def as_json(self) -> dict[str, Any]:
        """Return the change as it is printed."""
        return {"path": self.path, "change": self.change, "added": self.added, "removed": self.removed}


def files(folder: Path) -> dict[str, Path]:
    """Return the files of a copy of a problem's folder by their relative paths."""
    if not folder.is_dir():
        return {}
    return {
        file.relative_to(folder).as_posix(): file
        for file in sorted(folder.rglob("*"))
        if file.is_file() and "__pycache__" not in file.parts and file.name not in _SHOWN_ELSEWHERE
    }


def changes(before: Path, after: Path) -> list[FileChange]:
    """Return the files that differ between two copies, sorted by path."""
    old, new = files(before), files(after)
    found = []
    for path in sorted({*old, *new}):
        was = old[path].read_bytes() if path in old else None
        now = new[path].read_bytes() if path in new else None
        if was != now:
            found.append(_change(path, was, now))
    return found


def _change(path: str, was: bytes | None, now: bytes | None) -> FileChange:
    word = "added" if was is None else "removed" if now is None else "changed"
    try:
        old, new = (content.decode().splitlines() if content is not None else [] for content in (was, now))
    except UnicodeDecodeError:
        return FileChange(path, word, 0, 0, "")
    lines = list(
        difflib.unified_diff(
            old,
            new,
            "/dev/null" if was is None else f"a/{path}",
            "/dev/null" if now is None else f"b/{path}",
            lineterm="",
        )
    )
    added = sum(line.startswith("+") for line in lines[2:])
    removed = sum(line.startswith("-") for line in lines[2:])
    return FileChange(path, word, added, removed, "\n".join(lines))
