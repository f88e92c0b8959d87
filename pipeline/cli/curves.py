"""The curve of a training, as the commands show it; read without TensorFlow."""

import shutil
import sys
from pathlib import Path
from typing import Any

from components.trainer.curve import FILE, PICTURE, read_curve
from components.trainer.picture import lines
from components.trainer.record import read_record
from pipeline.cli.paths import near
from pipeline.lineage.details import Details
from pipeline.watching.trainings import Trainings

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


def training_folder(root: Path, run: Details) -> Path | None:
    """Return the folder of a run's training; of one that has not ended, among the checkpoints.

    Args:
        root: The workspace.
        run: The run; the training is that of the run before if it was reused.
    """
    made = [one for node in run.nodes if node.name == "Trainer" for one in node.outputs if one["name"] == "model_run"]
    folder = Path(made[0]["uri"]) if made and not made[0]["gone"] else None
    if folder is not None and (folder / FILE).exists():
        return folder
    return Trainings(root, run.run.problem).find().get(run.run.name, folder)


def training_lines(model_run: Path, *, indent: int, height: int) -> list[str]:
    """Return what a training did, in words, and its curve; of one that has not ended, how far it has come."""
    record, curve = read_record(model_run), read_curve(model_run)
    told = record.sentences() if record else []
    if record and not record.steps and not record.failed and curve and curve.stretches:
        told = [f"{curve.stretches[-1].step:,} of {record.train_steps:,} steps until now"]
        told += [*([record.mirrored] if record.mirrored else []), *record.warm_start]
    return [*told, *curve_lines(model_run, indent=indent, height=height)]


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
