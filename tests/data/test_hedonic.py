"""The irreducible error: against what is drawn, and against anybody who would do better."""

import numpy as np
import pytest

from data import blocks, generate, hedonic
from data.geography import Floats
from data.hedonic import Columns

DRAWS = 150


@pytest.fixture(scope="module")
def page() -> Columns:
    columns = blocks.page(0, seed=5)
    hidden = np.arange(blocks.PAGE) % 4 == 0  # many more than the file's 1%, so that they can be told apart
    bedrooms = np.where(hidden, np.nan, blocks.page(0, seed=5)["total_bedrooms"].astype(float))
    return columns | {"total_bedrooms": bedrooms}


@pytest.fixture(scope="module")
def prices(page: Columns) -> Floats:
    """Labels drawn again and again for the same features, bedrooms too where they are hidden; ``[DRAWS, n]``."""
    random = np.random.default_rng(1)
    rooms, income = page["total_rooms"].astype(float), page["median_income"].astype(float)
    log_rooms = np.log(rooms / page["households"].astype(float))
    bedrooms = page["total_bedrooms"].astype(float)
    drawn = []
    for _ in range(DRAWS):
        again = hedonic.draw_bedrooms(np.log(income), log_rooms, rooms, random.standard_normal(blocks.PAGE))
        known = page | {"total_bedrooms": np.where(np.isnan(bedrooms), again, bedrooms)}
        drawn.append(hedonic.draw_price(known, random.standard_normal(blocks.PAGE)))
    return np.stack(drawn)


@pytest.mark.parametrize("hidden", [False, True])
def test_the_formula_is_the_mean_of_what_is_drawn(page: Columns, prices: Floats, hidden: bool) -> None:
    rows = np.isnan(page["total_bedrooms"].astype(float)) == hidden
    errors = np.abs(prices - hedonic.best_prediction(page))[:, rows]
    assert errors.mean() == pytest.approx(hedonic.expected_error(page)[rows].mean(), rel=0.005)


def test_rows_of_every_price_keep_to_the_formula(page: Columns, prices: Floats) -> None:
    best, expected = hedonic.best_prediction(page), hedonic.expected_error(page)
    seen = np.abs(prices - best).mean(axis=0)
    for rows in np.array_split(np.argsort(best), 8):
        assert seen[rows].mean() == pytest.approx(expected[rows].mean(), rel=0.02)


@pytest.mark.parametrize("factor", [0.95, 0.98, 1.02, 1.05])
def test_nobody_does_better_by_leaning(page: Columns, prices: Floats, factor: float) -> None:
    best = hedonic.best_prediction(page)
    leaning = np.clip(best * factor, hedonic.FLOOR, hedonic.CAP)
    assert np.abs(prices - best).mean() < np.abs(prices - leaning).mean()


def test_hidden_bedrooms_cost_something(page: Columns) -> None:
    whole = blocks.page(0, seed=5)
    known = ~np.isnan(whole["total_bedrooms"].astype(float))
    hidden = np.isnan(page["total_bedrooms"].astype(float)) & known
    assert hedonic.expected_error(page)[hidden].mean() > 1.01 * hedonic.expected_error(whole)[hidden].mean()


def test_the_normal_distribution_is_right_to_1e_7() -> None:
    z = np.array([-8.0, -1.959963984540054, -0.5, 0.0, 0.5, 1.2815515655446004, 8.0])
    truth = np.array([6.22e-16, 0.025, 0.3085375387259869, 0.5, 0.6914624612740131, 0.9, 1.0])
    np.testing.assert_allclose(hedonic.normal_cdf(z), truth, atol=1e-7)


def test_the_error_of_a_census_is_the_mean_over_its_rows() -> None:
    columns = next(blocks.blocks(10_000, 4, 10_000))
    error = generate.irreducible_error(10_000, 4)
    assert error == pytest.approx(hedonic.expected_error(columns).mean())
    label = columns["median_house_value"].astype(float)
    assert np.abs(label - hedonic.best_prediction(columns)).mean() == pytest.approx(error, rel=0.04)


def test_an_error_needs_rows() -> None:
    with pytest.raises(ValueError, match="at least one row"):
        generate.irreducible_error(0)
