"""The functions in a generated preprocessing.py, on values that a file may hold."""

import datetime
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

import numpy as np
import pytest
import tensorflow as tf

from pipeline.scaffold.create import create

pytestmark = pytest.mark.slow

NOW = 1_700_000_000


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """The preprocessing.py of a problem with columns of all kinds, as a module."""
    folder = tmp_path_factory.mktemp("scaffold")
    lines = ["day,created at,x,mood,label"]
    for n in range(100):
        day = datetime.date(2024, 1, 1) + datetime.timedelta(days=n * 7 % 365)
        lines.append(f"{day},{NOW + 86_400 * (n * 37 % 100)},{n * 37 % 91},{'ab'[n % 2]},{['no', 'yes'][n % 2]}")
    (folder / "rows.csv").write_text("\n".join(lines))
    create("made", folder / "made", str(folder / "rows.csv"), "label")
    sys.path.insert(0, str(folder))
    try:
        yield importlib.import_module("made.preprocessing")
    finally:
        sys.path.remove(str(folder))
        for name in [one for one in sys.modules if one.partition(".")[0] == "made"]:
            del sys.modules[name]


def sparse(values: list[Any], dtype: Any) -> tf.SparseTensor:
    """A column as Transform hands it over, with None for what is missing."""
    rows = [row for row, value in enumerate(values) if value is not None]
    kept = [value for value in values if value is not None]
    return tf.SparseTensor([[row, 0] for row in rows], tf.constant(kept, dtype), [len(values), 1])


def test_dates_are_what_the_calendar_says(code: ModuleType) -> None:
    texts = ["1970-01-01", "2000-02-29", "2024-12-31 23:59", "1969-12-31T06:30:15.5Z", "2100-03-01", " 1900-01-01 "]
    days, hours = code._date(tf.constant([[text] for text in texts]))
    for text, day, hour in zip(texts, days[:, 0].numpy(), hours[:, 0].numpy(), strict=True):
        moment = datetime.datetime.fromisoformat(text.strip().removesuffix("Z"))
        assert day == (moment.date() - datetime.date(1970, 1, 1)).days
        assert hour == pytest.approx(moment.hour + moment.minute / 60)


def test_what_is_no_date_is_missing(code: ModuleType) -> None:
    days, hours = code._date(sparse([None, "31.12.2024", "2024-5-1", "", "2024-05-01"], tf.string))
    assert np.isnan(days[:, 0]).tolist() == np.isnan(hours[:, 0]).tolist() == [True, True, True, True, False]


def test_times_are_counted_since_1970(code: ModuleType) -> None:
    days, hours = code._time(sparse([NOW, None, 0], tf.int64), 1)
    assert days[:, 0].numpy().tolist()[::2] == [NOW // 86_400, 0]
    assert hours[0, 0].numpy() == pytest.approx(NOW % 86_400 / 3600)
    assert np.isnan(days[1, 0])
    assert code._time(tf.constant([[NOW * 1000 + 999]], tf.int64), 1000)[0] == NOW // 86_400


def test_the_circles_close(code: ModuleType) -> None:
    day, hour = tf.constant([[19_000.0], [19_007.0]]), tf.constant([[0.0], [24.0]])
    parts = np.concatenate(code._calendar(day, hour), axis=1)
    assert parts.shape == (2, 7)
    np.testing.assert_allclose(parts[0, 3:], parts[1, 3:], atol=1e-4)  # the same day of the week, the same hour
    assert abs(parts[0, 1] - parts[1, 1]) > 0.01  # but not the same day of the year


def test_classes_have_the_numbers_of_their_places(code: ModuleType) -> None:
    assert code._class(tf.constant([["yes"], ["no"], ["perhaps"]]))[:, 0].numpy().tolist() == [1, 0, -1]


def test_text_and_numbers_are_dense(code: ModuleType) -> None:
    assert code._text(sparse(["a", None], tf.string))[:, 0].numpy().tolist() == [b"a", b""]
    assert code._text(sparse([17_031_081_500, None], tf.int64))[:, 0].numpy().tolist() == [b"17031081500", b""]
    assert code._text(tf.constant([[3.0]]))[0, 0] == b"3"
    numbers = code._number(sparse([3, None], tf.int64))
    assert numbers.dtype == tf.float32
    assert np.isnan(numbers[:, 0]).tolist() == [False, True]


def test_the_package_says_what_it_is(code: ModuleType) -> None:
    made = sys.modules["made"]
    assert Path(str(made.__file__)).name == "__init__.py"
    assert made.__doc__ == "Classification of label, from the 5 columns of rows.csv."
