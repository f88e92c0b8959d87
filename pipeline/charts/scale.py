"""Where a value lies on an axis, and which values an axis names."""

import itertools
import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """An axis from its lowest to its highest value.

    Attributes:
        low: The value at the axis' beginning.
        high: The value at its end, above ``low``.
        log: Whether it is logarithmic; both are above zero then.
    """

    low: float
    high: float
    log: bool = False

    def place(self, value: float) -> float:
        """Return where a value lies, 0 at the beginning and 1 at the end."""
        if self.log:
            return (math.log(value) - math.log(self.low)) / (math.log(self.high) - math.log(self.low))
        return (value - self.low) / (self.high - self.low)

    def ticks(self, most: int) -> list[float]:
        """Return round values on the axis, about ``most`` at the most, smallest first."""
        if not self.log:
            step = _step((self.high - self.low) / max(1, most - 1))
            first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
            return [number * step for number in range(first, last + 1)]
        first, last = math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9)
        if last - first >= 1:  # powers of ten, or every so many of them
            every = max(1, math.ceil((last - first + 1) / max(1, most)))
            tens = [10.0**power for power in range(first, last + 1, every)]
            if len(tens) > most // 2 or every > 1:
                return tens
        for digits in ((1, 2, 5), (1, 3), (1, 1.5, 2, 3, 5, 7)):
            found = [one for one in self._of_digits(digits) if self.low * (1 - 1e-9) <= one <= self.high * (1 + 1e-9)]
            if 2 <= len(found) <= most:
                return found
        return Scale(self.low, self.high).ticks(most)

    def named(self, most: int) -> list[tuple[float, str]]:
        """Return :meth:`ticks` with their text."""
        ticks = self.ticks(most)
        if not ticks:
            return []
        return list(zip(ticks, [number(tick) for tick in ticks] if self.log else _words(ticks), strict=True))

    def _of_digits(self, digits: tuple[float, ...]) -> list[float]:
        powers = range(math.floor(math.log10(self.low)), math.floor(math.log10(self.high)) + 1)
        return [digit * 10.0**power for power in powers for digit in digits]


def around(low: float, high: float, *, log: bool = False, margin: float = 0.04) -> Scale:
    """Return an axis that holds all values between two, with a margin; a single value lies in its middle."""
    if log:
        if high / low < 1 + 1e-9:
            return Scale(low / 2, high * 2, log=True)
        factor = (high / low) ** margin
        return Scale(low / factor, high * factor, log=True)
    if high - low <= 1e-12 * max(abs(low), abs(high)):
        half = abs(low) / 2 or 1.0
        return Scale(low - half, high + half)
    space = (high - low) * margin
    return Scale(low - space, high + space)


def _words(ticks: list[float]) -> list[str]:
    """Return evenly spaced values as text, all with as many digits as tell them apart."""
    size = max(abs(tick) for tick in ticks)
    if size >= 1e7 or 0 < size < 1e-3:
        return [number(tick) for tick in ticks]
    apart = min((after - before for before, after in itertools.pairwise(ticks)), default=size or 1.0)
    decimals = max(0, -math.floor(math.log10(apart) + 1e-9))
    if not math.isclose(round(apart, decimals), apart, rel_tol=1e-6):  # steps of 2.5
        decimals += 1
    return [f"{tick + 0.0:,.{decimals}f}" for tick in ticks]


def number(value: float) -> str:
    """Return a value in few characters: ``12,345``, ``0.0312``, ``1e-05``, ``2.4e+09``."""
    if value == 0:
        return "0"
    if not math.isfinite(value):
        return str(value)
    if 1e-4 <= abs(value) < 1e7:
        if abs(value) >= 1000:
            return f"{value:,.0f}"
        return f"{value:.4g}"
    return f"{value:.3g}"


def _step(rough: float) -> float:
    """Return the round step nearest above: 1, 2, 2.5 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(rough))
    return next((digit * power for digit in (1, 2, 2.5, 5) if digit * power >= rough * (1 - 1e-9)), 10 * power)
