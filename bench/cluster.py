"""Examples a second with 1, 2 and 3 workers, and what supervision costs: ``python -m bench.cluster --steps 4000``.

Sides, which take turns on the same transformed rows of the house-price problem:

- ``alone``: one process, no cluster: what the Trainer node does by default;
- ``ours N``: ``training.cluster`` with N workers (the chief among them), one parameter server and an evaluator;
- ``bare N``: as many processes of a plain Estimator script, each with its ``TF_CONFIG``, and nobody to look after them.

``examples/s`` is the second half of the training, when all have joined, checkpoints and evaluations included; ``first``
is the time from the start of the program (``ours``: with its imports, once; ``bare``: with those of each process) to
the first hundred steps; ``total`` is from start to end. On a machine with fewer cores than processes this says what a
cluster costs, not what it gains: all share the cores that one process would have had to itself, and each step sends all
gradients and all variables through sockets.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.transformed import ROOT, Transformed, environment, transform
from components.cluster.roles import VARIABLE, Role, local_cluster, tf_config

BATCH = 256


def main() -> None:
    """Run all sides in turn and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--steps", type=int, default=4_000)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--transformed", type=Path, help="workspace with transformed rows, to save making them")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cluster-") as name:
        folder, given = Path(name), arguments.transformed
        data = Transformed(given, arguments.rows) if given else transform(folder, arguments.rows)
        compare(folder, data, arguments.steps, arguments.turns, arguments.workers)


def compare(folder: Path, data: Transformed, steps: int, turns: int, workers: list[int]) -> None:
    """Print each turn, and the medians."""
    sides = ["alone", *(f"{side} {count}" for count in workers for side in ("ours", "bare"))]
    found: dict[str, list[dict[str, float]]] = {side: [] for side in sides}
    print(f"{data.rows:,} rows, {steps:,} steps of {BATCH} rows, {turns} turns each")
    print(f"{'side':<8}{'examples/s':>12}{'first s':>9}{'total s':>9}")
    for turn in range(turns):
        for side in sides[turn % len(sides) :] + sides[: turn % len(sides)]:  # nobody is always first
            one = measure_turn(folder / f"{side.replace(' ', '-')}-{turn}", side, data, steps)
            found[side].append(one)
            print(f"{side:<8}{one['rate']:12,.0f}{one['first']:9.1f}{one['total']:9.1f}", flush=True)
    for count in workers:
        pairs = list(zip(found[f"ours {count}"], found[f"bare {count}"], strict=True))
        rates = [ours["rate"] / bare["rate"] for ours, bare in pairs]
        totals = [ours["total"] / bare["total"] for ours, bare in pairs]
        shares = [ours["rate"] / alone["rate"] for (ours, _), alone in zip(pairs, found["alone"], strict=True)]
        print(
            f"{count} workers: ours / bare, median: examples/s {statistics.median(rates):.2f} "
            f"({min(rates):.2f} to {max(rates):.2f}), total {statistics.median(totals):.2f}; "
            f"ours / alone: examples/s {statistics.median(shares):.2f}"
        )


def measure_turn(folder: Path, side: str, data: Transformed, steps: int) -> dict[str, float]:
    """Train one side in processes of its own; examples a second and seconds."""
    kind, _, count = side.partition(" ")
    given: dict[str, Any] = {
        "train": data.files("train"),
        "eval": data.files("eval"),
        "transform": data.transform_output,
        "steps": steps,
        "workers": int(count or 1),
        # All sides evaluate each checkpoint: an evaluator by itself waits for the next time that it may, a minute say.
        "training": {"throttle_secs": 0},
    }
    began = time.time()
    marks = _bare(folder, given) if kind == "bare" else _one("ours" if kind == "alone" else "cluster", folder, given)
    total = time.time() - began
    second = [(step, when) for step, when in marks if step >= steps / 2]
    (first, since), (last, until) = second[0], second[-1]
    return {"rate": (last - first) * BATCH / (until - since), "first": marks[0][1] - began, "total": total}


def _one(side: str, folder: Path, given: dict[str, Any]) -> list[tuple[int, float]]:
    done = subprocess.run(
        _command(side, folder, given), capture_output=True, text=True, check=False, cwd=ROOT, env=environment()
    )
    if done.returncode:
        sys.exit(f"{side} failed:\n{done.stderr[-3000:]}")
    return [(int(step), float(when)) for step, when in json.loads(done.stdout.splitlines()[-1])["marks"]]


def _bare(folder: Path, given: dict[str, Any]) -> list[tuple[int, float]]:
    """Start the processes of a cluster as a person would by hand; end the server when the others have ended."""
    cluster = local_cluster(given["workers"], 1)
    roles = [
        Role("ps"),
        Role("chief"),
        *(Role("worker", one) for one in range(given["workers"] - 1)),
        Role("evaluator"),
    ]
    started: list[tuple[Role, subprocess.Popen[str]]] = []
    try:
        for role in roles:
            process = subprocess.Popen(
                _command("bare", folder, given),
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                cwd=ROOT,
                env={**environment(), VARIABLE: tf_config(cluster, role)},
            )
            started.append((role, process))
        told = {role.kind: process.communicate()[0] for role, process in started if role.kind != "ps"}
    finally:
        for _, process in started:
            process.kill()
            process.wait()
    return [(int(step), float(when)) for step, when in json.loads(told["chief"].splitlines()[-1])["marks"]]


def _command(side: str, folder: Path, given: dict[str, Any]) -> list[str]:
    return [sys.executable, "-m", "bench.trainers", side, json.dumps(given), str(folder)]


if __name__ == "__main__":
    main()
