"""Makes a problem: from the command's arguments to the written folder."""

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path

from components.example_gen.kinds import load_schema
from components.user_code.checks import check_code
from pipeline.config import SETTINGS_FILE, read_problem
from pipeline.errors import DataError
from pipeline.scaffold.literals import one_line
from pipeline.scaffold.model import model_text
from pipeline.scaffold.naming import check_free, check_name
from pipeline.scaffold.preprocessing import preprocessing_text
from pipeline.scaffold.profiling import Profile, profile
from pipeline.scaffold.roles import Decision, Role, decide
from pipeline.scaffold.schema import schema_text
from pipeline.scaffold.settings import settings_text
from pipeline.scaffold.sizes import Sizes, sizes
from pipeline.scaffold.tables import Tables, features_text, tables
from pipeline.scaffold.task import Task, TaskName, find_task
from pipeline.scaffold.writing import write_folder

_PROJECT = Path(__file__).resolve().parents[2]


@dataclasses.dataclass(frozen=True)
class Created:
    """A new problem.

    Attributes:
        folder: Where it is.
        files: What was written there.
        profile: The statistics of its data.
        decisions: What becomes of each column, in the file's order.
        task: What is to be learned.
    """

    folder: Path
    files: tuple[str, ...]
    profile: Profile
    decisions: tuple[Decision, ...]
    task: Task


def create(
    name: str,
    folder: Path,
    data: str,
    label: str,
    *,
    columns: Sequence[str] = (),
    missing: Sequence[str] = (),
    task: TaskName | None = None,
) -> Created:
    """Write a new problem.

    Args:
        name: Its name.
        folder: Its folder, which must not be there; called as the problem is.
        data: The data's path, as ``data.path`` of the settings may be; taken from the current directory.
        label: The column to predict.
        columns: Names of the columns, where the file has no header.
        missing: Texts that stand for a missing value; looked for if none are given.
        task: Regression or classification; found from the label if not said.

    Raises:
        SettingsError: The name, the label or the task cannot be used, or something is in the way.
        DataError: The data cannot be read or learned from.
    """
    check_name(name)
    check_free(folder)
    found = profile(data, label=label, columns=columns, missing=missing)
    kind = find_task(found, task)
    decisions = tuple(
        Decision(one, Role.LABEL, f"{kind.name}: {kind.reason}") if one.name == label else decide(one)
        for one in found.columns
    )
    if not any(one.is_input for one in decisions):
        raise DataError(
            "No column is left to predict the label from.",
            got="; ".join(f"{one.column.name}: {one.reason}" for one in decisions if one.role is Role.LEFT_OUT)
            or "the label alone",
            expected="a number, category or date that differs between rows",
            where=data,
            hint="Add such a column, or write the problem by hand: docs/problems.md.",
        )
    files = _files(data, folder, found, decisions, kind)
    write_folder(folder, files, _check)
    return Created(folder, tuple(files), found, decisions, kind)


def _files(data: str, folder: Path, found: Profile, decisions: Sequence[Decision], task: Task) -> dict[str, str]:
    sorted_: Tables = tables(decisions)
    chosen: Sizes = sizes(found.rows["train"])
    file = one_line(Path(data).name).replace('"', "'").replace("\\", "/")
    label = one_line(found.label.name).replace('"', "'").replace("\\", "/")
    return {
        "__init__.py": f'"""{task.name.capitalize()} of {label}, from the {len(decisions)} columns of {file}."""\n',
        "features.py": features_text(file, found.label.name, sorted_, task, chosen.least_seen),
        "preprocessing.py": preprocessing_text(sorted_, task),
        "model.py": model_text(sorted_, task),
        "schema.pbtxt": schema_text(found, decisions, task),
        # Last: it is what makes a folder a problem.
        SETTINGS_FILE: settings_text(path_from(folder, data), found, sorted_, task, chosen),
    }


def _check(folder: Path) -> None:
    """See that a run will be able to read what was written."""
    read_problem(folder)
    load_schema(str(folder / "schema.pbtxt"))
    check_code(folder.name, folder)


def path_from(folder: Path, data: str) -> str:
    """Return the data's path for a problem's settings: relative where both are in one place, else absolute."""
    # os.path's function leaves ~name of nobody as it is
    given = Path(os.path.normpath(Path.cwd() / os.path.expanduser(data)))  # noqa: PTH111
    home = folder.resolve()
    if given.is_relative_to(home.parent) or (given.is_relative_to(_PROJECT.parent) and home.is_relative_to(_PROJECT)):
        return os.path.relpath(given, home)
    return str(given)
