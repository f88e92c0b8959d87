"""Reads a problem's ``pipeline.toml`` with the ``--set`` overrides, and reports every mistake at once."""

import difflib
import json
import os
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from pipeline.config.model import Problem, Settings
from pipeline.config.positions import key_lines, line_of
from pipeline.config.tuning import SEARCHED, set_beside
from pipeline.errors import PipelineError, SettingsError
from pipeline.metadata.address import hidden

SETTINGS_FILE = "pipeline.toml"

_TOML_PLACE = re.compile(r"\(at line (\d+), column (\d+)\)")
# Of each two only one can be set: what the command line says takes the place of the other one in the file.
_INSTEAD_OF = {
    "training.train_steps": "num_epochs",
    "training.num_epochs": "train_steps",
    "training.save_checkpoints_steps": "save_checkpoints_secs",
    "training.save_checkpoints_secs": "save_checkpoints_steps",
}
_PLAIN = {  # pydantic's words for what TOML has others for
    "tuple_type": 'a list, as ["a", "b"]',
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
}
Path_ = tuple[str | int, ...]


def read_problem(folder: Path, overrides: Sequence[str] = (), data: str | None = None) -> Problem:
    """Read and validate the settings of the problem in ``folder``.

    Args:
        folder: The problem's folder, which holds ``pipeline.toml``.
        overrides: ``a.b=value`` as given with ``--set``; the value is TOML, or else taken as a string.
        data: Path that replaces ``data.path``, as given with ``--data``.

    Returns:
        The problem. ``data.path`` is absolute: relative to the folder where the file says it, and to the current
        directory where the command line says it.

    Raises:
        SettingsError: With one part for each mistake, in the order of the file.
    """
    file = folder / SETTINGS_FILE
    if not file.is_file():
        raise SettingsError(
            f"{folder.name} is not a problem's folder",
            got=f"no {SETTINGS_FILE} in {folder}",
            expected=f"a folder with {SETTINGS_FILE}, features.py, preprocessing.py and model.py",
            hint="`python runner.py problems` lists the problems that there are",
        )
    text = _read_text(file)
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = _TOML_PLACE.search(str(error))
        line = text.splitlines()[int(place.group(1)) - 1].strip() if place else ""
        raise SettingsError(
            "The settings file is not valid TOML",
            got=f"{hidden(line)}\n{str(error).partition(' (at ')[0]}".strip(),
            where=f"{file}:{place.group(1)}:{place.group(2)}" if place else str(file),
            hint='text needs quotes (label = "price"), and each [table] stands once',
        ) from None
    _absolute_data_path(values, folder)
    given: dict[Path_, str] = {}
    mistakes = [mistake for text_ in overrides if (mistake := _override(values, text_, given))]
    if data is not None:
        section = values.setdefault("data", {})
        if isinstance(section, dict):
            section["path"] = _absolute(data, Path.cwd())
            given[("data", "path")] = f"--data {data}"
    settings = _validated(values, mistakes, given, file, key_lines(text))
    return Problem(name=folder.resolve().name, folder=folder.resolve(), settings=settings)


def with_overrides(problem: Problem, overrides: Sequence[str], where: Path) -> Problem:
    """Return a problem whose settings were read before with some of them replaced.

    Args:
        problem: The problem.
        overrides: ``a.b=value`` as given with ``--set``.
        where: The file that the settings come from, for messages.

    Raises:
        SettingsError: With one part for each mistake.
    """
    if not overrides:
        return problem
    values = problem.settings.model_dump(mode="json", by_alias=True, exclude_none=True)
    given: dict[Path_, str] = {}
    mistakes = [mistake for text in overrides if (mistake := _override(values, text, given))]
    return problem.model_copy(update={"settings": _validated(values, mistakes, given, where)})


def _validated(
    values: dict[str, Any],
    mistakes: list[PipelineError],
    given: dict[Path_, str],
    file: Path,
    lines: dict[Path_, int] | None = None,
) -> Settings:
    """Validate the values of a file, whose keys stand in these lines; tell these mistakes and all others."""
    settings: Settings | None = None
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        found = [(_line(lines or {}, item["loc"]), _explain(item, file, lines or {}, given)) for item in error.errors()]
        mistakes = mistakes + [mistake for _, mistake in sorted(found, key=lambda pair: pair[0])]
    if settings is not None:
        mistakes = mistakes + _without_effect(settings, given)
    if settings is None or mistakes:
        count = "One mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
        raise SettingsError(
            f"{count} in the settings of {file.name if lines is None else file.parent.name}",
            hint="docs/settings.md describes every setting",
            parts=mistakes,
        )
    return settings


def _read_text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise SettingsError(
            "The settings file is not UTF-8", got=str(error), where=str(file), hint="save it as UTF-8"
        ) from None
    except OSError as error:
        raise SettingsError("The settings file cannot be read", got=str(error), where=str(file)) from None


def _absolute(path: str, base: Path) -> str:
    if not path.strip():
        return ""  # to be refused, as nobody means the folder by it
    expanded = Path(os.path.expanduser(path))  # noqa: PTH111  as in a shell: ~name of nobody is a name as any other
    return os.path.normpath(expanded if expanded.is_absolute() else base.resolve() / expanded)


def _absolute_data_path(values: dict[str, Any], folder: Path) -> None:
    section = values.get("data")
    if isinstance(section, dict) and isinstance(section.get("path"), str):
        section["path"] = _absolute(section["path"], folder)


