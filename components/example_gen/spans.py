"""Data by spans: which span a path with TFX's placeholders means, which there are, and what is said if one is not.

A span is a number, ``{SPAN}``, or a day, ``{YYYY}``, ``{MM}`` and ``{DD}``, whose number is that of the days since
1970-01-01. Source: https://www.tensorflow.org/tfx/guide/examplegen#span.
"""

import datetime
import glob
import re

from pipeline.errors import DataError

SPECS = re.compile(r"\{SPAN(:.*?)?\}|\{VERSION(:.*?)?\}|\{YYYY\}|\{MM\}|\{DD\}")
"""A placeholder of TFX's."""

_SPAN = re.compile(r"\{SPAN(?::(\d+))?\}")
_FIRST = datetime.date(1970, 1, 1)
_PIECE = re.compile(rf"(?P<spec>{SPECS.pattern})|(?P<many>\*+)|(?P<one>\?)|\[(?P<other>!?)(?P<class>\]?[^\]]*)\]")
_TOLD = 3  # spans that are told of those that there are


def has_spans(path: str) -> bool:
    """Say whether the path names its spans, by number or by day."""
    return _SPAN.search(path) is not None or _by_day(path)


def of_span(path: str, span: int) -> str:
    """Return the path with one span filled in; what stands for a version stays.

    Raises:
        DataError: If no day has that number.
    """
    if not _by_day(path):
        return _SPAN.sub(lambda found: str(span).zfill(int(found[1] or 0)), path)
    day = _day(span)
    if day is None:
        raise DataError(
            f"No day has the number {span}",
            got=f"data.span = {span}",
            expected="days since 1970-01-01, for a path with {YYYY}, {MM} and {DD}",
            where=path,
            hint="20000 is 2024-10-04",
        )
    for spec, value in (("{YYYY}", f"{day.year:04}"), ("{MM}", f"{day.month:02}"), ("{DD}", f"{day.day:02}")):
        path = path.replace(spec, value)
    return path


def no_data(path: str, span: int) -> DataError:
    """Describe a span whose data is not there: the commonest failure of a run each day, whose data comes late."""
    latest = ", ".join(_named(path, one) for one in sorted(spans(path), reverse=True)[:_TOLD])
    return DataError(
        f"No data for {_named(path, span)}: {of_span(path, span)}",
        got=f"the latest that is there: {latest}" if latest else f"no data of any {'day' if _by_day(path) else 'span'}",
        where=path,
        hint="when the data has come, run this node again in the same run: in Airflow clear the task, by hand give"
        " the same command, or `resume` the run; data.span names another span",
    )


def spans(path: str) -> set[int]:
    """Return the numbers of the spans that there are."""
    pattern = re.compile("".join(_expressions(path)))
    found = set()
    for name in glob.glob(SPECS.sub("*", path)):  # noqa: PTH207 (Path.glob takes no absolute pattern)
        parts = pattern.fullmatch(name)
        number = _number(parts.groupdict()) if parts else None
        if number is not None:
            found.add(number)
    return found


def _by_day(path: str) -> bool:
    return all(spec in path for spec in ("{YYYY}", "{MM}", "{DD}"))


def _day(span: int) -> datetime.date | None:
    try:
        return _FIRST + datetime.timedelta(span)
    except OverflowError:
        return None


def _named(path: str, span: int) -> str:
    return str(_day(span)) if _by_day(path) else f"span {span}"


def _number(parts: dict[str, str]) -> int | None:
    if "SPAN" in parts:
        return int(parts["SPAN"])
    try:
        return (datetime.date(*(int(parts[one]) for one in ("YYYY", "MM", "DD"))) - _FIRST).days
    except (KeyError, ValueError):
        return None


def _expressions(path: str) -> list[str]:
    """Return a path's pattern as pieces of a regular expression, with a group for each placeholder."""
    found, at = [], 0
    groups: set[str] = set()
    for piece in _PIECE.finditer(path):
        found.append(re.escape(path[at : piece.start()]))
        at = piece.end()
        if piece["spec"]:
            name, _, width = piece["spec"].strip("{}").partition(":")
            digits = {"YYYY": r"\d{4}", "MM": r"\d\d", "DD": r"\d\d"}.get(name, r"\d+")
            digits = rf"\d{{{width}}}" if width.isdigit() else digits
            found.append(f"(?P={name})" if name in groups else f"(?P<{name}>{digits})")
            groups.add(name)
        elif piece["class"]:
            found.append(f"[{'^' * bool(piece['other'])}{re.escape(piece['class']).replace(chr(92) + '-', '-')}]")
        else:
            found.append("[^/]*" if piece["many"] else "[^/]")
    return [*found, re.escape(path[at:])]
