"""The columns that the model gets, by what is made of them: the content of ``features.py``."""

import dataclasses
from collections.abc import Sequence

from pipeline.scaffold.columns import MOST_VALUES
from pipeline.scaffold.literals import python, python_tuple
from pipeline.scaffold.roles import MOST_WORDS, Decision, Role
from pipeline.scaffold.task import Task

_LEAST_GAPS = 0.005  # share of missing cells from which a column gets a feature that says so


@dataclasses.dataclass(frozen=True)
class Tables:
    """Names of columns.

    Attributes:
        numbers: Numbers as they are.
        logs: Numbers of which the logarithm is taken.
        gaps: Those of both that more than a few rows lack.
        dates: Dates as text.
        epochs: Times since 1970 with their units in a second.
        categories: Categories, of text or of whole numbers.
        vocabulary: Values of all categories together.
    """

    numbers: tuple[str, ...]
    logs: tuple[str, ...]
    gaps: tuple[str, ...]
    dates: tuple[str, ...]
    epochs: tuple[tuple[str, int], ...]
    categories: tuple[str, ...]
    vocabulary: int

    @property
    def has_numbers(self) -> bool:
        """Whether there is a feature of numbers."""
        return bool(self.numbers or self.logs or self.dates or self.epochs)

    @property
    def has_times(self) -> bool:
        """Whether there is a date or a time."""
        return bool(self.dates or self.epochs)


def tables(decisions: Sequence[Decision]) -> Tables:
    """Sort the columns by what is made of them."""

    def named(*roles: Role) -> tuple[str, ...]:
        return tuple(one.column.name for one in decisions if one.role in roles)

    numeric = [one.column for one in decisions if one.role in (Role.NUMBER, Role.LOG_NUMBER, Role.CODE)]
    categories = [one.column for one in decisions if one.role in (Role.CATEGORY, Role.CODE, Role.CODE_ONLY)]
    words = sum(min(one.distinct, MOST_VALUES) + (one.missing > 0) for one in categories)
    return Tables(
        numbers=named(Role.NUMBER, Role.CODE),
        logs=named(Role.LOG_NUMBER),
        gaps=tuple(one.name for one in numeric if one.missing >= _LEAST_GAPS * one.rows),
        dates=named(Role.DATE),
        epochs=tuple((one.column.name, one.ticks) for one in decisions if one.role is Role.EPOCH),
        categories=tuple(one.name for one in categories),
        vocabulary=min(words, MOST_WORDS),
    )


def features_text(file: str, label: str, tables_: Tables, task: Task, least_seen: int) -> str:
    """Return the text of ``features.py``."""
    lines = [f'"""The columns of {file} that the model uses, and the names of what Transform makes of them."""', ""]
    lines.append(f"LABEL = {python(label)}")
    if task.name == "regression":
        lines.append(f"CENTER = {task.center!r}  # the median of the label, which the untrained model predicts")
        lines.append(f"SPREAD = {task.spread!r}  # how far the label is from it on average")
    else:
        lines += [
            "# Its values; their places here are the numbers of the classes.",
            python_tuple("CLASSES", task.classes),
        ]
    lines.append("")
    for name, columns, note in (
        ("NUMBERS", tables_.numbers, "columns of the file that are numbers"),
        ("LOG_NUMBERS", tables_.logs, "with a long tail: their logarithm is scaled"),
        ("GAPS", tables_.gaps, "numbers that some rows lack, which is a feature too"),
        ("DATES", tables_.dates, "written as 2014-05-31 or 2014-05-31 20:15"),
        ("CATEGORIES", tables_.categories, "text, or whole numbers that are codes"),
    ):
        if columns:
            lines += [f"# {note[0].upper()}{note[1:]}.", python_tuple(name, columns)]
    if tables_.epochs:
        items = [f"    {python(name)}: {ticks}," for name, ticks in tables_.epochs]
        lines += ["# Counted since 1970, with how many of their units make a second.", "TIMES = {", *items, "}"]
    return "\n".join([*lines, "", *_transformed(label, tables_, least_seen), ""])


def _transformed(label: str, tables_: Tables, least_seen: int) -> list[str]:
    lines = ["# Features after Transform."]
    if tables_.has_numbers:
        sizes = [f"len({name})" for name, columns in _sized(tables_) if columns]
        times = [name for name, columns in (("DATES", tables_.dates), ("TIMES", tables_.epochs)) if columns]
        if times:
            sizes += [f"TIME_PARTS * len({name})" for name in times]
            lines.append("TIME_PARTS = 7  # numbers that a date or time becomes")
        lines.append(f"DENSE = {_free('numbers', label)}  # float32 [batch, DENSE_SIZE], with mean 0 and variance 1")
        lines.append(f"DENSE_SIZE = {' + '.join(sizes)}")
    if tables_.categories:
        lines += [
            f"WORDS = {_free('words', label)}  # int64 [batch, len(CATEGORIES)], indices in one vocabulary of them all",
            f"VOCABULARY = {tables_.vocabulary}  # its size; column n's other values share the index VOCABULARY + n",
            f"LEAST_SEEN = {least_seen}  # fewest rows that a value needs to be in it",
        ]
    return lines


def _sized(tables_: Tables) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return ("NUMBERS", tables_.numbers), ("LOG_NUMBERS", tables_.logs), ("GAPS", tables_.gaps)


def _free(name: str, label: str) -> str:
    return python(name if name != label else f"{name}_in")
