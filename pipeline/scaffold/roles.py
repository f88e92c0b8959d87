"""What becomes of each column, and why: rules of thumb on its statistics, each of which the output states."""

import dataclasses
import enum
import re

import numpy as np

from components.example_gen.kinds import Kind
from pipeline.scaffold.columns import Column
from pipeline.scaffold.literals import one_line

MOST_WORDS = 10_000  # values in the vocabulary of all categories together

_EXACT = 2**24  # up to here a 32-bit float tells whole numbers apart
_FEW = 32  # a whole number with so few values may be a code
_ID_NAME = re.compile(r"(^|[\W_])(id|ids|uuid|guid|key|nr|no|number|index|rowid)$|[a-z]I[Dd]$", re.IGNORECASE)
_CODE_NAME = re.compile(
    r"(^|[\W_])(code|zip|zipcode|postcode|postal|plz|tract|community|zone|district|region|category|class|type|cluster)"
    r"([\W_]|$)",
    re.IGNORECASE,
)
_TIME_NAME = re.compile(r"time|date|stamp|epoch|created|updated|(^|[\W_])(ts|at|on|when)([\W_]|$)", re.IGNORECASE)
_SECONDS = (315_532_800, 4_102_444_800)  # 1980 and 2100, in seconds since 1970
ISO = re.compile(
    r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])([ T]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?(\.\d+)?(Z|[+-]\d\d:?\d\d)?)?"
)
_OTHER_DATE = re.compile(
    r"\d{1,4}[./-]\d{1,2}[./-]\d{1,4}([ T,]+\d{1,2}:\d{2}.*)?|\d{1,2}[ -]?[A-Za-z]{3,9}\.?[ ,-]*\d{2,4}.*"
    r"|[A-Za-z]{3,9}\.? \d{1,2},? \d{4}.*|\d{1,2}:\d{2}(:\d{2})?( ?[AaPp][Mm])?"
)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_DECORATED = re.compile(r"[$€£]?\s?[+-]?\s?[$€£]?(\d{1,3}([,' ]\d{3})+|\d+)([.,]\d+)?\s?[%€$£]?")


class Role(enum.StrEnum):
    """What a column is to the model."""

    NUMBER = "number"
    LOG_NUMBER = "number, log"
    CODE = "number and category"
    CODE_ONLY = "category of numbers"
    CATEGORY = "category"
    DATE = "date"
    EPOCH = "time"
    LEFT_OUT = "left out"
    LABEL = "label"


@dataclasses.dataclass(frozen=True)
class Decision:
    """What becomes of a column.

    Attributes:
        column: Its statistics.
        role: What it is to the model.
        reason: Why, as a person reads it.
        ticks: For a time, how many of its units make a second.
    """

    column: Column
    role: Role
    reason: str
    ticks: int = 1

    @property
    def is_input(self) -> bool:
        """Whether the model gets it."""
        return self.role not in (Role.LEFT_OUT, Role.LABEL)


def decide(column: Column) -> Decision:
    """Decide about a column that is not the label."""
    reason = _useless(column) or _unwanted(column)
    if reason:
        return Decision(column, Role.LEFT_OUT, reason)
    return _number(column) if column.is_number else _text(column)


def _useless(column: Column) -> str:
    """Say why nothing can be learned from a column, whatever it means; empty if something can."""
    if column.kind is Kind.EMPTY:
        return "no row has a value"
    if column.distinct == 1 and column.missing < 0.01 * column.rows:
        return "constant: " + ("every row says" if not column.missing else "all rows with a value say") + " the same"
    if column.present < max(10, 0.005 * column.rows):
        return f"nearly all missing: only {column.present:,} of {column.rows:,} rows have a value"
    return ""


