"""Each way in which an export can fail is a verdict with a reason, and the node that asked lives on."""

from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

Blessings = dict[str, tuple[Any, int, Path]]


def test_an_export_that_answers_is_blessed(blessings: Blessings) -> None:
    verdict, blessed, folder = blessings["good"]
    assert (verdict.blessed, blessed) == (True, 1), verdict.reasons
    assert (folder / "INFRA_BLESSED").exists()
    assert verdict.examples == 32
    assert verdict.signatures == ("raw", "serving_default")
    assert verdict.reasons[0].startswith("answered 32 real examples in ")
    for seconds in (verdict.load_seconds, verdict.first_answer_seconds, verdict.batch_seconds):
        assert 0 < seconds < 60
    assert verdict.batch_seconds <= verdict.first_answer_seconds


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("nan", "output 'price' of 'serving_default' is NaN in 1 of 32 answers"),
        ("abort", "the process was ended by signal 6, SIGABRT, while answering 32 examples"),
        ("hang", "the process was still answering 32 examples after 6 s and was killed"),
        ("label", "it fails on examples: InvalidArgumentError: "),
        ("unbatched", "output 'price' of 'serving_default' has shape [] for 32 examples"),
        ("disagree", "'raw' and 'serving_default' disagree on 'price' for the same rows, by up to 1000"),
        ("unsigned", "it has no signature 'serving_default', only: other"),
        ("missing", "it cannot be loaded: OSError: SavedModel file does not exist"),
        ("damaged", "it cannot be loaded: "),
    ],
)
def test_an_export_that_fails_is_not_blessed_and_says_why(blessings: Blessings, kind: str, reason: str) -> None:
    verdict, blessed, folder = blessings[kind]
    assert (verdict.blessed, blessed) == (False, 0)
    assert verdict.reasons[0].startswith(reason)
    assert (folder / "INFRA_NOT_BLESSED").exists()
    assert not (folder / "INFRA_BLESSED").exists()
