"""What gc says while it takes its time, and how it writes numbers."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from pipeline.cli import gc
from pipeline.housekeeping.keeping import _versions
from pipeline.housekeeping.places import remove
from pipeline.housekeeping.plan import make_plan
from tests.pipeline.command_line import Ask
from tests.pipeline.housekeeping.conftest import Ground


def test_it_says_how_far_it_is_once_it_takes_its_time(
    ground: Ground, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (1, 2, 3):
        ground.run(number, value=2000)
    monkeypatch.setattr(gc, "_PATIENCE", 0.05)

    def slow(what: Callable[..., Any], seconds: float) -> Callable[..., Any]:
        def slowly(*given: Any) -> Any:
            time.sleep(seconds)
            return what(*given)

        return slowly

    monkeypatch.setattr("pipeline.housekeeping.freeing.remove", slow(remove, 0.02))
    monkeypatch.setattr("pipeline.cli.gc.make_plan", slow(make_plan, 0.2))
    said = ask("gc", "--keep-runs", "1", "--json")
    first, *rest = said.err.splitlines()
    assert first == "looking through the metadata and the folders"
    assert rest[0].startswith("freeing: ")
    assert rest[0].endswith(" kB")
    assert said.json["bytes"] > 0  # stdout holds nothing else


@pytest.mark.parametrize(
    ("number", "words"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (56_300, "56 kB"), (1_240_000, "1.2 MB"), (7_250_000_000, "7.2 GB")],
)
def test_sizes(number: int, words: str) -> None:
    assert gc.size(number) == words


@pytest.mark.parametrize(
    ("numbers", "words"),
    [([4], "version 4"), ([1, 4], "versions 1, 4"), ([9, 3, 2, 4, 4], "versions 2 to 4, 9")],
)
def test_versions(numbers: list[int], words: str) -> None:
    assert _versions(numbers) == words
