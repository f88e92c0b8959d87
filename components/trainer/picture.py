"""A training's curve as pictures, of what :mod:`components.trainer.curve` reads; imports no framework."""

import math
from collections.abc import Sequence
from functools import reduce

from components.trainer.curve import Curve, Stretch
from pipeline.charts.scale import number
from pipeline.charts.series import Chart, Point, Series
from pipeline.charts.svg import svg
from pipeline.charts.terminal import curve as draw

_POINTS = 80  # of the training's losses, in a terminal
_METRICS = 8  # of the evaluations, in the picture
_OTHERS = {
    "learning_rate": "learning rate",
    "gradient_norm": "norm of all gradients, as applied",
    "gradient_norm_before_clipping": "norm of all gradients, before clipping",
    "examples_per_second": "examples a second",
}


def picture(curve: Curve, title: str, note: str) -> str:
    """Return an SVG of all that is known of a training: loss, metrics of its evaluations, and the rest.

    Args:
        curve: The training's curve.
        title: What was trained.
        note: What the training did, in a line.
    """
    charts = [_loss(curve)]
    for name in curve.metrics()[:_METRICS]:
        if name != "loss":
            charts.append(Chart(name, [Series("eval", curve.metric(name), "both")], "step"))
    watched = dict.fromkeys(name for one in curve.stretches for name in one.watched)
    for name in sorted(watched, key=lambda name: (name.partition("/")[0] not in _OTHERS, name)):
        points = curve.watched(name)
        title_of = _OTHERS.get(name) or name.replace("_", " ").replace("/", ": ")
        charts.append(Chart(title_of, [Series("", points)], "step", log_y=_is_wide([value for _, value in points])))
    return svg(charts, title=title, note=note, columns=2)


def lines(curve: Curve, *, width: int, height: int, ascii_only: bool) -> list[str]:
    """Return the training's losses as lines for a terminal; none of them if there are too few to see a curve.

    Args:
        curve: The training's curve.
        width: Characters of a line at most.
        height: Lines of the drawing itself; the axis and the legend take three more, or four where it is narrow.
        ascii_only: Whether to do without characters that are not ASCII.
    """
    if len(curve.stretches) + len(curve.evaluations) < 3:
        return []
    coarse = Curve(_fewer(curve.stretches), curve.evaluations)
    return [told(curve), *draw(_loss(coarse, kind="points"), width=width, height=height, ascii_only=ascii_only)]


def _fewer(stretches: Sequence[Stretch]) -> list[Stretch]:
    """Return stretches joined until a terminal can show a line of them rather than a cloud."""
    each = -(-len(stretches) // _POINTS)
    return [reduce(Stretch.joined, stretches[place : place + each]) for place in range(0, len(stretches), each or 1)]


def told(curve: Curve) -> str:
    """Return the losses in words: where they began, where they ended, and where the evaluation's was best."""
    losses = [one.loss for one in curve.stretches]
    parts = [f"loss {number(losses[0])} -> {number(_last_mean(losses))} in training"] if losses else []
    evaluated = [(step, value) for step, value in curve.metric("loss") if math.isfinite(value)]
    if evaluated:
        best, (step, value) = min(evaluated, key=lambda one: one[1]), evaluated[-1]
        parts.append(f"{number(value)} in the evaluation of step {step:,.0f}")
        if best[0] != step:
            parts.append(f"best {number(best[1])} at {best[0]:,.0f}")
    return ", ".join(parts)


def _last_mean(losses: Sequence[float]) -> float:
    """Return the mean of the last twentieth: the loss of a single batch says little."""
    last = losses[-max(1, len(losses) // 20) :]
    return sum(last) / len(last)


def _loss(curve: Curve, kind: str = "both") -> Chart:
    trained = [(float(one.step), one.loss) for one in curve.stretches]
    evaluated = curve.metric("loss")
    series = [Series("training", trained)]
    if evaluated:
        series.append(Series("evaluation", evaluated, "points" if kind == "points" else "both"))
    first = 0.05 * max((step for step, _ in trained), default=0.0)
    later = [value for step, value in [*trained, *evaluated] if step > first and math.isfinite(value)]
    if _is_wide(later):
        return Chart("loss", series, "step", log_y=True)
    limits = _limits(later, [value for one in series for _, value in one.points if math.isfinite(value)])
    title = f"loss (what was above {number(limits[1])} is drawn at the edge)" if limits else "loss"
    return Chart(title, series, "step", y_limits=limits)


def _limits(later: Sequence[float], values: Sequence[float]) -> Point | None:
    """Return which losses to show, where those of the first steps would leave no room to see the later ones."""
    if len(later) < 3:
        return None
    low, high = min(later), max(later)
    if low == high or max(values) - min(values) < 2.5 * (high - low):
        return None
    return min(values), high + 0.3 * (high - low)


def _is_wide(values: Sequence[float]) -> bool:
    """Whether values differ so much that a plain axis would show little of them."""
    known = [value for value in values if math.isfinite(value)]
    return bool(known) and min(known) > 0 and max(known) / min(known) > 30
