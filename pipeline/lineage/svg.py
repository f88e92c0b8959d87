"""An answer as a drawing: a box for each thing, arrows in the direction of the data, from left to right."""

import itertools
import textwrap
from html import escape

from pipeline.lineage.layout import Box, Layout, arrange
from pipeline.lineage.things import Answer, Thing

_WIDTH, _STEP, _MARGIN = 288.0, 356.0, 24.0
_LINE, _PADDING = 16.0, 11.0
_LETTERS, _BOLD = 40, 31  # how many go into a line, in the widest of the fonts
_LINES = 4
_COLOURS = {
    "file": ("#fdf3dc", "#b07d16"),
    "column": ("#fdf3dc", "#b07d16"),
    "data": ("#fdf3dc", "#b07d16"),
    "schema": ("#eef1f4", "#5b6b7b"),
    "code": ("#efeafb", "#6a4fb3"),
    "settings": ("#efeafb", "#6a4fb3"),
    "transform": ("#e4f1fb", "#2a6f9e"),
    "model": ("#e4f1fb", "#2a6f9e"),
    "version": ("#e3f4e6", "#2c7a3d"),
    "serving": ("#e3f4e6", "#2c7a3d"),
    "verdict": ("#e3f4e6", "#2c7a3d"),
}
_PLAIN = ("#f4f5f6", "#66707a")


def svg(answer: Answer) -> str:
    """Return the text of an SVG file; the whole words of each box are in its tooltip."""
    things = answer.things()
    texts = {one.key: _lines(one) for one in things}
    heights = {key: 2 * _PADDING + _LINE * len(lines) for key, lines in texts.items()}
    pairs = answer.edges()
    if answer.upstream:
        pairs = [(after, before) for before, after in pairs]
    layout = arrange(heights, pairs)
    width = 2 * _MARGIN + _STEP * (layout.layers - 1) + _WIDTH
    notes = [line for note in answer.notes for line in textwrap.wrap(note, 90)]
    head = _MARGIN + 26 + 18 * len(notes)
    height = head + layout.height + _MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" font-family="DejaVu Sans, Segoe UI, Helvetica, Arial, sans-serif">',
        f"<title>{escape(answer.question)}</title>",
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
        '<path d="M0,0 L8,4 L0,8 z" fill="#7a858f"/></marker></defs>',
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        f'<text x="{_MARGIN:.0f}" y="{_MARGIN + 6:.0f}" font-size="15" font-weight="bold" fill="#1d2329">'
        f"{escape(answer.question)}</text>",
        *(
            f'<text x="{_MARGIN:.0f}" y="{_MARGIN + 26 + 18 * number:.0f}" font-size="12" fill="#4a545e">'
            f"{escape(note)}</text>"
            for number, note in enumerate(notes)
        ),
        f'<g transform="translate({_MARGIN:.0f},{head:.0f})">',
        *(_arrow(layout, way, upstream=answer.upstream) for way in layout.ways.values()),
        *(_box(one, layout.boxes[one.key], texts[one.key], _left(layout, one.key, answer)) for one in things),
        "</g>",
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _left(layout: Layout, key: str, answer: Answer) -> float:
    layer = layout.boxes[key].layer
    return _STEP * (layout.layers - 1 - layer if answer.upstream else layer)


def _lines(thing: Thing) -> list[tuple[str, str]]:
    """Return the lines of a box with their style."""
    if "/" in thing.title:  # of a path the end tells more than the beginning
        titles = [thing.title if len(thing.title) <= _BOLD else "…" + thing.title[1 - _BOLD :]]
    else:
        titles = textwrap.wrap(thing.title, _BOLD, break_on_hyphens=False)[:2]
    detail = textwrap.wrap(thing.detail, _LETTERS, break_on_hyphens=False)
    if len(detail) > _LINES:
        detail = [*detail[: _LINES - 1], detail[_LINES - 1][: _LETTERS - 2] + "…"]
    return [("kind", thing.kind), *(("title", line) for line in titles), *(("detail", line) for line in detail)]


def _box(thing: Thing, box: Box, lines: list[tuple[str, str]], left: float) -> str:
    fill, line = _COLOURS.get(thing.kind, _PLAIN)
    top = box.y - box.height / 2
    styles = {
        "kind": f'font-size="10.5" fill="{line}" letter-spacing="0.5"',
        "title": 'font-size="12.5" font-weight="bold" fill="#1d2329"',
        "detail": 'font-size="11.5" fill="#3c454e"',
    }
    first = top + _PADDING + 12
    words = "".join(
        f'<text x="{left + 12:.1f}" y="{first + _LINE * number:.1f}" {styles[style]}>{escape(text)}</text>'
        for number, (style, text) in enumerate(lines)
    )
    whole = ": ".join(part for part in (f"{thing.kind} {thing.title}", thing.detail) if part)
    return (
        f"<g><title>{escape(whole)}</title>"
        f'<rect x="{left:.1f}" y="{top:.1f}" width="{_WIDTH:.0f}" height="{box.height:.0f}" rx="7" '
        f'fill="{fill}" stroke="{line}"/>{words}</g>'
    )


def _arrow(layout: Layout, way: list[str], *, upstream: bool) -> str:
    """Draw an edge along its waypoints, as curves that leave and arrive level."""
    keys = list(reversed(way)) if upstream else way
    places: list[tuple[float, float]] = []
    for number, key in enumerate(keys):
        box = layout.boxes[key]
        column = layout.layers - 1 - box.layer if upstream else box.layer
        left = _STEP * column
        if number == 0:
            places.append((left + _WIDTH, box.y))
        elif number == len(keys) - 1:
            places.append((left - 2, box.y))
        else:
            places += [(left, box.y), (left + _WIDTH, box.y)]
    path = f"M{places[0][0]:.1f},{places[0][1]:.1f}"
    for (x0, y0), (x1, y1) in itertools.pairwise(places):
        half = (x0 + x1) / 2
        path += f" C{half:.1f},{y0:.1f} {half:.1f},{y1:.1f} {x1:.1f},{y1:.1f}"
    return f'<path d="{path}" fill="none" stroke="#7a858f" stroke-width="1.3" marker-end="url(#tip)"/>'
