"""``inspect.getargspec``, which Python 3.11 removed: TensorFlow 1 code asks with it what a ``model_fn`` takes.

The behaviour is that of https://docs.python.org/3.10/library/inspect.html#inspect.getargspec, decorators that kept the
original signature (``functools.wraps``) included.
"""

import inspect
from typing import Any, NamedTuple


class ArgSpec(NamedTuple):
    """What a function takes."""

    args: list[str]
    varargs: str | None
    keywords: str | None
    defaults: tuple[Any, ...] | None


def getargspec(function: Any) -> ArgSpec:
    """Return names and defaults of a function's arguments.

    Args:
        function: A Python function or method.

    Returns:
        ``(args, varargs, keywords, defaults)``; ``defaults`` is None where no argument has one.

    Raises:
        TypeError: It is no function.
        ValueError: It has keyword-only arguments or annotations, which this form has no place for.
    """
    spec = inspect.getfullargspec(function)
    if spec.kwonlyargs or spec.annotations:
        raise ValueError(
            "Function has keyword-only parameters or annotations, use inspect.signature() API which can support them"
        )
    return ArgSpec(spec.args, spec.varargs, spec.varkw, spec.defaults)


def install() -> None:
    """Put it back into ``inspect`` where Python no longer has it."""
    if not hasattr(inspect, "getargspec"):
        inspect.getargspec = getargspec  # type: ignore[attr-defined]
