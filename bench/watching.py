"""What watching costs a training, in steps a second and in CPU: ``python -m bench.watching --steps 4000 --turns 4``.

Our Trainer with its summaries as they are by default against the same without them, in turns, each in a process of its
own, as in bench.training. What counts is the median of the ratios within one round of turns.
"""

import argparse
import statistics
import tempfile
from pathlib import Path

from bench.training import measure_turn
from bench.transformed import Transformed, transform

SIDES = ("ours", "unwatched")
TARGET = 0.95


def main() -> None:
    """Run both sides in turn and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--steps", type=int, default=4_000)
    parser.add_argument("--turns", type=int, default=4)
    parser.add_argument("--transformed", type=Path, help="workspace with transformed rows, to save making them")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="watching-") as name:
        folder = Path(name)
        data = Transformed(given.transformed, given.rows) if given.transformed else transform(folder, given.rows)
        rates, cpus = [], []
        for turn in range(given.turns):
            found = {}
            for side in SIDES if turn % 2 else SIDES[::-1]:
                found[side] = one = measure_turn(folder / f"{side}-{turn}", side, data, given.steps)
                print(f"{side:<10}{one['rate']:9.1f} steps/s{one['cpu']:8.1f} s of CPU", flush=True)
            rates.append(found["ours"]["rate"] / found["unwatched"]["rate"])
            cpus.append(found["ours"]["cpu"] / found["unwatched"]["cpu"])
    print(
        f"watched / unwatched: median steps/s {statistics.median(rates):.3f} "
        f"({min(rates):.3f} to {max(rates):.3f}; target {TARGET:.2f}), CPU {statistics.median(cpus):.3f}"
    )


if __name__ == "__main__":
    main()
