"""The conditional random field, against all paths counted one by one."""

import itertools
from collections.abc import Callable
from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

import numpy as np
import pytest
import tensorflow as tf

from components.estimator.contrib import crf

pytestmark = pytest.mark.slow

RANDOM = np.random.default_rng(3)
LENGTHS = np.array([4, 1, 3, 0])
INPUTS = RANDOM.normal(size=(4, 4, 3))
TRANSITIONS = RANDOM.normal(size=(3, 3))
TAGS = RANDOM.integers(0, 3, size=(4, 4))


def path_score(row: int, tags: Any) -> float:
    unary = sum(INPUTS[row, time, tag] for time, tag in enumerate(tags))
    return float(unary + sum(TRANSITIONS[a, b] for a, b in itertools.pairwise(tags)))


def all_paths(row: int) -> dict[tuple[int, ...], float]:
    return {tags: path_score(row, tags) for tags in itertools.product(range(3), repeat=int(LENGTHS[row]))}


def test_the_likelihood_is_the_share_of_the_path_among_all(in_graph: Callable[..., Any]) -> None:
    def make() -> Any:
        likelihood, transitions = crf.crf_log_likelihood(tf.constant(INPUTS), TAGS, LENGTHS, TRANSITIONS)
        assert transitions is TRANSITIONS
        return likelihood

    found = in_graph(make)
    for row in range(3):
        scores = all_paths(row)
        mine = scores[tuple(TAGS[row, : LENGTHS[row]])]
        assert found[row] == pytest.approx(mine - np.log(sum(np.exp(list(scores.values())))))
    assert found[3] == 0


def test_decoding_finds_the_best_of_all_paths(in_graph: Callable[..., Any]) -> None:
    tags, scores = in_graph(lambda: crf.crf_decode(tf.constant(INPUTS), TRANSITIONS, LENGTHS))
    for row in range(3):
        paths = all_paths(row)
        best = max(paths, key=lambda one: paths[one])
        assert tuple(tags[row, : LENGTHS[row]]) == best
        assert scores[row] == pytest.approx(paths[best])
        assert not tags[row, LENGTHS[row] :].any()
        by_numpy, score = crf.viterbi_decode(INPUTS[row, : LENGTHS[row]], TRANSITIONS)
        assert tuple(by_numpy) == best
        assert score == pytest.approx(paths[best])
    assert scores[3] == 0


def test_several_allowed_tags_sum_over_the_paths_that_hold_them(in_graph: Callable[..., Any]) -> None:
    allowed = RANDOM.random((4, 4, 3)) < 0.6
    allowed[:, :, 1] = True
    found = in_graph(lambda: crf.crf_multitag_sequence_score(tf.constant(INPUTS), allowed, LENGTHS, TRANSITIONS))
    for row in range(3):
        kept = [
            score
            for tags, score in all_paths(row).items()
            if all(allowed[row, time, tag] for time, tag in enumerate(tags))
        ]
        assert found[row] == pytest.approx(np.log(sum(np.exp(kept))))


def test_lengths_and_times_that_only_a_request_knows(in_graph: Callable[..., Any]) -> None:
    def make() -> Any:
        dynamic = tf.compat.v1.placeholder_with_default(INPUTS[:, :1], [None, None, 3])
        lengths = tf.minimum(tf.constant(LENGTHS, tf.int64), 1)
        return crf.crf_decode(dynamic, tf.constant(TRANSITIONS), lengths), crf.crf_log_norm(
            dynamic, lengths, tf.constant(TRANSITIONS)
        )

    (tags, scores), norm = in_graph(make)
    np.testing.assert_array_equal(tags[:3, 0], INPUTS[:3, 0].argmax(1))
    np.testing.assert_allclose(scores[:3], INPUTS[:3, 0].max(1))
    np.testing.assert_allclose(norm[:3], np.log(np.exp(INPUTS[:3, 0]).sum(1)))


def test_the_transitions_are_made_and_have_gradients(in_graph: Callable[..., Any]) -> None:
    def make() -> Any:
        likelihood, transitions = crf.crf_log_likelihood(tf.constant(INPUTS, tf.float32), TAGS, LENGTHS)
        assert transitions.name == "transitions:0"
        (gradient,) = tf.compat.v1.gradients(likelihood, transitions)
        return transitions, gradient

    transitions, gradient = in_graph(make)
    expected = np.zeros((3, 3))  # transitions of the given tags, less those that the model expects
    for row in range(3):
        tags = TAGS[row, : LENGTHS[row]]
        for a, b in itertools.pairwise(tags):
            expected[a, b] += 1
        paths = {
            one: sum(INPUTS[row, t, tag] for t, tag in enumerate(one))
            + sum(transitions[a, b] for a, b in itertools.pairwise(one))
            for one in itertools.product(range(3), repeat=int(LENGTHS[row]))
        }
        total = sum(np.exp(list(paths.values())))
        for one, score in paths.items():
            for a, b in itertools.pairwise(one):
                expected[a, b] -= np.exp(score) / total
    np.testing.assert_allclose(gradient, expected, atol=1e-4)
