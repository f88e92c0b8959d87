"""Charts as the text of an SVG file."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from pipeline.charts.scale import Scale, around, number
from pipeline.charts.series import Chart, Point, Series

# Told apart by people who see colours differently, too: https://jfly.uni-koeln.de/color/ (Okabe and Ito).
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#5b6b7b")
_WIDTH, _HEIGHT = 560.0, 320.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 76.0, 20.0, 46.0, 52.0
_ACROSS, _DOWN = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
_FLOOR = _TOP + _DOWN
_HEAD = 30.0
_INK, _GREY, _GRID = "#1d2329", "#4a545e", "#e3e7ea"
_LETTER = 6.6  # pixels that a letter of a legend takes, about


def svg(charts: Sequence[Chart], *, title: str = "", note: str = "", columns: int = 1) -> str:
    """Draw charts side by side and below each other, each with its own axes.

    Args:
        charts: What to draw.
        title: What stands above all of them.
        note: A line below the title.
        columns: How many stand side by side.

    Returns:
        The text of an SVG file. Each point tells its values in a tooltip.
    """
    columns = max(1, min(columns, len(charts)))
    rows = max(1, math.ceil(len(charts) / columns))
    head = (_HEAD if title else 0) + (20 if note else 0)
    width, height = _WIDTH * columns, head + _HEIGHT * rows
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" font-family="DejaVu Sans, Segoe UI, Helvetica, Arial, sans-serif">',
        f"<title>{escape(title or ', '.join(one.title for one in charts))}</title>",
        '<rect width="100%" height="100%" fill="#ffffff"/>',
    ]
    if title:
        parts.append(_text(16, 24, title, size=15, bold=True))
    if note:
        parts.append(_text(16, head - 6, note, size=12, colour=_GREY))
    for place, chart in enumerate(charts):
        left, top = _WIDTH * (place % columns), head + _HEIGHT * (place // columns)
        parts += [f'<g transform="translate({left:.0f},{top:.0f})">', *_panel(chart), "</g>"]
    return "\n".join([*parts, "</svg>"]) + "\n"


@dataclass(frozen=True)
class _Frame:
    """The rectangle that the axes span, in pixels."""

    x: Scale
    y: Scale

    def at(self, point: Point) -> Point:
        return _LEFT + _ACROSS * self.x.place(point[0]), _FLOOR - _DOWN * self.y.place(point[1])


def _panel(chart: Chart) -> list[str]:
    named = [(one, COLOURS[place % len(COLOURS)]) for place, one in enumerate(chart.series)]
    parts = [_text(_LEFT, 18, chart.title, size=13, bold=True), *_legend(named)]
    extent = chart.extent()
    if extent is None:
        middle = (_LEFT + _ACROSS / 2, _TOP + _DOWN / 2)
        return [*parts, _text(*middle, "nothing to show", colour=_GREY, anchor="middle")]
    x = around(*extent[0], log=chart.log_x, margin=0.02)
    frame = _Frame(x, around(*extent[1], log=chart.log_y, margin=0.06))
    parts += _axes(chart, frame)
    for one, colour in named:
        parts += _line_of(chart, one, colour, frame) if one.kind != "points" else []
        parts += _points_of(chart, one, colour, frame) if one.kind != "line" else []
    return parts


def _axes(chart: Chart, frame: _Frame) -> list[str]:
    right, parts = _LEFT + _ACROSS, []
    for tick, word in frame.y.named(6):
        place = _FLOOR - _DOWN * frame.y.place(tick)
        parts.append(_line((_LEFT, place), (right, place), _GRID))
        parts.append(_text(_LEFT - 8, place + 4, word, colour=_GREY, anchor="end"))
    for tick, word in chart.x_ticks or frame.x.named(7):
        place = _LEFT + _ACROSS * frame.x.place(tick)
        parts.append(_line((place, _FLOOR), (place, _FLOOR + 5), _GREY))
        parts.append(_text(place, _FLOOR + 18, word, colour=_GREY, anchor="middle"))
    parts.append(_line((_LEFT, _FLOOR), (right, _FLOOR), _GREY))
    parts.append(_line((_LEFT, _TOP), (_LEFT, _FLOOR), _GREY))
    if chart.x_label:
        place = _LEFT + _ACROSS / 2
        parts.append(_text(place, _FLOOR + 38, chart.x_label, size=12, colour=_GREY, anchor="middle"))
    if chart.y_label:
        middle = _TOP + _DOWN / 2
        turned = f' transform="rotate(-90 14 {middle:.1f})"'
        parts.append(_text(14, middle, chart.y_label, size=12, colour=_GREY, anchor="middle", more=turned))
    return parts


def _legend(named: list[tuple[Series, str]]) -> list[str]:
    left, parts = _LEFT, []
    for one, colour in named:
        if not one.name:
            continue
        fade = _fade(one)
        if one.kind == "points":
            parts.append(f'<circle cx="{left + 8:.1f}" cy="34" r="3.5" fill="{colour}"{fade}/>')
        else:
            parts.append(_line((left, 34), (left + 16, 34), colour, f' stroke-width="2.5"{fade}'))
        parts.append(_text(left + 22, 38, one.name))
        left += 22 + _LETTER * len(one.name) + 20
    return parts


def _line_of(chart: Chart, one: Series, colour: str, frame: _Frame) -> list[str]:
    path, pen = "", "M"
    for point in chart.shown(one):
        if point is None:
            pen = "M"
            continue
        across, down = frame.at(point)
        path += f"{pen}{across:.1f},{down:.1f}"
        pen = "L"
    style = f'stroke-width="{1.2 if one.faint else 1.8}" stroke-linejoin="round" stroke-linecap="round"'
    return [f'<path d="{path}" fill="none" stroke="{colour}" {style}{_fade(one)}/>'] if path else []


def _points_of(chart: Chart, one: Series, colour: str, frame: _Frame) -> list[str]:
    parts = []
    for place, point in enumerate(chart.shown(one)):
        if point is None:
            continue
        across, down = frame.at(point)
        said = f"{one.name}: " if one.name else ""
        said += f"{number(point[1])} at {_x_word(chart, point[0])}"
        said += f"\n{one.notes[place]}" if place < len(one.notes) and one.notes[place] else ""
        circle = f'<circle cx="{across:.1f}" cy="{down:.1f}" r="3.2" fill="{colour}"{_fade(one)}>'
        parts.append(f"{circle}<title>{escape(said)}</title></circle>")
    return parts


def _fade(one: Series) -> str:
    return ' opacity="0.4"' if one.faint else ""


def _x_word(chart: Chart, x: float) -> str:
    named = dict(chart.x_ticks)
    word = named.get(x, number(x))
    return f"{chart.x_label} {word}" if chart.x_label else word


def _line(start: Point, end: Point, colour: str, more: str = "") -> str:
    (x0, y0), (x1, y1) = start, end
    return f'<line x1="{x0:.1f}" y1="{y0:.1f}" x2="{x1:.1f}" y2="{y1:.1f}" stroke="{colour}"{more}/>'


def _text(
    x: float,
    y: float,
    text: str,
    *,
    size: float = 11,
    bold: bool = False,
    colour: str = _INK,
    anchor: str = "start",
    more: str = "",
) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:g}"{weight} fill="{colour}" '
        f'text-anchor="{anchor}"{more}>{escape(text)}</text>'
    )
