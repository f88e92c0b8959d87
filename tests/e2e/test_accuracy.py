"""House prices as they ship and as they were: how good the pushed model is, and how it answers."""

import subprocess
import sys
from pathlib import Path

import pytest

from bench.accuracy import Accuracy, measure

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
CALIFORNIA = ROOT.parent / "shared" / "data" / "california_housing"


def pushed(workspace: Path, *more: str) -> Accuracy:
    """Run the command of the README in an empty workspace, and measure what it pushed."""
    command = [sys.executable, "runner.py", "run", "housing", "--workspace", str(workspace), *more]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "housing: blessed, and pushed as version 1" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    return measure(workspace)


def test_on_the_data_that_ships_it_is_near_what_is_irreducible(tmp_path: Path) -> None:
    accuracy = pushed(tmp_path / "w")
    assert accuracy.model <= 1.15 * accuracy.irreducible, accuracy
    assert accuracy.model >= 0.95 * accuracy.irreducible, "better than possible: the label leaks, or the floor is wrong"
    assert accuracy.model < 0.8 * accuracy.linear, accuracy
    assert accuracy.raw == pytest.approx(accuracy.model, rel=1e-5)


def test_on_the_real_file_it_is_clearly_better_than_a_linear_regression(tmp_path: Path) -> None:
    if not CALIFORNIA.is_dir():
        pytest.skip(f"{CALIFORNIA} is not there")
    accuracy = pushed(tmp_path / "w", "--data", str(CALIFORNIA))
    assert accuracy.model < 0.7 * accuracy.linear, accuracy
    assert accuracy.raw == pytest.approx(accuracy.model, rel=1e-5)
