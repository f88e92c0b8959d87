"""What a chart shows."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["line", "points", "both"]
Point = tuple[float, float]


@dataclass(frozen=True)
class Series:
    """One series of points.

    Attributes:
        name: What the legend calls it; nothing for none.
        points: Pairs of x and y. What is not finite, or not above zero on a logarithmic axis, is left out, and
            interrupts a line.
        kind: A ``line`` through the points in their order, ``points`` alone, or ``both``.
        faint: Whether to draw it lightly, as what stands behind something else.
        notes: What the tooltip of each point says besides, in the order of the points; fewer are fine.
    """

    name: str
    points: Sequence[Point]
    kind: Kind = "line"
    faint: bool = False
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Chart:
    """Axes with series in them.

    Attributes:
        title: What it shows.
        series: What is drawn, the first one first (behind the others).
        x_label: What the x axis measures, with its unit.
        y_label: The same of the y axis.
        log_x: Whether the x axis is logarithmic.
        log_y: Whether the y axis is.
        x_ticks: Places and words on the x axis, in place of numbers (for categories).
    """

    title: str
    series: Sequence[Series]
    x_label: str = ""
    y_label: str = ""
    log_x: bool = False
    log_y: bool = False
    x_ticks: Sequence[tuple[float, str]] = ()

    def shown(self, one: Series) -> list[Point | None]:
        """Return the points that can be drawn; None for each that cannot."""
        return [point if self._drawable(*point) else None for point in one.points]

    def extent(self) -> tuple[Point, Point] | None:
        """Return the smallest and largest x, and y, of what can be drawn; None if there is nothing."""
        points = [point for one in self.series for point in self.shown(one) if point is not None]
        if not points:
            return None
        places = [x for x, _ in points] + [x for x, _ in self.x_ticks]
        heights = [y for _, y in points]
        return (min(places), max(places)), (min(heights), max(heights))

    def _drawable(self, x: float, y: float) -> bool:
        if not (math.isfinite(x) and math.isfinite(y)):
            return False
        return (x > 0 or not self.log_x) and (y > 0 or not self.log_y)


def thinned(points: Sequence[Point], most: int) -> list[Point]:
    """Return at most ``most`` points: the first, the last, and each stretch's lowest and highest.

    For a line of more points than a picture has columns; nothing that sticks out is lost. At least four are kept.
    """
    if len(points) <= most or most < 4:
        return list(points)
    stretches = (most - 2) // 2
    inner = points[1:-1]
    kept = [points[0]]
    for number in range(stretches):
        stretch = inner[number * len(inner) // stretches : (number + 1) * len(inner) // stretches]
        places = range(len(stretch))
        low = min(places, key=lambda place: stretch[place][1])
        high = max(places, key=lambda place: stretch[place][1])
        kept += [stretch[place] for place in sorted({low, high})]
    return [*kept, points[-1]]
