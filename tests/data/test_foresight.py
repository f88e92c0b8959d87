"""The best prediction of what follows a wave: against what is drawn, and against anybody who would do better."""

import numpy as np
import pytest

from data import foresight, waves
from data.hedonic import normal_cdf
from data.waves import STEPS, Floats

ROWS = 300


@pytest.fixture(scope="module")
def series() -> Floats:
    return waves.page(0, 6)[:ROWS]


@pytest.fixture(scope="module")
def best(series: Floats) -> Floats:
    return foresight.best_prediction(series[:, :STEPS])


def error(prediction: Floats, series: Floats) -> float:
    return float(np.mean(np.abs(prediction - series[:, STEPS])))


def test_the_expected_error_is_what_is_seen(series: Floats, best: Floats) -> None:
    expected = foresight.expected_error(series[:, :STEPS])
    # Three standard deviations of the mean of as many errors.
    assert error(best, series) == pytest.approx(expected.mean(), abs=3 * 0.14 / np.sqrt(ROWS))
    assert expected.min() > waves.NOISE * np.sqrt(2 / np.pi), "the noise alone is never foreseen"
    assert expected.mean() == pytest.approx(0.181, abs=0.003)


def test_it_is_the_median_of_the_mixture(series: Floats, best: Floats) -> None:
    what = foresight.mixture(series[:200, :STEPS])
    far = (best[:200, None] - what.means) / what.deviations
    np.testing.assert_allclose(np.sum(what.weights * normal_cdf(far), axis=1), 0.5, atol=1e-4)


def test_half_of_what_follows_lies_below(series: Floats, best: Floats) -> None:
    assert np.mean(series[:, STEPS] < best) == pytest.approx(0.5, abs=3 * 0.5 / np.sqrt(ROWS))


@pytest.mark.parametrize("lean", [-0.1, 0.1])
def test_nobody_does_better_by_leaning(series: Floats, best: Floats, lean: float) -> None:
    assert error(best, series) < error(best + lean, series)


def test_other_predictions_are_far_behind(series: Floats, best: Floats) -> None:
    train = waves.page(1, 6)
    weights, *_ = np.linalg.lstsq(np.c_[train[:, :STEPS], np.ones(len(train))], train[:, STEPS], rcond=None)
    linear = np.c_[series[:, :STEPS], np.ones(ROWS)] @ weights
    floor = error(best, series)
    assert error(linear, series) > 2 * floor
    assert error(series[:, STEPS - 1], series) > 3 * floor
    assert error(series[:, :STEPS].mean(axis=1), series) > 4 * floor


def test_a_finer_grid_changes_nothing(series: Floats, monkeypatch: pytest.MonkeyPatch) -> None:
    windows = series[:100, :STEPS]
    coarse = foresight.expected_error(windows).mean()
    monkeypatch.setattr(foresight, "GRID", 1200)
    assert foresight.expected_error(windows).mean() == pytest.approx(coarse, rel=1e-4)


def test_of_a_wave_without_doubt_it_is_the_continuation() -> None:
    turns = 2.0 * np.pi * 0.11 * np.arange(STEPS + 1)
    wave = 21.0 + 3.0 * np.cos(turns) + 2.0 * np.sin(turns)
    assert foresight.best_prediction(wave[None, :STEPS])[0] == pytest.approx(wave[STEPS], abs=0.1)
