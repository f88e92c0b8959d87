"""From measured numbers and bounds to a verdict: plain arithmetic, default deny.

The rules are TFMA's (``tfma.GenericValueThreshold``, ``tfma.GenericChangeThreshold``) with one correction: TFMA divides
a change by the baseline's signed value, so that for a negative baseline (a log-likelihood) "worse" and "better" swap
places, and for a baseline of zero nothing passes. Here an allowed change is a share of the baseline's magnitude.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from components.evaluator.verdict import OVERALL, Bounds, Measurement, Verdict


@dataclass(frozen=True)
class Rule:
    """The bounds of one metric, and whether each slice has to keep them or only all rows together."""

    metric: str
    bounds: Bounds
    every_slice: bool = False


Numbers = Mapping[tuple[str, str], float | None]
"""Values by (slice, metric)."""

NO_THRESHOLDS = "no thresholds are set: give at least one metric a lower_bound or an upper_bound"
ONLY_CHANGES = (
    "only thresholds of change are set, and there is no blessed model yet to compare with: "
    "give at least one metric a lower_bound or an upper_bound, which the first model is judged by"
)


def judge(
    candidate: Numbers,
    rules: Sequence[Rule],
    *,
    rows: int,
    baseline: Numbers | None = None,
    model_uri: str = "",
    baseline_uri: str | None = None,
) -> Verdict:
    """Judge a model by what was measured.

    Args:
        candidate: The candidate's values.
        rules: The bounds; metrics without a rule are reported only.
        rows: Rows that were evaluated.
        baseline: The blessed model's values on the same rows; None where there is no such model.
        model_uri: The candidate's artifact, for the record.
        baseline_uri: The blessed model's artifact, for the record.

    Returns:
        The verdict. It refuses where no bound was judged, where a bound is broken, and where a bounded value is NaN,
        infinite or missing.
    """
    by_metric = {rule.metric: rule for rule in rules if rule.bounds.has_value or rule.bounds.has_change}
    # A bounded metric that TFMA did not compute must refuse the model, so it is judged although it has no value.
    keys = sorted(
        {*candidate, *((OVERALL, metric) for metric in by_metric)},
        key=lambda key: (key[0] != OVERALL, key),
    )
    refusals: list[str] = []
    passes: list[str] = []
    measurements: list[Measurement] = []
    for slice_name, metric in keys:
        value = candidate.get((slice_name, metric))
        before = None if baseline is None else baseline.get((slice_name, metric))
        rule = by_metric.get(metric)
        if rule is None or not (slice_name == OVERALL or rule.every_slice):
            measurements.append(Measurement(metric, slice_name, value, before))
            continue
        label = metric if slice_name == OVERALL else f"{metric} on {slice_name}"
        refused, passed = _compare(label, value, before, rule.bounds, has_baseline=baseline is not None)
        refusals += refused
        passes += passed
        judged = bool(refused or passed)
        measurements.append(
            Measurement(metric, slice_name, value, before, rule.bounds, passed=not refused if judged else None)
        )
    notes: list[str] = []
    changes = [rule.metric for rule in by_metric.values() if rule.bounds.has_change]
    if changes and baseline is None:
        notes.append(f"no blessed model yet, so the change of {', '.join(changes)} was not judged")
    if not by_metric:
        refusals.append(NO_THRESHOLDS)
    elif not refusals and not passes:
        refusals.append(ONLY_CHANGES)
    return Verdict(
        blessed=not refusals,
        reasons=tuple(refusals or passes),
        rows=rows,
        measurements=tuple(measurements),
        notes=tuple(notes),
        model_uri=model_uri,
        baseline_uri=baseline_uri,
    )


def _compare(
    label: str, value: float | None, before: float | None, bounds: Bounds, *, has_baseline: bool
) -> tuple[list[str], list[str]]:
    """Return the sentences that refuse and those that let pass."""
    if value is None:
        return [f"{label} was not computed"], []
    if not math.isfinite(value):
        return [f"{label} is {_show(value)}, not a number that can be judged"], []
    refused: list[str] = []
    passed: list[str] = []
    shown = _show(value)
    if bounds.lower_bound is not None:
        bound = _show(bounds.lower_bound)
        if value >= bounds.lower_bound:
            passed.append(f"{label} {shown} is at or above its lower bound {bound}")
        else:
            refused.append(f"{label} {shown} is below its lower bound {bound}")
    if bounds.upper_bound is not None:
        bound = _show(bounds.upper_bound)
        if value <= bounds.upper_bound:
            passed.append(f"{label} {shown} is at or below its upper bound {bound}")
        else:
            refused.append(f"{label} {shown} is above its upper bound {bound}")
    if bounds.has_change and has_baseline:
        if before is None or not math.isfinite(before):
            refused.append(f"{label} cannot be compared: the blessed model's is {_show(before)}")
        else:
            for sentence, kept in _compare_change(label, value, before, bounds):
                (passed if kept else refused).append(sentence)
    return refused, passed


def _compare_change(label: str, value: float, before: float, bounds: Bounds) -> Iterator[tuple[str, bool]]:
    worse = before - value if bounds.direction == "higher_is_better" else value - before
    share = worse / abs(before) if before else None
    word = "worse" if worse > 0 else "better"
    by = _show(abs(worse)) if share is None else f"{_show(100 * abs(share))}%"
    change = "is the same as" if worse == 0 else f"is {by} {word} than"
    sentence = f"{label} {_show(value)} {change} the blessed model's {_show(before)}"
    slack = 1e-9 * max(abs(value), abs(before))  # equal numbers may differ in their last bits
    if bounds.change_absolute is not None:
        kept = worse <= bounds.change_absolute + slack
        yield f"{sentence} ({_allowance(bounds.change_absolute)})", kept
    if bounds.change_relative is not None:
        kept = worse <= bounds.change_relative * abs(before) + slack
        yield f"{sentence} ({_allowance(bounds.change_relative, share=True)})", kept


def _allowance(change: float, *, share: bool = False) -> str:
    amount = f"{_show(100 * abs(change))}%" if share else _show(abs(change))
    return f"allowed {amount} worse" if change >= 0 else f"has to be {amount} better"


def _show(value: float | None) -> str:
    """Write a number with four significant digits, or with thousands where it is large."""
    if value is None:
        return "missing"
    if not math.isfinite(value):
        return {"nan": "NaN", "inf": "infinite", "-inf": "negative infinite"}[str(value)]
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}"
