"""The read side of a serving directory: which versions it holds. Plain Python, no TensorFlow."""

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# TensorFlow Serving hands assets.extra on and looks at nothing in it but the warm-up requests, so a record of the push
# is safe inside the version, moves with it, and goes when it goes.
RECORD = Path("assets.extra") / "push.json"

_BLOCK = 1 << 20


@dataclass(frozen=True)
class Version:
    """One version in a serving directory.

    Attributes:
        number: Its name; TensorFlow Serving serves the highest.
        path: Its folder.
        model_hash: SHA-256 of the model's files, as recorded by the push; empty where no push of ours made it.
        pushed_at: Time of the push, UTC, ISO 8601; empty likewise.
        model_uri: The Model artifact that was pushed; empty likewise.
    """

    number: int
    path: Path
    model_hash: str = ""
    pushed_at: str = ""
    model_uri: str = ""


def version_number(name: str) -> int | None:
    """Return the number that a name in a serving directory stands for; None where it is not a version's name."""
    return int(name) if name.isascii() and name.isdigit() else None


def read_versions(serving_dir: str | os.PathLike[str]) -> list[Version]:
    """Return the versions of a serving directory, lowest first; none where the directory does not exist."""
    folder = Path(serving_dir)
    found = []
    for entry in folder.iterdir() if folder.is_dir() else ():
        number = version_number(entry.name)
        if number is not None:
            record = _read_record(entry)
            found.append(
                Version(
                    number,
                    entry,
                    model_hash=record.get("model_hash", ""),
                    pushed_at=record.get("pushed_at", ""),
                    model_uri=record.get("model_uri", ""),
                )
            )
    return sorted(found, key=lambda version: version.number)


def hash_model(folder: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of a SavedModel's files: names, sizes and contents, without the record of a push.

    Raises:
        OSError: if a file cannot be read.
    """
    root = Path(folder)
    digest = hashlib.sha256()
    for path in sorted(p for p in root.rglob("*") if p.is_file()):
        name = path.relative_to(root)
        if name == RECORD:
            continue
        digest.update(f"{name.as_posix()}\0{path.stat().st_size}\0".encode())
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
    return digest.hexdigest()


def _read_record(version: Path) -> dict[str, Any]:
    try:
        value = json.loads((version / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}
