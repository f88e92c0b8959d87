"""What an input gives: every row once in an evaluation, seeded orders in training, a share for each worker."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import components.estimator.compat  # noqa: F401  before TensorFlow

import pytest
import tensorflow as tf

from components.estimator.inputs import input_fn

pytestmark = pytest.mark.slow

ROWS = 60
SPEC = {"row": tf.io.FixedLenFeature([], tf.int64), "y": tf.io.FixedLenFeature([], tf.float32)}


def written(folder: Path, files: int, *, compressed: bool = True) -> list[str]:
    """``ROWS`` numbered rows, as evenly as it goes over so many files."""
    names = []
    for part in range(files):
        name = str(folder / f"part-{part:02}{'.gz' if compressed else ''}")
        names.append(name)
        with tf.io.TFRecordWriter(name, "GZIP" if compressed else "") as writer:
            for row in range(part, ROWS, files):
                feature = {
                    "row": tf.train.Feature(int64_list=tf.train.Int64List(value=[row])),
                    "y": tf.train.Feature(float_list=tf.train.FloatList(value=[row / 10])),
                }
                writer.write(tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString())
    return names


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., list[str]]:
    return lambda files, **how: written(tmp_path, files, **how)


def rows(
    files: list[str],
    batches: int | None = None,
    *,
    given: dict[str, Any] | None = None,
    graph_seed: int = 1,
    **how: Any,
) -> list[int]:
    """The rows that an input gives, in order; of a training's the first batches."""
    training = batches is not None
    values = {"batch_size": 7, "training": training, "shuffle_buffer": 1000, "seed": 3, **how}
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        tf.compat.v1.set_random_seed(graph_seed)
        dataset = input_fn(files, SPEC, "y", **values)(**(given or {}))
        features, label = tf.compat.v1.data.make_one_shot_iterator(dataset).get_next()
        found: list[int] = []
        while batches is None or batches > 0:
            try:
                numbers, labels = session.run([features["row"], label])
            except tf.errors.OutOfRangeError:
                break
            assert [round(10 * float(one)) for one in labels] == [int(one) for one in numbers]
            found += [int(one) for one in numbers]
            batches = None if batches is None else batches - 1
    return found


class Worker:
    """As much of a ``RunConfig`` as an input looks at."""

    def __init__(self, index: int, of: int) -> None:
        self.num_worker_replicas = of
        self.global_id_in_cluster = index


@pytest.mark.parametrize("files", [1, 2, 9, 70])
def test_an_evaluation_sees_each_row_once(files: int, write: Callable[..., list[str]]) -> None:
    assert sorted(rows(write(files))) == list(range(ROWS))


def test_an_evaluation_keeps_the_order_of_a_file(write: Callable[..., list[str]]) -> None:
    assert rows(write(1)) == list(range(ROWS))


def test_files_that_are_not_compressed_are_read_too(write: Callable[..., list[str]]) -> None:
    names = [*write(2, compressed=False)]
    assert sorted(rows(names)) == list(range(ROWS))


@pytest.mark.parametrize("files", [1, 5])
def test_training_sees_each_row_once_in_each_epoch_in_another_order(
    files: int, write: Callable[..., list[str]]
) -> None:
    seen = rows(write(files), 3 * ROWS // 6, batch_size=6)
    epochs = [seen[:ROWS], seen[ROWS : 2 * ROWS], seen[2 * ROWS :]]
    assert all(sorted(epoch) == list(range(ROWS)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 3


def test_the_order_follows_from_the_seed(write: Callable[..., list[str]]) -> None:
    files = write(5)
    assert rows(files, 20) == rows(files, 20)
    assert rows(files, 20) != rows(files, 20, seed=4)
    assert rows(files, 20) == rows(files, 20, graph_seed=2)  # a training that goes on has other random numbers


def test_a_training_that_goes_on_goes_on_in_its_order(write: Callable[..., list[str]]) -> None:
    files = write(5)
    assert rows(files, 20)[12 * 7 :] == rows(files, 8, start=12)


@pytest.mark.parametrize(("files", "workers"), [(6, 3), (7, 3), (2, 3), (1, 4)])
def test_workers_share_files_or_rows_where_there_are_fewer_files(
    files: int, workers: int, write: Callable[..., list[str]]
) -> None:
    names = write(files)
    batch = {"batch_size": 1}
    shares = []
    for index in range(workers):
        many = rows(names, 3 * ROWS, given={"config": Worker(index, workers)}, **batch)
        shares.append(set(many))
    assert set().union(*shares) == set(range(ROWS))
    assert sum(len(share) for share in shares) == ROWS, "two workers have the same row"
    assert sorted(rows(names, given={"config": Worker(1, workers)})) == list(range(ROWS))  # an evaluation is whole


def test_under_a_strategy_the_input_context_says_whose_share_it_is(write: Callable[..., list[str]]) -> None:
    names = write(4)
    shares = [rows(names, given={"input_context": tf.distribute.InputContext(2, index, 2)}) for index in range(2)]
    assert sorted(shares[0] + shares[1]) == list(range(ROWS))
    assert len(shares[0]) == len(shares[1])


def test_an_estimator_hands_over_its_configuration(write: Callable[..., list[str]], tmp_path: Path) -> None:
    """So that a worker gets its share without being told: the argument's name is what the Estimator looks for."""
    made = input_fn(write(3), SPEC, "y", batch_size=7, training=True, shuffle_buffer=9)
    config = tf.estimator.RunConfig(model_dir=str(tmp_path / "m"))
    config._num_worker_replicas, config._global_id_in_cluster = 3, 1
    estimator = tf.estimator.Estimator(lambda features, labels, mode: None, config=config)
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        dataset = estimator._call_input_fn(made, tf.estimator.ModeKeys.TRAIN)
        iterator = tf.compat.v1.data.make_one_shot_iterator(dataset)
        features, _ = iterator.get_next()
        seen = {int(row) for _ in range(9) for row in session.run(features["row"])}
    assert seen == set(range(1, ROWS, 3))


def test_no_state_costs_it_its_threads_where_operations_are_deterministic(write: Callable[..., list[str]]) -> None:
    """``enable_op_determinism`` takes the threads from a Dataset whose functions keep state, as shuffling ones do."""
    with tf.Graph().as_default() as graph:
        input_fn(write(4), SPEC, "y", batch_size=7, training=True, shuffle_buffer=1000, seed=3)()
        library = graph.as_graph_def().library
    functions = [node.op for function in library.function for node in function.node_def]
    assert "ShuffleDataset" in functions
    assert not [name for name in functions if "SeedGenerator" in name or name.startswith("ShuffleDatasetV")]
