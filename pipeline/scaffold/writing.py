"""Writes a folder whole or not at all: beside its place under a hidden name, then renamed."""

import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from pipeline.errors import InfrastructureError
from pipeline.scaffold.naming import check_free


def write_folder(folder: Path, files: Mapping[str, str], check: Callable[[Path], None]) -> None:
    """Write a new folder of text files.

    Args:
        folder: What appears; its parents are made where they are not there.
        files: Texts by name.
        check: Called with the written folder before it appears.

    Raises:
        SettingsError: Something is there already.
        InfrastructureError: It cannot be written.
    """
    beside: Path | None = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        beside.chmod(0o777 & ~_umask())
        for name, text in files.items():
            (beside / name).write_text(text, encoding="utf-8")
        check(beside)
        check_free(folder)  # once more: reading the data takes a while
        beside.rename(folder)
    except OSError as error:
        raise InfrastructureError(
            "The problem's folder cannot be written",
            got=error.strerror or str(error),
            where=str(folder),
            hint="write it elsewhere with --out",
        ) from error
    finally:
        if beside is not None and beside.exists():
            shutil.rmtree(beside, ignore_errors=True)


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
