"""data, lookup, framework and predictor: what is in them does what it says."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

import numpy as np
import pytest
import tensorflow as tf

from components.estimator.contrib import data, framework, lookup, predictor

pytestmark = pytest.mark.slow
v1 = tf.compat.v1
Run = Callable[..., Any]


def test_datasets_are_transformed_as_before() -> None:
    numbers = tf.data.Dataset.range(10)
    batched = numbers.apply(data.map_and_batch(lambda x: 2 * x, 4, num_parallel_calls=data.AUTOTUNE))
    assert [one.tolist() for one in batched.as_numpy_iterator()] == [[0, 2, 4, 6], [8, 10, 12, 14], [16, 18]]
    twice = list(numbers.apply(data.shuffle_and_repeat(10, 2, seed=1)).as_numpy_iterator())
    assert sorted(twice[:10]) == sorted(twice[10:]) == list(range(10))
    assert twice[:10] != list(range(10))
    (full,) = numbers.apply(data.batch_and_drop_remainder(6)).as_numpy_iterator()
    assert full.tolist() == list(range(6))
    ragged = tf.data.Dataset.range(1, 4).map(lambda n: tf.fill([n], n))
    (padded,) = ragged.apply(data.padded_batch_and_drop_remainder(2, [None])).as_numpy_iterator()
    assert padded.tolist() == [[1, 0], [2, 2]]


def test_tables_there_and_back(in_graph: Run, tmp_path: Path) -> None:
    file = tmp_path / "words.txt"
    file.write_text("a\nb\nc\n")
    words = tf.constant  # made in the graph below

    def make() -> Any:
        asked = words(["b", "z", "c"])
        return (
            lookup.index_table_from_tensor(["a", "b"], default_value=9).lookup(asked),
            lookup.index_table_from_tensor(mapping=words(["a", "b"]), num_oov_buckets=1).lookup(asked),
            lookup.index_table_from_file(str(file), num_oov_buckets=2).lookup(asked),
            lookup.index_to_string_table_from_file(str(file), default_value="?").lookup(words([2, 7], tf.int64)),
            lookup.index_to_string_table_from_tensor(["x", "y"]).lookup(words([1, 2], tf.int64)),
        )

    small, bucket, filed, back, texts = in_graph(make)
    assert small.tolist() == [1, 9, 9]
    assert bucket.tolist() == [1, 2, 2]
    assert filed[0] == 1
    assert filed[1] in (3, 4)
    assert filed[2] == 2
    assert back.tolist() == [b"c", b"?"]
    assert texts.tolist() == [b"y", b"UNK"]


def test_steps_nests_and_sorting(in_graph: Run) -> None:
    def make() -> Any:
        assert framework.get_global_step() is None
        step = framework.get_or_create_global_step()
        assert framework.get_global_step() is step
        with v1.variable_scope("in"):
            inner = v1.get_variable("w", [2])
        assert framework.get_variables("in") == framework.get_trainable_variables(suffix="w") == [inner]
        assert framework.get_variables(suffix="global_step") == [step]
        descending = framework.sort(tf.constant([2, 3, 1]), direction="DESCENDING")
        return descending, framework.argsort(tf.constant([2, 3, 1]))

    descending, order = in_graph(make)
    assert descending.tolist() == [3, 2, 1]
    assert order.tolist() == [2, 0, 1]
    nest = framework.nest
    assert nest.flatten({"b": [1, (2,)], "a": 3}) == [3, 1, 2]
    assert nest.map_structure(lambda x: x + 1, [1, (2,)]) == [2, (3,)]
    assert nest.is_sequence([1])
    assert not nest.is_sequence("text")


def test_a_predictor_answers_from_an_export(tmp_path: Path) -> None:
    folder = str(tmp_path / "export")
    with tf.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, [None], name="x")
        factor = v1.get_variable("factor", initializer=3.0)
        outputs = {"tripled": x * factor}
        session.run(factor.initializer)
        v1.saved_model.simple_save(session, folder, {"x": x}, outputs)
        name = outputs["tripled"].name
    predict = predictor.from_saved_model(folder)
    np.testing.assert_allclose(predict({"x": [1.0, 2.0]})["tripled"], [3.0, 6.0])
    assert list(predict.feed_tensors) == ["x"]
    assert list(predict.fetch_tensors) == ["tripled"]
    with pytest.raises(ValueError, match="no inputs y; it takes x"):
        predict({"y": [1.0]})
    predict.session.close()
    by_tensor = predictor.from_saved_model(folder, input_names={"in": "x:0"}, output_names={"out": name}, tags="serve")
    assert by_tensor({"in": [2.0]})["out"] == 6.0
    with pytest.raises(ValueError, match="no signature other; there are: serving_default"):
        predictor.from_saved_model(folder, signature_def_key="other")
    with pytest.raises(ValueError, match="both be given"):
        predictor.from_saved_model(folder, input_names={"x": "x:0"})
