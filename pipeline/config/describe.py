"""Describes every setting as a page of documentation: ``python -m pipeline.config.describe > docs/settings.md``."""

import json
import sys
from typing import Any, Literal

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from pipeline.config.model import Settings

_HEAD = """\
# Settings

Everything that a problem's `pipeline.toml` may say. `--set table.key=value` overrides a setting for one run; the value
is TOML, or else taken as a string. Unknown keys, wrong types and impossible values are all reported at once, each with
its line and a suggestion. This page is made by `python -m pipeline.config.describe` from the model itself.
"""

_ARRAYS = {"evaluation.metrics"}


def describe() -> str:
    """Return the page."""
    return "\n".join([_HEAD, *_table(Settings, "")]).rstrip() + "\n"


def _table(model: type[BaseModel], name: str) -> list[str]:
    brackets = f"[[{name}]]" if name in _ARRAYS else f"[{name}]"
    lines = [f"## `{brackets}`" if name else "## At the top", "", *([_sentence(model), ""] if name else [])]
    lines += ["| key | type | default | meaning |", "| --- | --- | --- | --- |"]
    tables: list[str] = []
    for key, field in model.model_fields.items():
        inner = _inner(field.annotation)
        shown = field.alias or key
        path = f"{name}.{shown}" if name else shown
        if inner is not None and getattr(field.annotation, "__origin__", None) is dict:
            path += ".NAME"
        if inner is not None:
            tables += ["", *_table(inner, path)]
        if inner is not None and not name:
            continue
        kind = _kind(field.annotation)
        if inner is not None:
            kind = f"tables `[[{path}]]`" if path in _ARRAYS else f"table `[{path}]`"
        lines.append(f"| `{shown}` | {kind} | {_default(field)} | {field.description or ''} |")
    return lines + tables


def _sentence(model: type[BaseModel]) -> str:
    return " ".join((model.__doc__ or "").replace("``", "`").split())


def _inner(annotation: Any) -> type[BaseModel] | None:
    candidates = [annotation, *getattr(annotation, "__args__", ())]
    return next((one for one in candidates if isinstance(one, type) and issubclass(one, BaseModel)), None)


def _kind(annotation: Any) -> str:
    if hasattr(annotation, "__metadata__"):  # Annotated: the type within its bounds
        return _kind(annotation.__origin__)
    parts = [one for one in getattr(annotation, "__args__", ()) if one is not type(None)]
    optional = type(None) in getattr(annotation, "__args__", ())
    origin: Any = getattr(annotation, "__origin__", None)
    if optional:
        return _kind(parts[0]) + " or unset"
    if origin is Literal:
        return ", ".join(json.dumps(one) for one in parts)
    return {dict: "table", tuple: "list"}.get(origin) or annotation.__name__


def _default(field: Any) -> str:
    if field.default is PydanticUndefined:
        return "needed"
    if field.default is None:
        return "unset"
    return f"`{json.dumps(field.default)}`"


if __name__ == "__main__":
    sys.stdout.write(describe())
