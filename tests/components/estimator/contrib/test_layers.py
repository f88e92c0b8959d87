"""Layers, regularizers and columns, against numpy and arithmetic."""

from collections.abc import Callable
from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

import numpy as np
import pytest
import tensorflow as tf

from components.estimator.contrib import framework, layers

pytestmark = pytest.mark.slow
v1 = tf.compat.v1
Run = Callable[..., Any]

X = np.random.default_rng(5).normal(size=(6, 4)).astype(np.float32)


def variable(name: str) -> Any:
    (found,) = [one for one in v1.global_variables() if one.op.name == name]
    return found


def test_fully_connected_is_relu_of_a_product(in_graph: Run) -> None:
    def make() -> Any:
        outputs = layers.fully_connected(
            X,
            3,
            biases_initializer=v1.constant_initializer(0.25),
            weights_regularizer=layers.l2_regularizer(0.5),
            biases_regularizer=layers.l1_regularizer(0.1),
        )
        assert outputs.shape.as_list() == [6, 3]
        assert [one.op.name for one in framework.get_model_variables()] == [
            "fully_connected/weights",
            "fully_connected/biases",
        ]
        return outputs, variable("fully_connected/weights"), v1.losses.get_regularization_losses()

    outputs, weights, losses = in_graph(make)
    np.testing.assert_allclose(outputs, np.maximum(X @ weights + 0.25, 0), rtol=1e-5)
    np.testing.assert_allclose(losses, [0.5 * (weights**2).sum() / 2, 0.1 * 3 * 0.25], rtol=1e-5)
    assert np.abs(weights).max() <= np.sqrt(6 / (4 + 3))


def test_fully_connected_acts_on_the_last_axis_and_can_be_reused(in_graph: Run) -> None:
    def make() -> Any:
        cube = tf.reshape(tf.constant(X), [2, 3, 4])
        first = layers.linear(cube, 2, scope="same", normalizer_fn=lambda x, by: x * by, normalizer_params={"by": 3.0})
        flat = layers.fully_connected(X, 2, None, biases_initializer=None, scope="same", reuse=True)
        assert len(v1.global_variables()) == 1
        return first, flat

    first, flat = in_graph(make)
    np.testing.assert_allclose(first.reshape(6, 2), 3 * flat, rtol=1e-5)


def test_stack_numbers_its_layers(in_graph: Run) -> None:
    def make() -> Any:
        layers.stack(X, layers.fully_connected, [5, 3], scope="fc")
        layers.stack(X, layers.fully_connected, [(5, None), [2]])
        return [one.op.name for one in v1.trainable_variables()]

    with tf.Graph().as_default():
        assert make() == [
            f"{scope}_{number}/{kind}"
            for scope in ("fc/fc", "Stack/fully_connected")
            for number in (1, 2)
            for kind in ("weights", "biases")
        ]


@pytest.mark.parametrize(("first", "params"), [(1, -1), (2, 1), (-1, -1)])
def test_layer_norm_is_numpys(in_graph: Run, first: int, params: int) -> None:
    cube = np.random.default_rng(1).normal(2.0, 3.0, size=(4, 5, 6)).astype(np.float32)

    def make() -> Any:
        outputs = layers.layer_norm(cube, begin_norm_axis=first, begin_params_axis=params)
        beta, gamma = (variable(f"LayerNorm/{name}") for name in ("beta", "gamma"))
        assert beta.shape.as_list() == gamma.shape.as_list() == list(cube.shape[params:])
        with tf.control_dependencies([outputs, beta.assign(beta + 0.5), gamma.assign(gamma * 2)]):
            return outputs, layers.layer_norm(
                cube, begin_norm_axis=first, begin_params_axis=params, scope="LayerNorm", reuse=True
            )

    axes = tuple(range(first % 3, 3))
    outputs, moved = in_graph(make)
    expected = (cube - cube.mean(axes, keepdims=True)) / cube.std(axes, keepdims=True)
    np.testing.assert_allclose(outputs, expected, atol=1e-4)
    np.testing.assert_allclose(moved, 2 * expected + 0.5, atol=1e-4)


def test_batch_norm_moves_its_averages_and_uses_them(in_graph: Run) -> None:
    def make() -> Any:
        training = layers.batch_norm(X, decay=0.9, scale=True, is_training=True, scope="bn")
        updates = v1.get_collection(v1.GraphKeys.UPDATE_OPS)
        assert len(updates) == 2
        names = sorted(one.op.name for one in v1.global_variables())
        assert names == ["bn/beta", "bn/gamma", "bn/moving_mean", "bn/moving_variance"]
        with tf.control_dependencies(updates):
            serving = layers.batch_norm(X, decay=0.9, scale=True, is_training=False, scope="bn", reuse=True)
        assert len(v1.get_collection(v1.GraphKeys.UPDATE_OPS)) == 2
        with tf.control_dependencies([serving]):
            mean = tf.identity(variable("bn/moving_mean").read_value())
            variance = tf.identity(variable("bn/moving_variance").read_value())
        return training, mean, variance

    training, mean, variance = in_graph(make)
    np.testing.assert_allclose(training, (X - X.mean(0)) / np.sqrt(X.var(0) + 0.001), atol=1e-4)
    np.testing.assert_allclose(mean, 0.1 * X.mean(0), rtol=1e-4)
    np.testing.assert_allclose(variance, 0.9 + 0.1 * X.var(0), rtol=1e-4)


