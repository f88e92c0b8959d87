"""Paths as a person reads them."""

import os
from pathlib import Path


def near(path: str | Path) -> str:
    """Return a path relative to the current directory where that is shorter."""
    whole = str(path)
    relative = os.path.relpath(whole)
    return relative if len(relative) < len(whole) else whole
