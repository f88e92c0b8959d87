"""The picture of a search: each trial's value as it came, and by each value that was varied."""

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

from components.trainer.values import value_shown
from components.tuner.record import CHART, Search, Trial
from pipeline.charts.series import Chart, Series
from pipeline.charts.svg import svg
from pipeline.config.tuning import Dimension

_FAR = 6.0  # times the distance from the best value to the median: what lies beyond would flatten all the rest


def draw(search: Search, space: Mapping[str, Dimension], folder: Path) -> None:
    """Draw a search as an SVG file beside its results.

    Args:
        search: The search.
        space: The dimensions by name.
        folder: The artifact's folder.
    """
    shown = near_trials(search)
    left_out = len(_judged(search)) - len(shown)
    counts = f"{search.counted} trials, the best is trial {search.best}"
    note = counts + (f"; {left_out} that are far worse are left out" if left_out else "")
    charts = [progress_chart(search, shown), *(_by_value(search, shown, name, one) for name, one in space.items())]
    text = svg(charts, title=f"{search.problem}: {search.metric} on held-out rows", note=note, columns=2)
    (folder / CHART).write_text(text, encoding="utf-8")


def _judged(search: Search) -> list[Trial]:
    """Return the trials whose value says something of their values: those of killed and failed ones came too early."""
    return [one for one in search.trials if one.value is not None and one.state in ("complete", "pruned")]


def near_trials(search: Search) -> list[Trial]:
    """Return the trials with a value, but for those that are so much worse that nothing else could be told apart."""
    known = _judged(search)
    done = [one.value for one in known if one.state == "complete" and one.value is not None]
    best = search.trial(search.best).value
    if best is None or len(done) < 3:
        return known
    reach = _FAR * abs(statistics.median(done) - best)
    return [one for one in known if not reach or abs((one.value or 0.0) - best) <= reach or one.default]


def progress_chart(search: Search, shown: Sequence[Trial]) -> Chart:
    """Return the chart of the values in the order of the trials, with the best one so far."""
    so_far = search.best_so_far()
    last = max((one.number for one in search.trials), default=0)
    steps = [
        point
        for (number, value), (until, _) in zip(so_far, [*so_far[1:], (last, 0.0)], strict=True)
        for point in ((float(number), value), (float(until), value))
    ]
    numbers = [(float(one.number), one) for one in shown]
    series = [*_points(search, numbers), Series("best so far", steps)]  # last: the others have one colour in all charts
    return Chart("the search", series, x_label="trial", y_label=search.metric)


def _by_value(search: Search, shown: Sequence[Trial], name: str, dimension: Dimension) -> Chart:
    if dimension.choices is None:
        placed = [(float(one.values[name]), one) for one in shown]
        return Chart(name, _points(search, placed), x_label=name, y_label=search.metric, log_x=dimension.log)
    words = [value_shown(choice) for choice in dimension.choices]
    placed = [(float(words.index(value_shown(one.values[name]))), one) for one in shown]
    ticks = [(float(place), word) for place, word in enumerate(words)]
    return Chart(name, _points(search, placed), x_label=name, y_label=search.metric, x_ticks=ticks)


def _points(search: Search, placed: Sequence[tuple[float, Trial]]) -> list[Series]:
    """Return the trials as points: pruned ones lightly, the best and the default one apart."""
    kinds: dict[str, list[tuple[float, Trial]]] = {"pruned": [], "complete": [], "default": [], "best": []}
    for place, one in placed:
        kind = "best" if one.number == search.best else "default" if one.default else one.state
        kinds[kind].append((place, one))
    return [
        Series(
            name,
            [(place, one.value or 0.0) for place, one in found],
            kind="points",
            faint=name == "pruned",
            notes=[f"trial {one.number}" for _, one in found],
        )
        for name, found in kinds.items()
        if found
    ]
