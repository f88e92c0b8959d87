"""Where something may be removed: only what really lies inside the workspace, whatever names and links say."""

import shutil
from pathlib import Path

DEPTH = 4
"""Folders from ``artifacts`` down to an artifact: problem, node, channel, execution."""


def artifact_place(root: Path, uri: str) -> Path | None:
    """Return the real path of an artifact; None if it does not lie among the artifacts of the workspace ``root``."""
    if "://" in uri or not uri.startswith("/"):
        return None
    place = real_place(Path(uri))
    if place is None or not place.is_relative_to(root / "artifacts"):
        return None
    return place if len(place.relative_to(root / "artifacts").parts) >= DEPTH else None


def real_place(path: Path) -> Path | None:
    """Return the path without any symbolic link in it; None if it is one itself, or its name is none (``..``)."""
    if path.is_symlink() or path.name in ("", ".", ".."):
        return None
    return path.parent.resolve() / path.name


def is_inside(root: Path, path: Path) -> bool:
    """Say whether ``path`` really lies under ``root``, no link on the way, and is itself no link."""
    return path != root and path.is_relative_to(root) and real_place(path) == path


def remove(root: Path, path: Path) -> None:
    """Remove a file or a folder; links in it are removed, and never followed.

    Args:
        root: The workspace's real path; nothing outside it is removed.
        path: What is to go; that it is not there is no mistake.

    Raises:
        OSError: If it cannot be removed, or lies elsewhere.
    """
    if not is_inside(root, path):
        raise OSError(f"{path} does not lie in {root}")
    try:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    except FileNotFoundError:
        if path.exists():  # something in it went away meanwhile
            shutil.rmtree(path)
