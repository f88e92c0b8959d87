"""Paths as a person gives and reads them."""

import os
from pathlib import Path

from pipeline.errors import SettingsError


def expanded(given: str | Path) -> Path:
    """Return a path with the home folder that it begins with, as ``~/runs`` or ``~ann/runs``.

    Raises:
        SettingsError: If it names nobody of this machine.
    """
    try:
        return Path(given).expanduser()
    except RuntimeError:
        raise SettingsError(
            "There is no such home folder",
            got=str(given),
            expected="~ for your own, ~NAME for that of a user of this machine",
            hint=f"write the path out; a folder that is really called so is ./{given}",
        ) from None


def absolute(given: str | Path) -> Path:
    """Return a path from the root, its links as they are: ``current`` stays one; raises as :func:`expanded` does."""
    return Path(os.path.normpath(Path.cwd() / expanded(given)))


def near(path: str | Path) -> str:
    """Return a path relative to the current directory where that is shorter."""
    whole = str(path)
    relative = os.path.relpath(whole)
    return relative if len(relative) < len(whole) else whole
