"""Values of a search as a person reads them; imports nothing."""

from collections.abc import Mapping
from typing import Any


def shown(values: Mapping[str, Any]) -> str:
    """Return values by name, in a line."""
    return ", ".join(f"{name} {value_shown(value)}" for name, value in values.items())


def value_shown(value: Any) -> str:
    """Return one value."""
    if isinstance(value, float):
        return f"{value:.4g}"
    return "[" + ",".join(map(value_shown, value)) + "]" if isinstance(value, (list, tuple)) else str(value)
