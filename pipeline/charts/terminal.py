"""Charts in a terminal, of characters."""

import math
from collections.abc import Sequence

from pipeline.charts.scale import Scale, around, number
from pipeline.charts.series import Chart, Point, Series, thinned

_BARS = "▁▂▃▄▅▆▇█"
_PLAIN_BARS = "_.-=+*#@"
_MARKS, _PLAIN_MARKS = "●◆▲■", "oxv#"
# The dots of a braille character by column and row: https://www.unicode.org/charts/PDF/U2800.pdf
_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
_BRAILLE = 0x2800


def sparkline(values: Sequence[float], width: int = 40, *, ascii_only: bool = False) -> str:
    """Return values as a line of at most ``width`` characters, each the mean of some; ``·`` where none is finite."""
    bars = _PLAIN_BARS if ascii_only else _BARS
    cells = []
    count = min(width, len(values))
    for cell in range(count):
        held = values[cell * len(values) // count : (cell + 1) * len(values) // count]
        finite = [value for value in held if math.isfinite(value)]
        cells.append(sum(finite) / len(finite) if finite else math.nan)
    known = [cell for cell in cells if math.isfinite(cell)]
    if not known:
        return ("?" if ascii_only else "·") * count
    low, high = min(known), max(known)
    size = (high - low) or 1.0
    return "".join(
        bars[min(len(bars) - 1, int((cell - low) / size * len(bars)))]
        if math.isfinite(cell)
        else ("?" if ascii_only else "·")
        for cell in cells
    )


def curve(chart: Chart, *, width: int = 96, height: int = 8, ascii_only: bool = False) -> list[str]:
    """Draw a chart: lines of dots, points as marks, with both axes, and a legend that tells them apart.

    Args:
        chart: What to draw.
        width: Characters of a line at most, the numbers of the y axis among them.
        height: Lines of the drawing, without the two of the axis and the legend, which is one where that fits.
        ascii_only: Whether to do without characters that are not ASCII.

    Returns:
        Its lines, without blanks at their ends; none of them if there is nothing to draw.
    """
    extent = chart.extent()
    if extent is None:
        return []
    x = around(*extent[0], log=chart.log_x, margin=0.0)
    y = around(*extent[1], log=chart.log_y, margin=0.02)
    names = _beside(y, height)
    gutter = max(len(name) for name in names.values()) if names else 0
    across = max(10, width - gutter - 3)
    canvas = _Canvas(across, height, ascii_only)
    marks = iter((_PLAIN_MARKS if ascii_only else _MARKS) * 8)
    legend = []
    for one in chart.series:
        mark = next(marks) if one.kind != "line" else ""
        canvas.draw(chart, one, x, y, mark)
        if one.name:
            stroke = mark or ("." if ascii_only else "⠒")
            legend.append(f"{stroke} {one.name}")
    corner, side, tick = ("+", "|", "+") if ascii_only else ("└", "│", "┤")
    rows = [
        f"{names.get(row, ''):>{gutter}} {tick if row in names else side}{text}".rstrip()
        for row, text in enumerate(canvas.rows())
    ]
    rule, below = _under(chart, x, across, ascii_only)
    rows.append(f"{'':>{gutter}} {corner}{rule}")
    rows.append(f"{'':>{gutter}}  {below}".rstrip())
    legend += [f"{'->' if ascii_only else '→'} {chart.x_label}"] if chart.x_label else []
    return rows + _legend(legend, gutter + 2, width)


def _legend(entries: Sequence[str], indent: int, width: int) -> list[str]:
    """Return what stands for what, in as many lines as it takes: an entry is cut only where no line could hold it."""
    longest = max(map(len, entries), default=0)
    indent = max(0, min(indent, width - longest))
    rows: list[str] = []
    for one in entries:
        entry = one[:width]
        if rows and len(rows[-1]) + 3 + len(entry) <= width:
            rows[-1] += f"   {entry}"
        else:
            rows.append(" " * indent + entry)
    return rows


class _Canvas:
    """Characters of two by four dots, and marks over them."""

    def __init__(self, width: int, height: int, ascii_only: bool) -> None:
        self.width, self.height, self.ascii_only = width, height, ascii_only
        self.dots = [[0] * width for _ in range(height)]
        self.marks: dict[tuple[int, int], str] = {}

    def draw(self, chart: Chart, one: Series, x: Scale, y: Scale, mark: str) -> None:
        # A line of very many points is drawn through the extremes of each column.
        points = chart.shown(one)
        if None not in points:
            points = list(thinned([point for point in points if point is not None], 8 * self.width))
        before: Point | None = None
        for point in points:
            here = None if point is None else self._at(point, x, y)
            if here is not None:
                if one.kind != "points":
                    self._stroke(before or here, here)
                if mark:
                    self.marks[int(here[1]) // 4, int(here[0]) // 2] = mark
            before = here

    def rows(self) -> list[str]:
        """Return the lines of characters."""
        blank = {0: " "}
        return [
            "".join(
                self.marks.get((row, column))
                or blank.get(dots)
                or (_plain(dots) if self.ascii_only else chr(_BRAILLE + dots))
                for column, dots in enumerate(cells)
            )
            for row, cells in enumerate(self.dots)
        ]

    def _at(self, point: Point, x: Scale, y: Scale) -> Point:
        across = x.place(point[0]) * (2 * self.width - 1)
        down = (1 - y.place(point[1])) * (4 * self.height - 1)
        return round(across), round(down)

    def _stroke(self, start: Point, end: Point) -> None:
        (x0, y0), (x1, y1) = start, end
        steps = int(max(abs(x1 - x0), abs(y1 - y0), 1))
        for step in range(steps + 1):
            column, row = round(x0 + (x1 - x0) * step / steps), round(y0 + (y1 - y0) * step / steps)
            self.dots[row // 4][column // 2] |= _DOTS[column % 2][row % 4]


def _plain(dots: int) -> str:
    """Return an ASCII character at about the height of a character's dots."""
    heights = [row for column in _DOTS for row, bit in enumerate(column) if dots & bit]
    return "'-.."[round(sum(heights) / len(heights))] if heights else " "


def _beside(y: Scale, height: int) -> dict[int, str]:
    """Return what stands beside which line."""
    named: dict[int, str] = {}
    for tick, word in y.named(max(2, height // 2 + 1)):
        named.setdefault(round((1 - y.place(tick)) * (4 * height - 1)) // 4, word)
    return named


def _under(chart: Chart, x: Scale, width: int, ascii_only: bool) -> tuple[str, str]:
    """Return the x axis, and the words below it, which do not touch each other."""
    bar, tick = ("-", "+") if ascii_only else ("─", "┬")
    rule, below, free = [bar] * width, [" "] * width, 0
    for value, word in chart.x_ticks or x.named(max(2, width // 14)):
        column = round(x.place(value) * (width - 1))
        start = min(max(0, column - len(word) // 2), width - len(word))
        if start < free:
            continue
        rule[column] = tick
        below[start : start + len(word)] = word
        free = start + len(word) + 2
    return "".join(rule), "".join(below)


def summary(values: Sequence[float]) -> str:
    """Return from where to where a series went: ``0.91 -> 0.34``; nothing without values."""
    finite = [value for value in values if math.isfinite(value)]
    return f"{number(finite[0])} -> {number(finite[-1])}" if finite else ""
