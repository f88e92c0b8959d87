"""Make a census of any size from a seed: ``python -m data.generate --rows 20000 --out PATH``.

The file has the columns and formats of the California housing census and a known irreducible error; README.md says how
it is made. ``--fault`` plants what a bad file looks like.
"""

import argparse
import gzip
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from data import blocks, faults, foresight, hedonic, penguins, trips, waves, writing

DEFAULT_SEED = 0
BLOCK_ROWS = 65_536
_ROWS_FOR_ERROR = 200_000  # more rows would change the printed figure by less than 0.3%
_WAVES_FOR_ERROR = 1000  # the same, 0.5%
_OTHERS = {"penguin": penguins, "sine": waves, "taxi": trips}  # each has ROWS and pieces(rows, seed)


def generate(
    path: Path,
    rows: int,
    seed: int = DEFAULT_SEED,
    fault_names: Iterable[str] = (),
    block_rows: int = BLOCK_ROWS,
) -> None:
    """Write a census to a CSV file.

    Args:
        path: The file to write; its folder is made if missing. It appears whole or not at all.
        rows: How many rows.
        seed: Whole number from 0 up.
        fault_names: Names from :data:`data.faults.NAMES`.
        block_rows: Rows held in memory at a time; no effect on the file.

    Raises:
        ValueError: A negative number of rows or seed, or an unknown fault.
        OSError: The file cannot be written.
    """
    write(path, pieces(rows, seed, fault_names, block_rows))


def write(path: Path, content: Iterable[bytes]) -> None:
    """Write a file, which appears whole or not at all; its folder is made if missing.

    One whose name ends with ``.gz`` is compressed, without a time inside.
    """
    if path.suffix == ".gz":
        content = [gzip.compress(b"".join(content), 9, mtime=0)]
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".part")
    try:
        with unfinished.open("wb") as file:
            for piece in content:
                file.write(piece)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def pieces(
    rows: int, seed: int = DEFAULT_SEED, fault_names: Iterable[str] = (), block_rows: int = BLOCK_ROWS
) -> Iterator[bytes]:
    """Yield the bytes of the file, the header first, then block by block; arguments as for :func:`generate`."""
    names = list(fault_names)
    unknown = sorted(set(names) - set(faults.NAMES))
    if unknown:
        raise ValueError(f"no fault is called {unknown[0]!r}; there are {', '.join(faults.NAMES)}")
    if rows < 0 or seed < 0 or block_rows < 1:
        raise ValueError("rows and seed must be 0 or more, and blocks hold at least one row")
    heading = dict.fromkeys(blocks.COLUMNS, np.empty(0, dtype=object))
    yield faults.spoil_header(writing.header(list(faults.spoil_columns(heading, names, 0))), names)
    start = 0
    for columns in blocks.blocks(rows, seed, block_rows):
        count = len(columns[blocks.LABEL])
        lines = writing.lines(faults.spoil_columns(columns, names, start))
        if faults.spoils_lines(names):
            yield b"".join(faults.spoil_lines([line.encode() for line in lines.to_pylist()], names, start))
        else:
            yield writing.content(lines)
        start += count


def irreducible_error(rows: int, seed: int = DEFAULT_SEED) -> float:
    """Mean absolute error in dollars of the best possible predictor on the census of this size and seed.

    It is the mean over the rows of the expected error given their features; what the rows at hand happen to show
    differs from it by chance (at 20,000 rows by some 0.7%).

    Raises:
        ValueError: ``rows`` is less than one.
    """
    if rows < 1:
        raise ValueError("an error needs at least one row")
    parts = blocks.blocks(rows, seed, BLOCK_ROWS)
    return float(sum(hedonic.expected_error(part).sum() for part in parts) / rows)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit code: 0 done, 2 wrong use, 1 the file could not be written."""
    parser = argparse.ArgumentParser(prog="python -m data.generate", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--rows", type=int, metavar="N", help="how many rows (default: as many as the shipped file has)"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="PATH", help="the file to write")
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED, metavar="N", help="default: %(default)s")
    parser.add_argument("--problem", choices=["housing", *_OTHERS], default="housing", help="default: %(default)s")
    parser.add_argument(
        "--fault", action="append", default=[], choices=faults.NAMES, metavar="NAME",
        help="plant a fault; may be given more than once: " + ", ".join(faults.NAMES),
    )  # fmt: skip
    given = parser.parse_args(arguments)
    if given.rows is None:
        given.rows = 20_000 if given.problem == "housing" else _OTHERS[given.problem].ROWS
    if given.fault and given.problem != "housing":
        parser.error("faults are planted in the census only")
    if given.rows < 0 or given.seed < 0:
        parser.error("--rows and --seed must be 0 or more")
    try:
        if given.problem in _OTHERS:
            write(given.out, _OTHERS[given.problem].pieces(given.rows, given.seed))
        else:
            generate(given.out, given.rows, given.seed, given.fault)
    except OSError as error:
        print(f"Error: cannot write {given.out}: {error.strerror}", file=sys.stderr)
        return 1
    planted = f", with {', '.join(given.fault)}" if given.fault else ""
    print(f"{given.out}: {given.rows} rows, seed {given.seed}{planted}")
    if given.rows and not given.fault and given.problem == "housing":
        floor = irreducible_error(min(given.rows, _ROWS_FOR_ERROR), given.seed)
        print(f"irreducible mean absolute error: {floor:,.0f} dollars")
    if given.rows and given.problem == "taxi":
        print(f"best possible AUC: {trips.best_auc(min(given.rows, _ROWS_FOR_ERROR), given.seed):.4f}")
    if given.rows and given.problem == "sine":
        windows = waves.page(0, given.seed)[: min(given.rows, _WAVES_FOR_ERROR), : waves.STEPS]
        print(f"irreducible mean absolute error: {foresight.expected_error(windows).mean():.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
