"""The two sides of a whole run, house prices from CSV to a pushed model: ours, and stock TFX's."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.measuring import Cost, measure

ROOT = Path(__file__).parents[1]
SIDES = ("ours", "stock")


def turn(side: str, data: Path, workspace: Path, log: Path) -> Cost:
    """Run a side in a fresh process; a failure ends the benchmark with the last lines of its log.

    Args:
        side: ``ours`` or ``stock``.
        data: Folder of CSV files.
        workspace: Where it writes; what an earlier turn left there is reused.
        log: Where its output goes.
    """
    cost = measure(_command(side, data, workspace), log, _environment())
    if cost.code:
        sys.exit(f"{side} failed:\n" + "\n".join(log.read_text(errors="replace").splitlines()[-30:]))
    return cost


def _command(side: str, data: Path, workspace: Path) -> Sequence[str]:
    if side == "stock":
        return [sys.executable, "-m", "bench.stock", str(data), str(workspace)]
    return [sys.executable, "runner.py", "run", "housing", "--data", str(data), "--workspace", str(workspace)]


def _environment() -> dict[str, str]:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return environment | {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore", "TF_CPP_MIN_LOG_LEVEL": "1"}
