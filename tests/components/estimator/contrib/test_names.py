"""Under which names tf.contrib is found, and what is said of a name that is not there."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]

PROMISED = """
layers: optimize_loss fully_connected stack batch_norm layer_norm xavier_initializer l1_regularizer l2_regularizer
layers: real_valued_column embed_sequence
framework: get_or_create_global_step get_global_step nest sort
lookup: index_table_from_tensor index_table_from_file index_to_string_table_from_file
estimator: add_metrics forward_features stop_if_no_decrease_hook regression_head binary_classification_head
estimator: multi_class_head multi_label_head multi_head poisson_regression_head logistic_regression_head
rnn: BasicLSTMCell LSTMCell GRUCell MultiRNNCell static_rnn stack_bidirectional_dynamic_rnn
data: AUTOTUNE map_and_batch shuffle_and_repeat
training: HParams
metrics: f1_score streaming_accuracy streaming_mean streaming_auc streaming_precision streaming_recall
crf: crf_log_likelihood crf_decode viterbi_decode
predictor: from_saved_model
tpu: TPUEstimator TPUEstimatorSpec TPUConfig RunConfig CrossShardOptimizer
"""


@pytest.mark.slow
def test_every_promised_name_is_there_by_each_way_of_importing() -> None:
    contrib = importlib.import_module("components.estimator.contrib")
    tf = importlib.import_module("tensorflow")
    assert tf.contrib is contrib
    assert tf.compat.v1.contrib is contrib
    for line in PROMISED.strip().splitlines():
        space, names = line.split(": ")
        module = importlib.import_module(f"tensorflow.contrib.{space}")
        assert module is getattr(tf.contrib, space)
        assert module is importlib.import_module(f"tensorflow.compat.v1.contrib.{space}")
        assert set(names.split()) <= set(module.__all__)
    for space in contrib.__all__:
        module = getattr(contrib, space)
        assert all(getattr(module, name) is not None for name in module.__all__)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("import tensorflow.contrib.slim", "tf-slim"),
        ("import tensorflow.contrib.slim as slim", "tf-slim"),
        ("from tensorflow.contrib import slim", "tf-slim"),
        ("from tensorflow.contrib import seq2seq", "dynamic_rnn"),
        ("from tensorflow.contrib.layers import conv2d", "tf.compat.v1.layers.conv2d"),
        ("from tensorflow.contrib.layers.python.layers import optimizers", "from tensorflow.contrib import layers"),
        ("from tensorflow.contrib.rnn import LSTMBlockFusedCell", "dynamic_rnn"),
        ("from tensorflow.contrib.rnn.python.ops import core_rnn_cell", "from tensorflow.contrib import rnn"),
        ("import tensorflow.contrib.nothing_of_the_kind", "TensorFlow 2.0 dropped it"),
    ],
)
def test_a_missing_import_names_its_replacement(code: str, says: str) -> None:
    importlib.import_module("components.estimator.contrib")
    with pytest.raises(ImportError, match=r"^tf\.contrib\.") as caught:
        exec(code)
    assert says in str(caught.value)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("slim", "tf-slim"),
        ("learn", "tf.estimator"),
        ("lookups", "did you mean tf.contrib.lookup?"),
        ("layers.fully_conected", "did you mean tf.contrib.layers.fully_connected?"),
        ("crf.viterbi", "did you mean tf.contrib.crf.viterbi_decode?"),
        ("rnn.LSTMBlockCell", "LSTMCell"),
        ("rnn.zzz", "tf.compat.v1.nn.rnn_cell"),
    ],
)
def test_a_missing_attribute_names_its_replacement(name: str, says: str) -> None:
    value = importlib.import_module("components.estimator.contrib")
    *spaces, leaf = name.split(".")
    for space in spaces:
        value = getattr(value, space)
    assert not hasattr(value, leaf)
    with pytest.raises(AttributeError) as caught:
        getattr(value, leaf)
    assert says in str(caught.value)


@pytest.mark.slow
def test_what_replaces_a_name_is_there() -> None:
    """Each plain tf.x.y in the table can be found: advice that leads nowhere is worse than none."""
    missing = importlib.import_module("components.estimator.contrib.missing")
    tf = importlib.import_module("tensorflow")
    import re

    for name, advice in missing.REPLACEMENTS.items():
        for path in re.findall(r"\btf((?:\.\w+)+)(?![\w*])", advice):
            value = tf
            for part in path.strip(".").split("."):
                if part.endswith("_") or part == "":
                    break
                assert hasattr(value, part), f"{name}: tf{path}"
                value = getattr(value, part)


@pytest.mark.slow
def test_without_opting_in_there_is_no_contrib() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-W",
            "ignore",
            "-c",
            "import components.estimator.compat, tensorflow as tf; print(hasattr(tf, 'contrib'));"
            "import components.estimator.contrib; print(tf.contrib.layers.__name__)",
        ],
        env={**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.stdout.split() == ["False", "components.estimator.contrib.layers"], done.stderr
