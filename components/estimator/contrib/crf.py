"""``tf.contrib.crf``: a linear-chain conditional random field over the tags of a sequence.

See https://www.tensorflow.org/versions/r1.15/api_docs/python/tf/contrib/crf; the model is that of Lafferty, McCallum
and Pereira (ICML 2001). The score of a tag sequence is the sum of each step's potential for its tag, and of
``transition_params[a, b]`` for each tag b that follows an a. What lies beyond a sequence's length never counts.
"""

from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

import numpy as np
import tensorflow as tf

from components.estimator.contrib.missing import attribute_error_of


def crf_unary_score(tag_indices: Any, sequence_lengths: Any, inputs: Any) -> Any:
    """Return the sum of the potentials ``[batch, time, tags]`` of the given tags ``[batch, time]``: ``[batch]``."""
    chosen = tf.gather(inputs, tf.cast(tag_indices, tf.int32), batch_dims=2)
    return tf.reduce_sum(chosen * _mask(sequence_lengths, chosen), 1)


def crf_binary_score(tag_indices: Any, sequence_lengths: Any, transition_params: Any) -> Any:
    """Return the sum of the transitions between the given tags ``[batch, time]``: ``[batch]``."""
    tags = tf.cast(tag_indices, tf.int32)
    chosen = tf.gather_nd(transition_params, tf.stack([tags[:, :-1], tags[:, 1:]], -1))
    return tf.reduce_sum(chosen * _mask(tf.cast(sequence_lengths, tf.int32) - 1, chosen), 1)


def crf_sequence_score(inputs: Any, tag_indices: Any, sequence_lengths: Any, transition_params: Any) -> Any:
    """Return the unnormalised score of the given tags: ``[batch]``; 0 for an empty sequence."""
    unary = crf_unary_score(tag_indices, sequence_lengths, inputs)
    return unary + crf_binary_score(tag_indices, sequence_lengths, transition_params)


def crf_multitag_sequence_score(inputs: Any, tag_bitmap: Any, sequence_lengths: Any, transition_params: Any) -> Any:
    """Return the log of the summed scores of all sequences whose tags are allowed: ``[batch]``.

    Args:
        inputs: Potentials ``[batch, time, tags]``.
        tag_bitmap: ``[batch, time, tags]``, True where a tag is allowed.
        sequence_lengths: ``[batch]``.
        transition_params: ``[tags, tags]``.
    """
    barred = tf.fill(tf.shape(inputs), tf.constant(float("-inf"), inputs.dtype))
    return crf_log_norm(tf.where(tf.cast(tag_bitmap, tf.bool), inputs, barred), sequence_lengths, transition_params)


def crf_log_norm(inputs: Any, sequence_lengths: Any, transition_params: Any) -> Any:
    """Return the log of the summed scores of all tag sequences: ``[batch]``; 0 for an empty one."""
    lengths = tf.cast(sequence_lengths, tf.int32)
    steps = tf.transpose(inputs, [1, 0, 2])

    def forward(alphas: Any, step: Any) -> Any:
        potentials, time = step
        following = tf.reduce_logsumexp(alphas[:, :, tf.newaxis] + transition_params, 1) + potentials
        return tf.where((time < lengths)[:, tf.newaxis], following, alphas)

    alphas = tf.foldl(forward, (steps[1:], tf.range(1, tf.shape(steps)[0])), steps[0])
    norm = tf.reduce_logsumexp(alphas, 1)
    return tf.where(lengths > 0, norm, tf.zeros_like(norm))


def crf_log_likelihood(
    inputs: Any, tag_indices: Any, sequence_lengths: Any, transition_params: Any = None
) -> tuple[Any, Any]:
    """Return the log likelihood of the given tags, and the transitions.

    Args:
        inputs: Potentials ``[batch, time, tags]``.
        tag_indices: ``[batch, time]``, integers.
        sequence_lengths: ``[batch]``, integers.
        transition_params: ``[tags, tags]``; a variable named "transitions" is made where not given.

    Returns:
        ``[batch]``, and ``[tags, tags]``.
    """
    if transition_params is None:
        tags = inputs.shape.as_list()[2]
        transition_params = tf.compat.v1.get_variable("transitions", [tags, tags])
    score = crf_sequence_score(inputs, tag_indices, sequence_lengths, transition_params)
    return score - crf_log_norm(inputs, sequence_lengths, transition_params), transition_params


def crf_decode(potentials: Any, transition_params: Any, sequence_length: Any) -> tuple[Any, Any]:
    """Find the best tags, in the graph.

    Args:
        potentials: ``[batch, time, tags]``.
        transition_params: ``[tags, tags]``.
        sequence_length: ``[batch]``, integers.

    Returns:
        Tags, int32 ``[batch, time]``, 0 beyond a sequence's length; and their scores ``[batch]``.
    """
    lengths = tf.cast(sequence_length, tf.int32)
    steps = tf.transpose(potentials, [1, 0, 2])
    count = tf.shape(steps)[2]

    def forward(state: Any, step: Any) -> tuple[Any, Any]:
        best, _ = state
        now, time = step
        scores = best[:, :, tf.newaxis] + transition_params
        goes_on = (time < lengths)[:, tf.newaxis]
        stay = tf.broadcast_to(tf.range(count), tf.shape(best))  # beyond the end each tag follows itself
        came_from = tf.where(goes_on, tf.argmax(scores, 1, output_type=tf.int32), stay)
        return tf.where(goes_on, tf.reduce_max(scores, 1) + now, best), came_from

    first = (steps[0], tf.zeros(tf.shape(steps[0]), tf.int32))
    bests, pointers = tf.scan(forward, (steps[1:], tf.range(1, tf.shape(steps)[0])), first)
    final = tf.concat([steps[:1], bests], 0)[-1]
    last = tf.argmax(final, 1, output_type=tf.int32)
    earlier = tf.scan(lambda tag, came_from: tf.gather(came_from, tag, batch_dims=1), pointers, last, reverse=True)
    tags = tf.transpose(tf.concat([earlier, last[tf.newaxis]], 0))
    score = tf.reduce_max(final, 1)
    return tags * _mask(lengths, tags), tf.where(lengths > 0, score, tf.zeros_like(score))


def viterbi_decode(score: Any, transition_params: Any) -> tuple[list[int], float]:
    """Find the best tags of one sequence, in numpy, outside a graph.

    Args:
        score: Potentials ``[time, tags]``.
        transition_params: ``[tags, tags]``.

    Returns:
        The tags, and their score.
    """
    best, pointers = np.asarray(score)[0], []
    for now in np.asarray(score)[1:]:
        scores = best[:, np.newaxis] + transition_params
        pointers.append(scores.argmax(0))
        best = scores.max(0) + now
    tags = [int(best.argmax())]
    for came_from in reversed(pointers):
        tags.append(int(came_from[tags[-1]]))
    return tags[::-1], best.max()


def _mask(lengths: Any, like: Any) -> Any:
    return tf.sequence_mask(tf.cast(lengths, tf.int32), tf.shape(like)[1], like.dtype)


__all__ = [
    "crf_binary_score",
    "crf_decode",
    "crf_log_likelihood",
    "crf_log_norm",
    "crf_multitag_sequence_score",
    "crf_sequence_score",
    "crf_unary_score",
    "viterbi_decode",
]
__getattr__ = attribute_error_of(__name__)
