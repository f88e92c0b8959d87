"""The curve of a training: however long that is, it stays small, and it is shown as it was."""

import math
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from components.trainer.curve import MOST, Curve, Stretch, read_curve
from components.trainer.picture import lines, picture, told
from tests.pipeline.imported import HEAVY

ROOT = Path(__file__).parents[3]


def trained(steps: int) -> Curve:
    """What a training of so many steps leaves, each step's loss its number."""
    curve, last = Curve(), 0
    for step in range(1, steps + 1):
        if step - last >= curve.every:
            between = range(last + 1, step + 1)
            watched = {"learning_rate": 1 / step} if step % 100 == 0 else {}
            curve.add(Stretch(step, step - last, sum(between) / len(between), watched))
            last = step
    return curve


@pytest.mark.parametrize("steps", [1, 399, 400, 10_000, 123_457])
def test_a_curve_is_small_and_keeps_the_mean_of_every_step(steps: int) -> None:
    curve = trained(steps)
    assert len(curve.stretches) <= MOST
    assert len(curve.stretches) >= min(steps, MOST // 2)
    assert sum(one.steps for one in curve.stretches) == curve.stretches[-1].step
    covered = curve.stretches[-1].step
    mean = sum(one.loss * one.steps for one in curve.stretches) / covered
    assert mean == pytest.approx((covered + 1) / 2)
    assert len(curve.watched("learning_rate")) == min(steps // 100, len(curve.watched("learning_rate")))


def test_two_stretches_become_one_with_the_later_numbers() -> None:
    one, two = Stretch(10, 10, 1.0, {"a": 1.0, "b": 5.0}), Stretch(40, 30, 2.0, {"a": 3.0})
    assert one.joined(two) == Stretch(40, 40, 1.75, {"a": 3.0, "b": 5.0})


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    curve = Curve([Stretch(1, 1, 2.0, {"learning_rate": 0.1}), Stretch(3, 2, math.nan)], every=2)
    curve.evaluations = {3: {"loss": 1.5, "auc": math.inf, "global_step": 3.0}}
    curve.write(tmp_path)
    assert "NaN" not in (tmp_path / "curve.json").read_text()
    again = read_curve(tmp_path)
    assert again is not None
    assert again.stretches[0] == curve.stretches[0]
    assert math.isnan(again.stretches[1].loss)
    assert again.metrics() == ["loss", "auc"]
    assert math.isnan(again.evaluations[3]["auc"])
    assert again.every == 2


def test_writing_leaves_a_linked_file_alone(tmp_path: Path) -> None:
    Curve().write(tmp_path)
    (tmp_path / "linked").hardlink_to(tmp_path / "curve.json")
    before = (tmp_path / "linked").read_bytes()
    trained(5).write(tmp_path)
    assert (tmp_path / "linked").read_bytes() == before


def test_a_training_that_goes_on_forgets_what_came_after_its_checkpoint() -> None:
    curve = trained(50)
    curve.evaluations = {25: {"loss": 1.0}, 50: {"loss": 2.0}}
    kept = curve.until(30)
    assert kept.stretches[-1].step == 30
    assert list(kept.evaluations) == [25]


def test_it_is_told_in_words() -> None:
    curve = trained(200)
    curve.evaluations = {100: {"loss": 0.31, "auc": 0.8}, 200: {"loss": 0.5, "auc": 0.9}}
    assert told(curve) == "loss 1 -> 195.5 in training, 0.5 in the evaluation of step 200, best 0.31 at 100"


@pytest.mark.parametrize("ascii_only", [False, True])
def test_the_lines_fit_a_terminal_of_100_columns(ascii_only: bool) -> None:
    curve = trained(5000)
    curve.evaluations = {step: {"loss": 6000.0 - step} for step in (1250, 2500, 3750, 5000)}
    shown = lines(curve, width=87, height=8, ascii_only=ascii_only)
    assert len(shown) == 1 + 8 + 3
    assert max(len(line) for line in shown) <= 87
    assert "\n".join(shown[1:9]).count("o" if ascii_only else "●") == 4
    assert not lines(Curve([Stretch(1, 1, 0.5)]), width=87, height=8, ascii_only=ascii_only)


def test_a_steep_beginning_leaves_room_for_the_rest() -> None:
    curve = Curve([Stretch(step, 1, 100.0 - 40 * step if step < 3 else 1.0 - step / 1000) for step in range(301)])
    shown = lines(curve, width=87, height=8, ascii_only=True)
    assert "loss 100 -> " in shown[0]
    drawn = [line for line in shown[1:9] if re.sub(r"^[ \d.,]*[|+]", "", line).strip()]
    assert len(drawn) > 4, shown  # the fall from 1 to 0.7 is seen, and does not lie in the last line
    words = picture(curve, "t", "n")
    assert "is drawn at the edge" in words


def test_the_picture_has_each_metric_and_each_number() -> None:
    curve = trained(500)
    curve.evaluations = {step: {"loss": 1.0, "auc": 0.5, "global_step": step} for step in (250, 500)}
    root = ET.fromstring(picture(curve, "training of flats <1>", "500 steps"))
    words = [one.text for one in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"training of flats <1>", "500 steps", "loss", "auc", "learning rate"} <= set(words)
    assert "global_step" not in words


def test_reading_a_curve_imports_no_framework() -> None:
    code = f"import sys, components.trainer.picture\nprint([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