def _override(values: dict[str, Any], text: str, given: dict[Path_, str]) -> PipelineError | None:
    """Apply one ``a.b=value`` to ``values``; return what is wrong with it, if anything."""
    key, equals, raw = text.partition("=")
    names = [name.strip() for name in key.split(".")]
    if not equals or not all(names):
        return SettingsError(
            "An override is not key=value", got=f"--set {hidden(text)}", expected="--set training.seed=7"
        )
    target = values
    for name in names[:-1]:
        inner = target.setdefault(name, {})
        if not isinstance(inner, dict):
            return SettingsError(f"{name} is not a table", got=f"--set {hidden(text)}", where=key.strip())
        target = inner
    try:
        value = tomllib.loads(f"value = {raw}")["value"]
    except tomllib.TOMLDecodeError:
        value = raw.strip()
    if names == ["data", "path"] and isinstance(value, str):
        value = _absolute(value, Path.cwd())
    other = (*names[:-1], _INSTEAD_OF.get(".".join(names), ""))
    if other not in given:  # of two overrides that exclude each other both stay, and are told
        target.pop(other[-1], None)
    target[names[-1]] = value
    given[tuple(names)] = f"--set {text}"
    return None


def _without_effect(settings: Settings, given: dict[Path_, str]) -> list[PipelineError]:
    """Refuse what the command line sets where the latest search's value is trained with; a search begins with it."""
    tuning = settings.tuning
    if tuning.use != "latest":
        return []
    mistakes: list[PipelineError] = []
    for name in set_beside(tuning, settings.training, given):
        source = given[tuple(name.split("."))]
        mistakes.append(
            SettingsError(
                f"{name} would not be trained with: the latest search's value takes its place",
                got=f"{hidden(source)}, and tuning.use = latest",
                expected="one of the two",
                where=hidden(source),
                hint="train without tuned values: --set tuning.use=nothing; or leave this --set out",
            )
        )
    return mistakes


def _line(lines: dict[Path_, int], loc: Path_) -> int:
    return line_of(lines, loc) or 0


def _explain(item: Any, file: Path, lines: dict[Path_, int], given: dict[Path_, str]) -> PipelineError:
    """Turn one of pydantic's findings into a sentence with its place and a suggestion."""
    loc: Path_ = tuple(part for part in item["loc"] if part != "[key]")
    key = _dotted(loc)
    line = line_of(lines, loc)
    source = next((text for path, text in given.items() if all(a == b for a, b in zip(path, loc, strict=False))), None)
    where = source or (f"{file}:{line}" if line and item["type"] != "missing" else str(file))
    shown: str | None = _shown(item["input"])
    known = _fields_at(loc[:-1])
    expected, hint = item["msg"], None
    context = item.get("ctx", {})
    if item["type"] == "extra_forbidden":
        headline = f"Unknown setting {key}"
        close = difflib.get_close_matches(str(loc[-1]), known, n=1)
        expected = "one of: " + ", ".join(known) if known else None
        hint = f"did you mean {_dotted((*loc[:-1], close[0]))}?" if close else None
    elif item["type"] == "missing":
        headline, shown = f"{key} is missing", None
        expected = known.get(str(loc[-1])) or "a value"
        # The table may be there only because the command line names something in it.
        beside = next((text for path, text in given.items() if path[: len(loc) - 1] == loc[:-1]), None)
        if beside and loc[:-1] not in lines:
            where, hint = beside, _other_dimension(loc, lines)
    else:
        headline = f"{key or 'settings'} is not valid"
        if item["type"] == "literal_error":
            expected = str(context["expected"])
            close = difflib.get_close_matches(str(item["input"]), _quoted(expected), n=1)
            hint = f"did you mean '{close[0]}'?" if close else None
        elif item["type"] == "value_error":
            expected = str(context["error"])
            hint = getattr(context["error"], "hint", None)
        else:
            expected = _PLAIN.get(item["type"], expected)
        expected = expected.removeprefix("Input should be ")
    # Somebody may have put a password where none belongs: it is not told.
    return SettingsError(headline, got=shown and hidden(shown), expected=expected, where=hidden(where), hint=hint)


def _other_dimension(loc: Path_, lines: dict[Path_, int]) -> str | None:
    """Say which name was meant by that of a dimension that has no line of its own."""
    if loc[:2] != ("tuning", "space"):
        return None
    for parent in (("tuning", "space"), ("training", "params")):
        known = [str(path[2]) for path in lines if path[:2] == parent and len(path) > 2]
        close = difflib.get_close_matches(str(loc[2]), [*dict.fromkeys(known), *SEARCHED], n=1)
        if close:
            return f"did you mean {_dotted((*loc[:2], close[0]))}?"
    return None


def _quoted(text: str) -> list[str]:
    return text.replace(" or ", ", ").replace("'", "").split(", ")


def _dotted(loc: Path_) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc).lstrip(".")


def _shown(value: Any) -> str:
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= 80 else text[:77] + "..."


def _fields_at(loc: Path_) -> dict[str, str]:
    """Return the known keys, with their descriptions, of the table at ``loc``."""
    model: Any = Settings
    named = False  # whether the next part is a name of the user's own, as that of a dimension
    for part in loc:
        if isinstance(part, int) or named:
            named = False
            continue
        fields = {info.alias or name: info for name, info in model.model_fields.items()}
        if part not in fields:
            return {}
        annotation = fields[str(part)].annotation
        inner = [annotation, *getattr(annotation, "__args__", ())]
        model = next((one for one in inner if isinstance(one, type) and issubclass(one, BaseModel)), None)
        if model is None:
            return {}
        named = getattr(annotation, "__origin__", None) is dict
    return {info.alias or name: info.description or "" for name, info in model.model_fields.items()}
