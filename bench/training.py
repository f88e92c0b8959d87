"""Steps a second of our Trainer against a bare Estimator script and Keras: ``python -m bench.training --steps 8000``.

The sides (see bench.trainers) take turns, each turn in a process of its own, on the same transformed rows. ``steps/s``
is the steady state: from step 1,000 to the end, checkpoints and summaries included, importing, graph building and the
last evaluation not. ``total`` is everything but importing; ``cpu`` is the CPU time of that, which other processes of a
shared machine change least. What counts is the median of the ratios, each within one
round of turns, since a shared machine changes its speed in minutes.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.transformed import ROOT, Transformed, environment, transform

SIDES = ("ours", "bare", "keras")
STEADY = 1000
TARGETS = {"bare": 0.95, "keras": 1.0}


def main() -> None:
    """Run all sides in turn and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--steps", type=int, default=8_000)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--transformed", type=Path, help="workspace with transformed rows, to save making them")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="training-") as name:
        folder = Path(name)
        given = arguments.transformed
        data = Transformed(given, arguments.rows) if given else transform(folder, arguments.rows)
        compare(folder, data, arguments.steps, arguments.turns)


def compare(folder: Path, data: Transformed, steps: int, turns: int) -> None:
    """Print each turn, and the medians of the ratios."""
    found: dict[str, list[dict[str, float]]] = {side: [] for side in SIDES}
    print(f"{data.rows:,} rows, {steps:,} steps, {turns} turns each")
    print(f"{'side':<8}{'steps/s':>9}{'total s':>9}{'cpu s':>8}{'import s':>10}")
    for turn in range(turns):
        for side in SIDES[turn % 3 :] + SIDES[: turn % 3]:  # nobody is always first
            one = measure_turn(folder / f"{side}-{turn}", side, data, steps)
            found[side].append(one)
            print(f"{side:<8}{one['rate']:9.1f}{one['total']:9.1f}{one['cpu']:8.1f}{one['import']:10.1f}", flush=True)
    for other, target in TARGETS.items():
        pairs = list(zip(found["ours"], found[other], strict=True))
        rates = [ours["rate"] / theirs["rate"] for ours, theirs in pairs]
        totals, cpus = ([theirs[key] / ours[key] for ours, theirs in pairs] for key in ("total", "cpu"))
        print(
            f"ours / {other}: median steps/s {statistics.median(rates):.2f} "
            f"({min(rates):.2f} to {max(rates):.2f}; target {target:.2f}), "
            f"over the total {statistics.median(totals):.2f}, per CPU second {statistics.median(cpus):.2f}"
        )


def measure_turn(folder: Path, side: str, data: Transformed, steps: int) -> dict[str, float]:
    """Train one side in a process of its own; steps a second and seconds."""
    given: dict[str, Any] = {
        "train": data.files("train"),
        "eval": data.files("eval"),
        "transform": data.transform_output,
        "steps": steps,
    }
    command = [sys.executable, "-m", "bench.trainers", side, json.dumps(given), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=environment())
    if done.returncode:
        sys.exit(f"{side} failed:\n{done.stderr[-3000:]}")
    told = json.loads(done.stdout.splitlines()[-1])
    steady = [(step, when) for step, when in told["marks"] if step >= STEADY]
    (first, since), (last, until) = steady[0], steady[-1]
    times = {key: told[key] for key in ("total", "cpu", "import")}
    return {"rate": (last - first) / (until - since), **times}


if __name__ == "__main__":
    main()
