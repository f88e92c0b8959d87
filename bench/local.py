"""A local run, cold and fully reused, against stock TFX: ``python -m bench.local --rows 20000 500000``.

The sides take turns, each turn a fresh process: stock and ours in an empty workspace, then ours in the same one again,
where nothing has changed. Stock is the chain as TFX's template has it (see bench.stock); ours also tries the export out
in a process of its own and reconciles rows. Printed are each turn, the ratios of the medians with their targets, and
where the time goes: the nodes' own seconds (they overlap on our side), and the rest, which is mostly importing.
"""

import argparse
import json
import sqlite3
import statistics
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path

from bench.measuring import Cost
from bench.sides import turn

COLD = {20_000: 0.6, 500_000: 0.5}
REUSED = 0.15
_SAME = {"CsvExampleGen": "ExampleGen", "latest_blessed_model_resolver": "Resolver"}
_OTHER = "the rest"


def main() -> None:
    """Run all sides in turn, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[20_000])
    parser.add_argument("--turns", type=int, default=3)
    arguments = parser.parse_args()
    for rows in arguments.rows:
        with tempfile.TemporaryDirectory(prefix="local-") as folder:
            compare(Path(folder), rows, arguments.turns)


def compare(folder: Path, rows: int, turns: int) -> None:
    """Print everything about one size of the data."""
    from data.generate import generate

    data = folder / "data"
    data.mkdir()
    generate(data / "housing.csv", rows)
    costs: dict[str, list[Cost]] = {"stock": [], "ours": [], "reused": []}
    nodes: dict[str, list[dict[str, float]]] = {side: [] for side in costs}
    print(f"{rows:,} rows, {turns} turns each")
    print(f"{'side':<8}{'wall s':>9}{'cpu s':>9}{'peak MB':>9}")
    for number in range(turns):
        for side, so_far in costs.items():
            whose = "stock" if side == "stock" else "ours"
            workspace = folder / f"{whose}-{number}"
            cost = turn(whose, data, workspace, folder / f"{side}-{number}.log")
            so_far.append(cost)
            seconds = _stock_nodes(workspace) if whose == "stock" else _our_nodes(workspace)
            nodes[side].append(_with_rest(seconds, cost))
            print(f"{side:<8}{cost.wall:9.1f}{cost.cpu:9.1f}{cost.peak / 2**20:9.0f}", flush=True)
    for side, target in (("ours", COLD.get(rows)), ("reused", REUSED)):
        ours, stock = (statistics.median(one.wall for one in costs[which]) for which in (side, "stock"))
        said = f" (target {target})" if target else ""
        print(f"{side} / stock cold, median wall: {ours / stock:.2f}{said}")
    _print_nodes({side: _medians(found) for side, found in nodes.items()})


def _our_nodes(workspace: Path) -> dict[str, float]:
    outcome = max((workspace / "runs").glob("*/outcome.json"), key=lambda file: file.stat().st_mtime)
    return {one["node"]: one["seconds"] for one in json.loads(outcome.read_text(encoding="utf-8"))["nodes"]}


def _stock_nodes(workspace: Path) -> dict[str, float]:
    """Read the seconds between the first and the last record of each execution."""
    with closing(sqlite3.connect(f"file:{workspace / 'metadata.db'}?mode=ro", uri=True)) as store:
        rows = store.execute(
            "SELECT c.name, (e.last_update_time_since_epoch - e.create_time_since_epoch) / 1000.0 FROM Execution e "
            "JOIN Association a ON a.execution_id = e.id JOIN Context c ON c.id = a.context_id "
            "JOIN Type t ON t.id = c.type_id WHERE t.name = 'node'"
        ).fetchall()
    names = [(name.partition(".")[2], seconds) for name, seconds in rows]
    return {_SAME.get(name, name): seconds for name, seconds in names}


def _with_rest(nodes: dict[str, float], cost: Cost) -> dict[str, float]:
    return {**nodes, _OTHER: cost.wall - sum(nodes.values())}


def _medians(turns: Iterable[Mapping[str, float]]) -> dict[str, float]:
    turns = list(turns)
    return {node: statistics.median(one.get(node, 0.0) for one in turns) for node in turns[0]}


def _print_nodes(sides: Mapping[str, Mapping[str, float]]) -> None:
    print(f"{'seconds, median':<22}" + "".join(f"{side:>9}" for side in sides))
    names = dict.fromkeys(name for found in sides.values() for name in found if name != _OTHER)
    for name in (*names, _OTHER):
        cells = "".join(f"{found[name]:9.1f}" if name in found else f"{'-':>9}" for found in sides.values())
        print(f"{name:<22}{cells}")
    print("(nodes of ours run beside each other: what is left over may be less than nothing)")


if __name__ == "__main__":
    main()
