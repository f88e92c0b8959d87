"""What the tests of the old names share: a graph with a session, as an Estimator has."""

from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture
def in_graph() -> Callable[[Callable[[], Any]], Any]:
    """Build tensors in a graph of their own, and return their values."""
    import tensorflow as tf  # here, so that the fast tier, which loads this file, does not

    def run(make: Callable[[], Any], times: int = 1) -> Any:
        v1 = tf.compat.v1
        with tf.Graph().as_default():
            v1.set_random_seed(1)
            wanted = make()
            with v1.Session() as session:
                session.run([v1.global_variables_initializer(), v1.local_variables_initializer()])
                session.run(v1.tables_initializer())
                for _ in range(times):
                    value = session.run(wanted)
                return value

    return run
