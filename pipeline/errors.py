"""The errors a person sees: one small tree, each with what was got, what was expected and what to do.

Everything that can go wrong because of data, settings or user code ends as a :class:`PipelineError`. It is
printed as a few lines without a stack trace and decides the exit code of the process. Since nodes run in processes of
their own, and Beam turns exceptions of its workers into text, an error can be written to a line of text and found
again in one (:meth:`PipelineError.encode`, :func:`find`).

Exit codes: 0 done, 2 wrong use or settings, 3 data refused, 4 user code failed, 5 model not blessed, 129 SIGHUP,
130 Ctrl-C, 143 SIGTERM, 1 anything else.
"""

import json
import re
from collections.abc import Sequence
from typing import Any, ClassVar

_OPEN, _CLOSE = "<<estimator-pipeline-error ", " estimator-pipeline-error>>"
_ENCODED = re.compile(re.escape(_OPEN) + r"(\{.*?\})" + re.escape(_CLOSE))


class PipelineError(Exception):
    """Something failed in a way that a person can act on.

    Args:
        headline: One sentence: what is wrong.
        got: What was found, as short as it can be shown.
        expected: What would have been right.
        where: The place: ``file``, ``file:line`` or ``file:line:column``; or a settings key or node.
        hint: What to do next.
        parts: The single mistakes, where several were found at once.
    """

    exit_code: ClassVar[int] = 1
    kind: ClassVar[str] = "error"

    def __init__(
        self,
        headline: str,
        *,
        got: str | None = None,
        expected: str | None = None,
        where: str | None = None,
        hint: str | None = None,
        parts: "Sequence[PipelineError]" = (),
    ) -> None:
        super().__init__(headline)
        self.headline = headline
        self.got = got
        self.expected = expected
        self.where = where
        self.hint = hint
        self.parts = tuple(parts)

    def fields(self) -> dict[str, str]:
        """Return the parts that are set, in the order in which they are shown."""
        parts = {
            "headline": self.headline,
            "where": self.where,
            "got": self.got,
            "expected": self.expected,
            "hint": self.hint,
        }
        return {name: text for name, text in parts.items() if text}

    def as_json(self) -> dict[str, Any]:
        """Return the error as the object that ``--json`` prints and node processes hand over."""
        value: dict[str, Any] = {"kind": self.kind, "exit_code": self.exit_code, **self.fields()}
        if self.parts:
            value["parts"] = [part.as_json() for part in self.parts]
        return value

    def render(self) -> str:
        """Return the error as a person reads it: a headline, then one labelled line for each part."""
        labels = {"where": "where", "got": "got", "expected": "expected", "hint": "next"}
        lines = [f"Error: {self.headline}", *self._labelled(labels)]
        for number, part in enumerate(self.parts, start=1):
            lines.append(f"  {number}. {part.headline}")
            lines.extend(f"   {line}" for line in part._labelled(labels))
        return "\n".join(lines)

    def _labelled(self, labels: dict[str, str]) -> list[str]:
        lines = []
        for name, text in self.fields().items():
            if name == "headline":
                continue
            first, *rest = text.splitlines() or [""]
            lines.append(f"  {labels[name] + ':':<10}{first}")
            lines.extend(f"  {'':<10}{line}" for line in rest)
        return lines

    def encode(self) -> str:
        """Return the error as text that survives being quoted in another exception's message."""
        return f"{_OPEN}{json.dumps(self.as_json())}{_CLOSE}"

    def __str__(self) -> str:
        return self.headline

    def __reduce__(self) -> tuple[Any, ...]:
        return (from_json, (self.as_json(),))


class SettingsError(PipelineError):
    """The command or the settings are wrong."""

    exit_code = 2
    kind = "settings"


class DataError(PipelineError):
    """The data was refused."""

    exit_code = 3
    kind = "data"


class UserCodeError(PipelineError):
    """A function of the problem's folder failed or returned the wrong thing."""

    exit_code = 4
    kind = "user-code"


class NotBlessedError(PipelineError):
    """A model was trained and its gate said no."""

    exit_code = 5
    kind = "not-blessed"


class InfrastructureError(PipelineError):
    """The machine failed us: disk, memory, permissions, a database."""

    kind = "infrastructure"


class TransientError(InfrastructureError):
    """The machine failed us in a way that may well pass: another attempt is worth its time."""

    kind = "transient"


class OutOfMemoryError(TransientError):
    """There was no memory left; when less runs beside it, there may be."""

    kind = "out-of-memory"


class NothingToReuseError(PipelineError):
    """A part of the chain was to run on earlier results, and they are not there: the same would happen again."""

    kind = "nothing-to-reuse"


class LimitError(PipelineError):
    """A node was ended because it exceeded a limit that the settings give it."""

    kind = "limit"


class CancelledError(PipelineError):
    """A person stopped the run: Ctrl-C."""

    exit_code = 130
    kind = "cancelled"


class TerminatedError(CancelledError):
    """A process stopped the run: SIGTERM."""

    exit_code = 143
    kind = "terminated"


class HungUpError(CancelledError):
    """The terminal that the run was started from was closed: SIGHUP."""

    exit_code = 129
    kind = "hung-up"


OUT_OF_MEMORY = ("std::bad_alloc", "OOM when allocating", "Cannot allocate memory", "failed to allocate memory")
"""What the libraries say where Python would raise a ``MemoryError``."""

_KINDS: dict[str, type[PipelineError]] = {
    cls.kind: cls
    for cls in (
        PipelineError,
        SettingsError,
        DataError,
        UserCodeError,
        NotBlessedError,
        InfrastructureError,
        TransientError,
        OutOfMemoryError,
        NothingToReuseError,
        LimitError,
        CancelledError,
        TerminatedError,
        HungUpError,
    )
}


def from_json(value: dict[str, Any]) -> PipelineError:
    """Rebuild an error from :meth:`PipelineError.as_json`."""
    cls = _KINDS.get(str(value.get("kind")), PipelineError)
    parts = {k: value[k] for k in ("got", "expected", "where", "hint") if value.get(k)}
    nested = [from_json(part) for part in value.get("parts", ())]
    return cls(str(value.get("headline", "unknown error")), parts=nested, **parts)


def find(error: BaseException) -> PipelineError | None:
    """Find a :class:`PipelineError` in an exception, in its causes, or quoted in their messages.

    Beam reports what a worker raised as text; code that runs inside a Beam worker therefore raises
    ``SomeError(...)`` through :func:`raise_encoded`.
    """
    seen: set[int] = set()
    queue: list[BaseException | None] = [error]
    while queue:
        current = queue.pop(0)
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        if isinstance(current, PipelineError):
            return current
        found = _ENCODED.search(" ".join(str(a) for a in current.args) or str(current))
        if found:
            return from_json(json.loads(found.group(1)))
        queue += [current.__cause__, current.__context__]
    return None


def raise_encoded(error: PipelineError) -> None:
    """Raise inside a Beam worker so that :func:`find` gets the error back on the other side."""
    raise RuntimeError(error.encode()) from error
