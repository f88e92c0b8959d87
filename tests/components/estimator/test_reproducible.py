"""The same seed and rows give the same weights, bit by bit, in processes apart; the shipped models, that is."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.components.estimator.repeat_program import FEATURES, ROOT, write_rows

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, str]]:
    """What the weights hash to in two processes, whose hash seeds differ too."""
    folder = tmp_path_factory.mktemp("rows")
    for problem in FEATURES:
        for part in range(3):
            write_rows(folder / f"{problem}-{part}.gz", problem, 200 + part)
    program = Path(__file__).parent / "repeat_program.py"
    results = []
    for number, mode in enumerate(("resumed", "plain")):
        target = tmp_path_factory.mktemp(f"models{number}")
        done = subprocess.run(
            [sys.executable, str(program), str(folder), str(target), mode],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": str(number + 1)},
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        results.append(json.loads(done.stdout.decode()))
    return results


@pytest.mark.parametrize("problem", FEATURES)
def test_two_processes_get_the_same_weights(problem: str, found: list[dict[str, str]]) -> None:
    one, other = found
    assert one[problem] == other[problem]
    assert one[problem] != one[f"{problem} other seed"]


@pytest.mark.parametrize("problem", ["housing_canned", "penguin"])
def test_a_training_that_was_stopped_ends_where_an_undisturbed_one_does(
    problem: str, found: list[dict[str, str]]
) -> None:
    """Models without dropout: the state of a graph's random operations is in no checkpoint."""
    one, _ = found
    assert one[f"{problem} resumed"] == one[problem]
