"""The arithmetic of a verdict, and its sentences: no TensorFlow."""

import math
from pathlib import Path

import pytest

from components.evaluator.judging import Rule, judge
from components.evaluator.verdict import Bounds, Measurement, Verdict, read_verdict, write_verdict

MAE = "mean_absolute_error"


def verdict(value: float | None, bounds: Bounds, before: float | None = None, *, first: bool = False) -> Verdict:
    candidate = {} if value is None else {("overall", MAE): value}
    baseline = None if first else {("overall", MAE): before}
    return judge(candidate, [Rule(MAE, bounds)], rows=10, baseline=baseline)


def lower(**changes: float) -> Bounds:
    return Bounds(direction="lower_is_better", **changes)


def higher(**changes: float) -> Bounds:
    return Bounds(direction="higher_is_better", **changes)


@pytest.mark.parametrize(
    ("bounds", "value", "reason", "blessed"),
    [
        (Bounds(upper_bound=30_000), 36_120.0, "36,120 is above its upper bound 30,000", False),
        (Bounds(upper_bound=30_000), 28_100.4, "28,100 is at or below its upper bound 30,000", True),
        (Bounds(upper_bound=0.5), 0.5, "0.5 is at or below its upper bound 0.5", True),
        (Bounds(lower_bound=0.8), 0.75, "0.75 is below its lower bound 0.8", False),
        (Bounds(lower_bound=0.8), 0.81234567, "0.8123 is at or above its lower bound 0.8", True),
    ],
)
def test_values(bounds: Bounds, value: float, reason: str, blessed: bool) -> None:
    found = verdict(value, bounds, first=True)
    assert (found.blessed, found.reasons) == (blessed, (f"{MAE} {reason}",))


@pytest.mark.parametrize(
    ("bounds", "value", "before", "said", "blessed"),
    [
        (lower(change_relative=0.05), 104.0, 100.0, "4% worse than the blessed model's 100 (allowed 5% worse)", True),
        (lower(change_relative=0.05), 105.0, 100.0, "5% worse", True),
        (
            lower(change_relative=0.05),
            107.1,
            100.0,
            "7.1% worse than the blessed model's 100 (allowed 5% worse)",
            False,
        ),
        (lower(change_relative=0.05), 50.0, 100.0, "50% better", True),
        (lower(change_relative=0.0), 100.0, 100.0, "the same as", True),
        (
            lower(change_relative=-0.02),
            99.0,
            100.0,
            "1% better than the blessed model's 100 (has to be 2% better)",
            False,
        ),
        (lower(change_relative=-0.02), 97.0, 100.0, "3% better", True),
        (lower(change_absolute=3.0), 102.0, 100.0, "(allowed 3 worse)", True),
        (lower(change_absolute=3.0), 104.0, 100.0, "(allowed 3 worse)", False),
        (higher(change_relative=0.05), 0.96, 1.0, "4% worse", True),
        (higher(change_relative=0.05), 0.93, 1.0, "7% worse", False),
        (higher(change_relative=0.05), 1.50, 1.0, "50% better", True),
        (higher(change_absolute=0.01), 0.985, 1.0, "(allowed 0.01 worse)", False),
        # A log-likelihood: nearer to zero is better. TFMA's share of a signed baseline would turn these two round.
        (higher(change_relative=0.05), -107.0, -100.0, "7% worse", False),
        (higher(change_relative=0.05), -60.0, -100.0, "40% better", True),
        (lower(change_relative=0.05), 0.0, 0.0, "the same as", True),
        (lower(change_relative=0.05), 0.1, 0.0, "0.1 worse", False),
    ],
)
def test_changes(bounds: Bounds, value: float, before: float, said: str, blessed: bool) -> None:
    found = verdict(value, bounds, before)
    assert found.blessed is blessed
    assert said in found.reasons[0]


@pytest.mark.parametrize(("value", "word"), [(math.nan, "NaN"), (math.inf, "infinite"), (None, "not computed")])
def test_what_is_no_number_is_refused(value: float | None, word: str) -> None:
    found = verdict(value, Bounds(lower_bound=0.0), first=True)
    assert not found.blessed
    assert word in found.reasons[0]


def test_a_blessed_model_without_a_number_cannot_be_compared_with() -> None:
    found = verdict(1.0, lower(change_relative=0.1), math.nan)
    assert found.reasons == (f"{MAE} cannot be compared: the blessed model's is NaN",)


def test_nothing_bounded_is_refused() -> None:
    found = judge({("overall", MAE): 1.0}, [], rows=10)
    assert not found.blessed
    assert found.reasons[0].startswith("no thresholds are set")


def test_only_changes_and_nothing_to_compare_with_is_refused() -> None:
    found = verdict(1.0, lower(change_relative=0.1), first=True)
    assert not found.blessed
    assert found.reasons[0].startswith("only thresholds of change are set")
    assert found.measurements[0].passed is None


def test_one_broken_bound_of_many_refuses_and_is_the_only_reason() -> None:
    values = {("overall", MAE): 1.0, ("overall", "auc"): 0.5}
    rules = [Rule(MAE, Bounds(upper_bound=2.0)), Rule("auc", Bounds(lower_bound=0.8))]
    found = judge(values, rules, rows=10)
    assert not found.blessed
    assert found.reasons == ("auc 0.5 is below its lower bound 0.8",)


def test_slices_are_judged_only_where_asked() -> None:
    values = {("overall", MAE): 1.0, ("place=island", MAE): 9.0}
    rule = Rule(MAE, Bounds(upper_bound=2.0))
    assert judge(values, [rule], rows=10).blessed
    found = judge(values, [Rule(MAE, rule.bounds, every_slice=True)], rows=10)
    assert found.reasons == (f"{MAE} on place=island 9 is above its upper bound 2",)
    assert [m.slice for m in found.measurements] == ["overall", "place=island"]


def test_a_verdict_survives_its_file(tmp_path: Path) -> None:
    written = Verdict(
        blessed=False,
        reasons=("no",),
        rows=3,
        measurements=(
            Measurement(MAE, "overall", math.inf, 2.0, lower(change_relative=0.05), passed=False),
            Measurement("auc", "a=b", None),
        ),
        notes=("first",),
        model_uri="m",
        baseline_uri="b",
    )
    write_verdict(written, tmp_path / "new")
    assert read_verdict(tmp_path / "new") == written
