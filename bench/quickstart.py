"""Our ``run`` against stock TFX under its own LocalDagRunner: ``python -m bench.quickstart --rows 20000``.

Same data, same model code, same training; each turn is a fresh process in an empty workspace, and the sides take
turns. Ours also validates the export and reconciles rows, which stock does not. What counts is the ratio within one run
of this script.
"""

import argparse
import statistics
import tempfile
from pathlib import Path

from bench.measuring import Cost
from bench.sides import SIDES, turn


def main() -> None:
    """Run both sides in turn and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--turns", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="quickstart-") as folder:
        compare(Path(folder), arguments.rows, arguments.turns)


def compare(folder: Path, rows: int, turns: int) -> None:
    """Print each turn, and the ratios of the medians."""
    from data.generate import generate

    data = folder / "data"
    data.mkdir()
    generate(data / "housing.csv", rows)
    costs: dict[str, list[Cost]] = {side: [] for side in SIDES}
    print(f"{rows:,} rows, cold, {turns} turns each")
    print(f"{'side':<8}{'wall s':>9}{'cpu s':>9}{'peak MB':>9}")
    for number in range(turns):
        for side, so_far in costs.items():
            cost = turn(side, data, folder / f"{side}-{number}", folder / f"{side}-{number}.log")
            so_far.append(cost)
            print(f"{side:<8}{cost.wall:9.1f}{cost.cpu:9.1f}{cost.peak / 2**20:9.0f}", flush=True)
    for name in ("wall", "cpu", "peak"):
        ours, stock = (statistics.median(getattr(cost, name) for cost in costs[side]) for side in SIDES)
        print(f"ours / stock, median {name}: {ours / stock:.2f}")


if __name__ == "__main__":
    main()
