"""Text as the languages of the generated files write it: Python, TOML and protobuf's text format."""

import json
import math
from collections.abc import Sequence

WIDTH = 120


def python(value: str | float) -> str:
    """Return a Python literal in ruff's style: double quotes, unless that takes more escapes."""
    if not isinstance(value, str):
        return repr(value)
    text = json.dumps(value, ensure_ascii=not value.isprintable())
    if '"' in value and "'" not in value:
        return "'" + text[1:-1].replace('\\"', '"') + "'"
    return text


def python_tuple(name: str, values: Sequence[str | float]) -> str:
    """Return the assignment of a tuple, on one line where it fits, else with an element a line."""
    parts = [python(value) for value in values]
    line = f"{name} = ({', '.join(parts)}{',' if len(parts) == 1 else ''})"
    if len(line) <= WIDTH:
        return line
    return "\n".join([f"{name} = (", *(f"    {part}," for part in parts), ")"])


def toml(value: str | float | Sequence[str | int]) -> str:
    """Return a TOML value: a basic string, a number or an array."""
    if isinstance(value, str):
        # JSON's escapes are TOML's; DEL, which JSON leaves alone, has to be escaped in TOML.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, Sequence):
        return f"[{', '.join(toml(one) for one in value)}]"
    return repr(value)


def proto(value: str) -> str:
    """Return a string literal of protobuf's text format.

    https://protobuf.dev/reference/protobuf/textformat-spec/#string
    """
    short = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
    escaped = "".join(short.get(one) or (one if one.isprintable() else _octal(one)) for one in value)
    return f'"{escaped}"'


def _octal(one: str) -> str:
    return "".join(f"\\{byte:03o}" for byte in one.encode())


def number(value: float, digits: int = 6) -> float:
    """Round to significant digits, so that a generated file is readable."""
    if value == 0 or not math.isfinite(value):
        return value
    return float(f"{value:.{digits}g}")


def rounded_out(value: float, *, up: bool) -> float:
    """Round to two significant digits, away from the data."""
    if value == 0:
        return 0.0
    step = 10.0 ** (math.floor(math.log10(abs(value))) - 1)
    return float(f"{(math.ceil if up else math.floor)(value / step) * step:.12g}")


def one_line(text: str, limit: int = 80) -> str:
    """Return text as a comment can hold it: on one line, printable, cut to ``limit``."""
    flat = "".join(one if one.isprintable() else " " for one in text)
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"
