"""The text of ``preprocessing.py``: only what the columns need, put together from whole functions."""

from pipeline.scaffold.tables import Tables
from pipeline.scaffold.task import Task

_HEAD = '''\
"""From the columns of the file to the features of the model, for training and serving alike."""

{imports}

from . import features as f


def preprocessing_fn(inputs: dict[str, Any]) -> dict[str, Any]:
    """Make the features; see https://www.tensorflow.org/tfx/transform/get_started.

    Args:
        inputs: The columns by name, ``[batch, 1]``; sparse where the schema says that a value may be missing.

    Returns:
        The features that :mod:`features` names, and the label, {label}.
    """
    return {{
{returned}
    }}
'''

_NUMBERS = '''

def _numbers(inputs: dict[str, Any]) -> tf.Tensor:
    """All numbers side by side, scaled in one go; 0, the mean, stands for what is missing; ``[batch, DENSE_SIZE]``."""
{columns}
    scaled = tft.scale_to_z_score(tf.concat(columns, axis=1), elementwise=True)
    return tf.where(tf.math.is_nan(scaled), tf.zeros_like(scaled), scaled)
'''

_WORDS = r'''

def _words(inputs: dict[str, Any]) -> tf.Tensor:
    """Indices of all categories side by side, in one vocabulary of words such as ``color=red``."""
    words = [tf.strings.join([f"{name}=", _text(inputs[name])]) for name in f.CATEGORIES]
    index = tft.compute_and_apply_vocabulary(
        # The vocabulary's file has a word a line, so no word may have a line break.
        tf.strings.regex_replace(tf.concat(words, axis=1), r"\s", " "),
        top_k=f.VOCABULARY,
        frequency_threshold=f.LEAST_SEEN,
        default_value=-1,
        vocab_filename="words",
    )
    return tf.where(index < 0, f.VOCABULARY + tf.range(len(f.CATEGORIES), dtype=tf.int64), index)
'''

_CLASS = '''

def _class(label: tf.Tensor) -> tf.Tensor:
    """The number of the label's class, int64 ``[batch, 1]``; -1 if it is none of ``f.CLASSES``."""
    same = tf.equal(label, tf.constant(f.CLASSES, label.dtype))
    number = tf.argmax(tf.cast(same, tf.int32), axis=1)
    return tf.where(tf.reduce_any(same, axis=1), number, -1)[:, tf.newaxis]
'''

_CALENDAR = '''

def _calendar(days: tf.Tensor, hours: tf.Tensor) -> list[tf.Tensor]:
    """``TIME_PARTS`` numbers: years since 1970, and the place on the circles of the year, the week and the day."""
    years = days / 365.2425
    turns = (years, days / 7.0, hours / 24.0)
    return [years, *(wave(2.0 * math.pi * (turn - tf.floor(turn))) for turn in turns for wave in (tf.sin, tf.cos))]
'''

_DATE = '''

def _date(column: tf.Tensor | tf.SparseTensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Days since 1970, and hours, of ISO 8601 text, float32 ``[batch, 1]``; NaN where there is none."""
    text = tf.strings.strip(_text(column))
    valid = tf.strings.regex_full_match(text, r"\\d{4}-\\d{2}-\\d{2}([T ]\\d{2}:\\d{2}.*)?")
    text = tf.strings.join([tf.where(valid, text, "1970-01-01"), "T00:00"])
    places = ((0, 4), (5, 2), (8, 2), (11, 2), (14, 2))
    parts = [tf.strings.to_number(tf.strings.substr(text, start, size), tf.int32) for start, size in places]
    year, month, day, hour, minute = parts
    # Years that begin in March, so that the leap day is the last: https://howardhinnant.github.io/date_algorithms.html
    year -= tf.cast(month <= 2, tf.int32)
    day += (153 * ((month + 9) % 12) + 2) // 5
    days = 365 * year + year // 4 - year // 100 + year // 400 + day - 719_469
    hours = tf.cast(hour, tf.float32) + tf.cast(minute, tf.float32) / 60.0
    return tf.where(valid, tf.cast(days, tf.float32), float("nan")), tf.where(valid, hours, float("nan"))
'''

