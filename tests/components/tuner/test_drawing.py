"""The picture of a search."""

import dataclasses
from pathlib import Path
from xml.etree import ElementTree

from components.tuner.drawing import draw, near_trials
from components.tuner.record import CHART, Trial
from pipeline.config.tuning import Dimension
from tests.components.tuner.searches import search

SPACE = {
    "rate": Dimension.model_validate({"type": "float", "low": 0.01, "high": 1, "log": True}),
    "units": Dimension.model_validate({"type": "categorical", "choices": [[8], [16, 8]]}),
}


def test_a_chart_for_the_search_and_one_for_each_dimension(tmp_path: Path) -> None:
    draw(search(), SPACE, tmp_path)
    text = (tmp_path / CHART).read_text()
    ElementTree.fromstring(text)
    words = [one.text for one in ElementTree.fromstring(text).iter("{http://www.w3.org/2000/svg}text")]
    assert {"the search", "rate", "units", "[16,8]", "best so far", "default"} <= set(words)
    assert "5 trials, the best is trial 2" in words
    assert text.count("trial 3") == 0, "a trial without a value has no place"


def test_what_is_far_worse_is_left_out_and_said(tmp_path: Path) -> None:
    far = Trial(5, "complete", {"rate": 0.99, "units": [8]}, 9000.0)
    wild = dataclasses.replace(search(), trials=(*search().trials, far))
    assert far not in near_trials(wild)
    draw(wild, SPACE, tmp_path)
    assert "1 that are far worse are left out" in (tmp_path / CHART).read_text()


def test_a_killed_or_failed_trial_is_not_far_worse_whatever_its_last_value_was(tmp_path: Path) -> None:
    values = {"rate": 0.04, "units": [8]}
    ended = (Trial(5, "killed", values, 20.0), Trial(6, "failed", values, 50.0, reason="killed three times"))
    draw(dataclasses.replace(search(), trials=(*search().trials, *ended)), SPACE, tmp_path)
    text = (tmp_path / CHART).read_text()
    assert "6 trials, the best is trial 2" in text
    assert "left out" not in text


def test_the_default_stays_however_bad_it_is() -> None:
    bad = dataclasses.replace(search().trials[0], value=9000.0)
    wild = dataclasses.replace(search(), trials=(bad, *search().trials[1:]))
    assert bad in near_trials(wild)
