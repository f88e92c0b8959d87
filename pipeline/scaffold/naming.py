"""The new problem's name, and where it goes."""

import keyword
import re
import unicodedata
from pathlib import Path

from pipeline.errors import SettingsError

_NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")


def check_name(name: str) -> None:
    """Check that a name can be a folder, a Python package and a model's name.

    Raises:
        SettingsError: With a name that can.
    """
    if _NAME.fullmatch(name) and not keyword.iskeyword(name):
        return
    raise SettingsError(
        f"{name!r} cannot be the name of a problem",
        expected="a small letter, then small letters, digits and underscores, at most 60; it names a Python package",
        hint=f"try {suggest_name(name)}",
    )


def suggest_name(text: str) -> str:
    """Make a name out of any text: ``Café prices`` becomes ``cafe_prices``."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    name = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:50]
    if not name or not name[0].isalpha() or keyword.iskeyword(name):
        name = f"problem_{name}".rstrip("_")
    return name


def check_free(folder: Path) -> None:
    """Check that nothing is where the folder goes.

    Raises:
        SettingsError: Something is.
    """
    if folder.exists() or folder.is_symlink():
        raise SettingsError(
            f"There is already something at {folder}",
            expected="a place where nothing is: init never overwrites",
            hint="take another NAME, write elsewhere with --out, or move the folder away",
        )
