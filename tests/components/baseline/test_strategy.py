"""The baseline is the latest blessed model other than the candidate."""

from pathlib import Path
from typing import Any

import pytest

from tests.components.baseline.test_given_out import store_of

pytestmark = pytest.mark.slow


def artifacts(blessed: dict[int, int]) -> tuple[list[Any], list[Any]]:
    """Models with the given ids, and a blessing for each with the given verdict."""
    from tfx.types import standard_artifacts

    models, blessings = [], []
    for number, verdict in blessed.items():
        model = standard_artifacts.Model()
        model.id = number
        models.append(model)
        blessing = standard_artifacts.ModelBlessing()
        blessing.id = 100 + number
        blessing.set_int_custom_property("current_model_id", number)
        blessing.set_int_custom_property("blessed", verdict)
        blessings.append(blessing)
    return models, blessings


@pytest.mark.parametrize(
    ("blessed", "candidate", "expected"),
    [
        ({}, 1, []),
        ({1: 1}, 1, []),  # a run that reuses its Trainer: not compared with itself
        ({1: 1, 2: 1}, 3, [2]),
        ({1: 1, 2: 0}, 3, [1]),
        ({1: 1, 2: 1}, 2, [1]),
        ({1: 1, 2: 1}, 1, [2]),  # back to an earlier model: compared with what came since
    ],
)
def test_the_latest_other_blessed_model_is_found(blessed: dict[int, int], candidate: int, expected: list[int]) -> None:
    from tfx.types import standard_artifacts

    from components.baseline.strategy import LatestOtherBlessedModelStrategy

    models, blessings = artifacts(blessed)
    new = standard_artifacts.Model()
    new.id = candidate
    inputs = {"candidate": [new], "model": models, "model_blessing": blessings}
    found = LatestOtherBlessedModelStrategy().resolve_artifacts(None, inputs)
    assert found is not None
    assert [one.id for one in found["model"]] == expected
    assert [one.id for one in found["model_blessing"]] == [100 + one for one in expected]
    assert found["candidate"] == [new]


def test_the_values_of_the_search_that_ended_last_are_found(tmp_path: Path) -> None:
    from tfx.types import standard_artifacts

    from components.baseline.tuned import LatestHyperParameters

    found = []
    for number in (1, 2):
        one = standard_artifacts.HyperParameters()
        one.id = number
        found.append(one)
    store = store_of(tmp_path, [("OUTPUT", [1]), ("OUTPUT", [2]), ("OUTPUT", [1])])
    strategy = LatestHyperParameters()
    assert strategy.resolve_artifacts(store, {"hyperparameters": found}) == {"hyperparameters": found[:1]}
    assert strategy.resolve_artifacts(store, {"hyperparameters": []}) == {"hyperparameters": []}
