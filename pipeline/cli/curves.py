"""The curve of a training, as the commands show it; read without TensorFlow."""

import shutil
import sys
from pathlib import Path
from typing import Any

from components.trainer.curve import PICTURE, read_curve
from components.trainer.picture import lines
from components.trainer.record import read_record
from pipeline.cli.paths import near

_WIDTH = 100  # of a line where the terminal does not say, or is wider


def curve_lines(model_run: Path, *, indent: int, height: int) -> list[str]:
    """Return the curve of a training and where its picture is; nothing if it left none.

    Args:
        model_run: What the Trainer gave out beside the model.
        indent: How far the lines are to be indented by who prints them.
        height: Lines of the drawing.
    """
    curve = read_curve(model_run)
    if curve is None:
        return []
    width = min(_WIDTH, shutil.get_terminal_size((_WIDTH, 24)).columns) - indent
    drawn = lines(curve, width=width, height=height, ascii_only=not _can_show("●⠒└"))
    picture = model_run / PICTURE
    return [*drawn, *([f"all of it as a picture: {near(str(picture))}"] if drawn and picture.is_file() else [])]


def training_as_json(model_run: Path) -> dict[str, Any] | None:
    """Return what a training did and its curve, for machines; None if it left neither."""
    record, curve = read_record(model_run), read_curve(model_run)
    if record is None and curve is None:
        return None
    picture = model_run / PICTURE
    return {
        **(record.as_json() if record else {}),
        "curve": curve.as_json() if curve else None,
        "picture": str(picture) if picture.is_file() else None,
    }


def _can_show(characters: str) -> bool:
    try:
        characters.encode(sys.stdout.encoding or "ascii")
    except (LookupError, UnicodeError):
        return False
    return True