_TIME = '''

def _time(column: tf.Tensor | tf.SparseTensor, ticks: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Days since 1970, and hours, of so many units a second, float32 ``[batch, 1]``; NaN where there is none."""
    seconds = (column.values if isinstance(column, tf.SparseTensor) else column) // ticks
    parts = [seconds // 86_400, seconds % 86_400]
    if isinstance(column, tf.SparseTensor):
        parts = [tf.SparseTensor(column.indices, part, column.dense_shape) for part in parts]
    days, rest = (_number(part) for part in parts)
    return days, rest / 3600.0
'''

_NUMBER = '''

def _number(column: tf.Tensor | tf.SparseTensor) -> tf.Tensor:
    """A column as float32 ``[batch, 1]``, NaN where it is missing, which the scaling leaves out."""
    if not isinstance(column, tf.SparseTensor):
        return tf.cast(column, tf.float32)
    values = tf.cast(column.values, tf.float32)
    whole = tf.SparseTensor(column.indices, values, [column.dense_shape[0], 1])
    return tf.sparse.to_dense(whole, default_value=float("nan"))
'''

_TEXT = '''

def _text(column: tf.Tensor | tf.SparseTensor) -> tf.Tensor:
    """A column as strings ``[batch, 1]``, numbers written out, empty where it is missing."""
    values = column.values if isinstance(column, tf.SparseTensor) else column
    if values.dtype != tf.string:
        values = tf.strings.as_string(tf.cast(values, tf.int64))
    if not isinstance(column, tf.SparseTensor):
        return values
    whole = tf.SparseTensor(column.indices, values, [column.dense_shape[0], 1])
    return tf.sparse.to_dense(whole, default_value="")
'''


def preprocessing_text(tables: Tables, task: Task) -> str:
    """Return the text of ``preprocessing.py``."""
    derived = task.name == "classification" and not task.numbered
    returned = []
    if tables.has_numbers:
        returned.append("f.DENSE: _numbers(inputs),")
    if tables.categories:
        returned.append("f.WORDS: _words(inputs),")
    returned.append(f"f.LABEL: {'_class(inputs[f.LABEL])' if derived else 'inputs[f.LABEL]'},")
    imports = ["import math"] if tables.has_times else []
    imports += ["from typing import Any", "", "import tensorflow as tf", "import tensorflow_transform as tft"]
    text = _HEAD.format(
        imports="\n".join(imports),
        returned="\n".join(f"        {line}" for line in returned),
        label="as the number of its class" if derived else "as it is",
    )
    numbers = bool(tables.numbers or tables.logs)
    parts = {
        _NUMBERS.format(columns="\n".join(_columns(tables))): tables.has_numbers,
        _WORDS: bool(tables.categories),
        _CLASS: derived,
        _CALENDAR: tables.has_times,
        _DATE: bool(tables.dates),
        _TIME: bool(tables.epochs),
        _NUMBER: numbers or bool(tables.epochs),
        _TEXT: bool(tables.categories or tables.dates),
    }
    return text + "".join(part for part, wanted in parts.items() if wanted)


def _columns(tables: Tables) -> list[str]:
    lists, lines = [], []
    number = "_number(inputs[name])"
    if tables.gaps:  # which are asked for twice, and each asking is a handful of operations in the graph
        groups = [name for name, columns in (("NUMBERS", tables.numbers), ("LOG_NUMBERS", tables.logs)) if columns]
        lines.append(f"given = {{name: {number} for name in {' + '.join(f'f.{group}' for group in groups)}}}")
        number = "given[name]"
    if tables.numbers:
        lists.append(f"[{number} for name in f.NUMBERS]")
    if tables.logs:
        lists.append(f"[tf.math.log1p(tf.maximum({number}, 0.0)) for name in f.LOG_NUMBERS]")
    if tables.gaps:
        lists.append(f"[tf.cast(tf.math.is_nan({number}), tf.float32) for name in f.GAPS]")
    if tables.dates:
        lists.append("[part for name in f.DATES for part in _calendar(*_date(inputs[name]))]")
    if tables.epochs:
        lists.append("[part for name, ticks in f.TIMES.items() for part in _calendar(*_time(inputs[name], ticks))]")
    lines += [f"columns {'+=' if place else '='} {one}" for place, one in enumerate(lists)]
    return [f"    {line}" for line in lines]
