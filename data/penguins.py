"""Penguins that never were, with the columns of the processed Palmer penguins: three species, four measures in 0..1.

A species is drawn by its share, then its four measures together from a normal distribution round the species' means:
within a species all four grow with the animal's size, so they go together. The figures are rounded ones of the real
penguins (Gorman, Williams and Fraser, PLoS ONE 9(3), 2014; scaled as in the TFX example), and none of a real row.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from data.paging import PAGE, pages

COLUMNS = ("species", "culmen_length_mm", "culmen_depth_mm", "flipper_length_mm", "body_mass_g")
ROWS = 1000

_SHARES = (0.44, 0.20, 0.36)
_MEANS = ((0.25, 0.63, 0.31, 0.28), (0.61, 0.63, 0.40, 0.29), (0.56, 0.23, 0.76, 0.66))
_SPREADS = ((0.10, 0.14, 0.11, 0.13), (0.12, 0.13, 0.12, 0.11), (0.11, 0.12, 0.11, 0.14))
_TOGETHER = 0.6  # correlation of any two measures within a species


def pieces(rows: int, seed: int = 0) -> Iterator[bytes]:
    """Yield the bytes of the file: the header, then pages of rows; a small file is the beginning of a large one.

    Raises:
        ValueError: A negative number of rows or seed.
    """
    taken = list(pages(rows, seed))
    yield (",".join(COLUMNS) + "\n").encode()
    for number, count in taken:
        species, measures = page(number, seed)
        lines = (
            ",".join((str(one), *(repr(value) for value in values)))
            for one, values in zip(species[:count].tolist(), measures[:count].tolist(), strict=True)
        )
        yield "".join(f"{line}\n" for line in lines).encode()


def page(number: int, seed: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Draw a page: species ``[8192]``, and measures ``[8192, 4]`` to four decimals."""
    random = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, number])))
    species = random.choice(len(_SHARES), size=PAGE, p=_SHARES)
    size, own = random.standard_normal((PAGE, 1)), random.standard_normal((PAGE, 4))
    away = np.sqrt(_TOGETHER) * size + np.sqrt(1.0 - _TOGETHER) * own
    measures = np.array(_MEANS)[species] + np.array(_SPREADS)[species] * away
    return species, np.round(np.clip(measures, 0.0, 1.0), 4)