def _unwanted(column: Column) -> str:
    """Say why a column should not be learned from; empty if it may."""
    if column.is_label:
        return "says the same as the label in every row"
    if _ticks(column):
        return ""
    if column.is_number:
        unique = column.distinct >= 0.97 * column.present
        if column.whole and unique and column.rising:
            return "an id: it rises or falls with each row"
        if column.whole and unique and _ID_NAME.search(column.name):
            return "an id: each row has its own value"
        return ""
    if _share(column, ISO) == 1:
        return ""
    if _share(column, _OTHER_DATE) > 0.9:
        return "a date or time that is not written as 2014-05-31 or 2014-05-31 20:15"
    lengths = [len(text) for text in column.sample]
    words = [len(text.split()) for text in column.sample]
    many = column.distinct > max(50, 0.05 * column.present)
    odd = odd_cell(column)
    if many and odd:
        return f"numbers, but for {odd}: mend them, or name them with --missing"
    if many and _share(column, _DECORATED) > 0.9:
        return f"numbers with signs, such as {one_line(column.sample[0], 20)!r}: write them plain"
    if many and (np.mean(lengths) > 40 or np.mean(words) > 4):
        return f"free text: {np.mean(words):.0f} words on average, {column.distinct:,} different texts"
    if column.distinct >= 0.9 * column.present:
        return "an id: nearly every row has its own value"
    if column.distinct > 0.5 * column.present:
        return f"{column.distinct:,} values in {column.present:,} rows: too few rows of each to learn from"
    return ""


def odd_cell(column: Column) -> str:
    """Return which cells keep a column of text from being one of numbers; empty if it is none nearly."""
    if column.is_number or _share(column, _NUMBER) <= 0.8:
        return ""
    texts = column.sample if column.values is None else column.values
    odd = next((text for text in texts if not _NUMBER.fullmatch(text.strip())), None)
    return "a few cells" if odd is None else f"cells such as {one_line(odd, 20)!r}"


def _number(column: Column) -> Decision:
    ticks = _ticks(column)
    if ticks:
        unit = {1: "seconds", 1000: "milliseconds"}[ticks]
        return Decision(column, Role.EPOCH, f"{unit} since 1970: day of the year and week, hour", ticks)
    few_each = column.distinct * 10 <= column.present
    if column.whole and column.minimum >= _EXACT and few_each and column.values is not None:
        return Decision(column, Role.CODE_ONLY, f"{column.distinct:,} large whole numbers: codes")
    if column.whole and 2 < column.distinct <= _FEW and column.distinct * 20 <= column.present:
        return Decision(column, Role.CODE, f"{column.distinct} whole numbers, which may be codes")
    if column.whole and 2 < column.distinct <= 1000 and few_each and _CODE_NAME.search(column.name):
        return Decision(column, Role.CODE, f"{column.distinct} whole numbers, codes by their name")
    if column.minimum >= 0 and column.distinct > 10 and _skewness(column.sample) > 2:
        return Decision(column, Role.LOG_NUMBER, f"a long tail: {_range(column)}")
    return Decision(column, Role.NUMBER, _range(column))


def _text(column: Column) -> Decision:
    if _share(column, ISO) == 1:
        return Decision(column, Role.DATE, "ISO 8601: day of the year and week, hour")
    if column.values is None:
        return Decision(column, Role.CATEGORY, f"about {column.distinct:,} values, the commonest are kept apart")
    return Decision(column, Role.CATEGORY, f"{column.distinct:,} value{'s' * (column.distinct != 1)}")


def _ticks(column: Column) -> int:
    """Return how many units of a column make a second, if it counts time since 1970; else 0."""
    if not (column.is_number and column.whole and _TIME_NAME.search(column.name)):
        return 0
    for ticks in (1, 1000):
        if ticks * _SECONDS[0] <= column.minimum and column.maximum <= ticks * _SECONDS[1]:
            return ticks
    return 0


def _share(column: Column, pattern: re.Pattern[str]) -> float:
    fitting = sum(pattern.fullmatch(text.strip()) is not None for text in column.sample)
    return fitting / max(len(column.sample), 1)


def _skewness(numbers: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    spread = float(np.std(numbers))
    return float(np.mean(((numbers - np.mean(numbers)) / spread) ** 3)) if spread else 0.0


def _range(column: Column) -> str:
    return f"{column.minimum:.4g} to {column.maximum:.4g}"
