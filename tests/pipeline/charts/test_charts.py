"""Charts: what they show is there, wherever it is drawn."""

import math
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from pipeline.charts.scale import around, number
from pipeline.charts.series import Chart, Series, thinned
from pipeline.charts.svg import svg
from pipeline.charts.terminal import curve, sparkline, summary
from tests.pipeline.imported import heavy_or_sqlite

SVG = "{http://www.w3.org/2000/svg}"
FALLING = [(float(step), 5e9 * math.exp(-step / 200) + 2e9) for step in range(0, 1001, 10)]


def chart(**more: object) -> Chart:
    series = [Series("train", FALLING), Series("eval <b>", FALLING[25::25], "both", notes=["the first"])]
    return Chart("loss & more", series, "step", "loss", **more)  # type: ignore[arg-type]


def test_the_svg_holds_all_points_words_and_ticks() -> None:
    root = ET.fromstring(svg([chart()], title="housing", note="a note"))
    words = [one.text for one in root.iter(f"{SVG}text")]
    assert {"housing", "a note", "loss & more", "step", "loss", "train", "eval <b>", "1,000", "2e+09"} <= set(words)
    circles = list(root.iter(f"{SVG}circle"))
    assert len(circles) == 4
    tips = [one.findtext(f"{SVG}title") for one in circles]
    assert tips[0] == "eval <b>: 3.43e+09 at step 250\nthe first"
    assert [one.attrib["d"].count("L") for one in root.iter(f"{SVG}path")] == [100, 2 + 1]
    downs = [float(one.attrib["cy"]) for one in circles]
    assert downs == sorted(downs)  # the loss falls, so the points go down


def test_charts_stand_side_by_side_and_all_lies_within() -> None:
    root = ET.fromstring(svg([chart(), chart(log_y=True), Chart("empty", [])], columns=2))
    assert (root.attrib["width"], root.attrib["height"]) == ("1120", "640")
    groups = list(root.iter(f"{SVG}g"))
    assert [one.attrib["transform"] for one in groups] == ["translate(0,0)", "translate(560,0)", "translate(0,320)"]
    assert "nothing to show" in [one.text for one in groups[2].iter(f"{SVG}text")]
    for circle in root.iter(f"{SVG}circle"):
        assert 0 < float(circle.attrib["cx"]) < 560
        assert 0 < float(circle.attrib["cy"]) < 320


def test_what_cannot_be_drawn_interrupts_the_line() -> None:
    broken = Chart("b", [Series("", [(1, 1), (2, math.nan), (3, 2), (4, math.inf), (5, 3)], "both")])
    root = ET.fromstring(svg([broken]))
    path = next(root.iter(f"{SVG}path")).attrib["d"]
    assert (path.count("M"), path.count("L")) == (3, 0)
    assert len(list(root.iter(f"{SVG}circle"))) == 3
    below = Chart("log", [Series("", [(0, 1), (1, 0), (1, -1), (10, 10)], "points")], log_x=True, log_y=True)
    assert below.extent() == ((10, 10), (10, 10))


@pytest.mark.parametrize("ascii_only", [False, True])
@pytest.mark.parametrize("width", [40, 96])
def test_the_curve_fits_its_width_and_shows_both_series(width: int, ascii_only: bool) -> None:
    lines = curve(chart(), width=width, height=8, ascii_only=ascii_only)
    assert len(lines) == 8 + 3
    assert max(len(line) for line in lines) <= width
    assert "\n".join(lines).isascii() == ascii_only
    marks = "\n".join(lines[:8]).count("o" if ascii_only else "●")
    assert marks == 4
    line, mark, axis = (".", "o", "->") if ascii_only else ("⠒", "●", "→")
    assert lines[-1].split() == [line, "train", mark, "eval", "<b>", axis, "step"]
    assert "1,000" in lines[-2]


@pytest.mark.parametrize("width", [14, 20, 27, 34, 60])
def test_no_word_of_the_legend_is_cut(width: int) -> None:
    series = [Series("training", FALLING), Series("evaluation", FALLING[25::25], "points")]
    lines = curve(Chart("loss", series, "step"), width=width, height=5)
    legend = lines[5 + 2 :]
    assert " ".join(legend).split() == ["⠒", "training", "●", "evaluation", "→", "step"]
    assert max(map(len, legend)) <= width
    assert all("●" not in line or "evaluation" in line for line in legend)
    assert len(legend) == 1 or width < 60


def test_the_curve_goes_down_where_the_values_do() -> None:
    lines = curve(Chart("", [Series("", [(0, 1), (1, 0)], "points")]), width=40, height=5)
    assert lines[0].index("●") < lines[4].index("●")


def test_a_curve_of_nothing_is_nothing_and_one_of_one_value_is_a_mark() -> None:
    assert curve(Chart("", [Series("", [(0, math.nan)])])) == []
    assert "●" in "\n".join(curve(Chart("", [Series("", [(5, 7)], "points")])))
    assert curve(Chart("", [Series("", [(5, 7)])]))


def test_a_sparkline_takes_means_and_marks_what_is_missing() -> None:
    assert sparkline([1, 2, 3, 4, 5, 6, 7, 8]) == "▁▂▃▄▅▆▇█"
    assert sparkline([8.0] * 3) == "▁▁▁"
    assert sparkline([1, math.nan, 8]) == "▁·█"
    assert sparkline([0, 0, 10, 10], 2) == "▁█"
    assert len(sparkline([float(one) for one in range(1000)], 40)) == 40
    assert sparkline([]) == ""
    assert sparkline([1, 8], ascii_only=True).isascii()
    assert summary([0.912345, math.nan, 12345.6]) == "0.9123 -> 12,346"


def test_ticks_are_round_and_all_within() -> None:
    for low, high, log in [
        (0, 1000, False),
        (31767, 45977, False),
        (1e-5, 0.1, True),
        (0.2, 3.0, True),
        (1e6, 9e9, True),
    ]:
        scale = around(low, high, log=log)
        ticks = scale.ticks(6)
        assert 2 <= len(ticks) <= 7, (low, high, ticks)
        assert all(0 <= scale.place(tick) <= 1 for tick in ticks)
    assert [word for _, word in around(0, 1000).named(7)] == ["0", "200", "400", "600", "800", "1,000"]
    assert [word for _, word in around(1e-5, 1e-2, log=True).named(6)] == ["1e-05", "0.0001", "0.001", "0.01"]
    assert [word for _, word in around(0, 0.1).named(6)] == ["0.000", "0.025", "0.050", "0.075", "0.100"]


def test_an_axis_of_one_value_holds_it_in_its_middle() -> None:
    assert around(3, 3).place(3) == 0.5
    assert around(0, 0).place(0) == 0.5
    assert around(3, 3, log=True).place(3) == pytest.approx(0.5)


def test_numbers_are_short() -> None:
    texts = [number(one) for one in (0, 0.03125, 12345.6, 1e-5, 2.4e9, -3.5, math.inf)]
    assert texts == ["0", "0.03125", "12,346", "1e-05", "2.4e+09", "-3.5", "inf"]


def test_thinning_keeps_what_sticks_out() -> None:
    points = [(float(x), 100.0 if x == 4321 else x % 3) for x in range(10_000)]
    kept = thinned(points, 200)
    assert len(kept) <= 200
    assert (kept[0], kept[-1]) == (points[0], points[-1])
    assert (4321.0, 100.0) in kept
    assert kept == sorted(kept)
    assert thinned(points[:5], 200) == points[:5]


def test_charts_import_no_framework() -> None:
    assert heavy_or_sqlite(Path(__file__).parents[3] / "pipeline" / "charts") == {}