def test_batch_norm_updates_in_place_where_there_is_no_collection(in_graph: Run) -> None:
    def make() -> Any:
        outputs = layers.batch_norm(X, decay=0.5, updates_collections=None, activation_fn=tf.nn.relu)
        assert not v1.get_collection(v1.GraphKeys.UPDATE_OPS)
        with tf.control_dependencies([outputs]):
            return tf.identity(variable("BatchNorm/moving_mean").read_value())

    np.testing.assert_allclose(in_graph(make, times=2), 0.75 * X.mean(0), rtol=1e-4)


def test_regularizers_refuse_what_cannot_be_meant() -> None:
    for regularizer in (layers.l1_regularizer, layers.l2_regularizer):
        with pytest.raises(ValueError, match="integer"):
            regularizer(1)
        with pytest.raises(ValueError, match="less than 0"):
            regularizer(-0.1)
        assert regularizer(0.0)(X) is None
    assert layers.sum_regularizer([]) is None


def test_regularizers_add_up(in_graph: Run) -> None:
    weights = np.array([1.0, -2.0], np.float32)

    def make() -> Any:
        both = layers.l1_l2_regularizer(0.1, 0.3)(tf.constant(weights))
        return both, layers.apply_regularization(layers.l1_regularizer(0.5), [tf.constant(weights)] * 2)

    np.testing.assert_allclose(in_graph(make), [0.1 * 3 + 0.3 * 2.5, 3.0], rtol=1e-6)


@pytest.mark.parametrize("uniform", [True, False])
def test_xavier_has_the_variance_it_should(in_graph: Run, uniform: bool) -> None:
    weights = in_graph(lambda: v1.get_variable("w", [200, 400], initializer=layers.xavier_initializer(uniform, seed=3)))
    assert weights.var() == pytest.approx(2 / 600, rel=0.05)
    if uniform:
        assert np.abs(weights).max() <= np.sqrt(6 / 600)


@pytest.mark.parametrize("unique", [False, True])
def test_embed_sequence_looks_each_symbol_up(in_graph: Run, unique: bool) -> None:
    ids = np.array([[1, 0, 1], [4, 4, 2]])

    def make() -> Any:
        outputs = layers.embed_sequence(ids, vocab_size=5, embed_dim=7, unique=unique, scope="words")
        again = layers.embed_sequence(ids, unique=unique, scope="words", reuse=True)
        assert outputs.shape.as_list() == [2, 3, 7]
        return outputs, again, variable("words/embeddings")

    outputs, again, embeddings = in_graph(make)
    np.testing.assert_array_equal(outputs, embeddings[ids])
    np.testing.assert_array_equal(outputs, again)
    with pytest.raises(ValueError, match="vocab size"):
        layers.embed_sequence(ids)


def test_dropout_and_flatten(in_graph: Run) -> None:
    ones = np.ones((10, 20, 5), np.float32)

    def make() -> Any:
        return layers.flatten(layers.dropout(ones, 0.8)), layers.dropout(ones, 0.8, is_training=False)

    dropped, kept = in_graph(make)
    assert dropped.shape == (10, 100)
    assert set(np.round(np.unique(dropped), 5)) == {0.0, 1.25}
    np.testing.assert_array_equal(kept, ones)


def test_columns_by_their_old_names(in_graph: Run) -> None:
    age = layers.real_valued_column("age", normalizer=lambda x: x / 10.0)
    kind = layers.sparse_column_with_keys("kind", ["a", "b"])
    hashed = layers.sparse_column_with_hash_bucket("city", 50)
    dense = [
        layers.bucketized_column(layers.real_valued_column("size"), [1.0, 2.0]),
        layers.one_hot_column(kind),
        age,
        layers.one_hot_column(layers.crossed_column([hashed, kind], 3)),
        layers.embedding_column(hashed, 2),
        layers.one_hot_column(layers.sparse_column_with_integerized_feature("code", 2)),
    ]
    rows = {"age": [[20.0], [30.0]], "size": [[0.5], [2.5]], "kind": [["b"], ["?"]], "city": [["x"], ["y"]]}
    rows["code"] = [[1], [0]]
    outputs = in_graph(
        lambda: layers.input_from_feature_columns({name: tf.constant(value) for name, value in rows.items()}, dense)
    )
    assert outputs.shape == (2, 3 + 2 + 1 + 3 + 2 + 2)
    # Sorted by name: age, city_X_kind (a cross), city (an embedding), code, kind, size.
    np.testing.assert_allclose(outputs[:, 0], [2.0, 3.0])
    assert sorted(outputs[0, 1:4]) == [0, 0, 1]
    np.testing.assert_allclose(outputs[:, 6:8], [[0, 1], [1, 0]])
    np.testing.assert_allclose(outputs[:, 8:10], [[0, 1], [0, 0]])
    np.testing.assert_allclose(outputs[:, 10:], [[1, 0, 0], [0, 0, 1]])
    assert set(layers.create_feature_spec_for_parsing(dense)) == set(rows)
