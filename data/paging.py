"""How many rows each page of a generated file has: pages are drawn apart, so that a small file begins a large one."""

from collections.abc import Iterator

PAGE = 8192


def pages(rows: int, seed: int) -> Iterator[tuple[int, int]]:
    """Yield the number of each page and how many of its ``PAGE`` rows the file takes.

    Raises:
        ValueError: A negative number of rows or seed.
    """
    if rows < 0 or seed < 0:
        raise ValueError("rows and seed must be 0 or more")
    for number in range(-(-rows // PAGE)):
        yield number, min(PAGE, rows - number * PAGE)
