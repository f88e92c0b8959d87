"""What was made outside the graph that an Estimator works in is answered with the slip, the line and the way out."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import components.estimator.compat  # noqa: F401  before TensorFlow

import pytest
import tensorflow as tf

from components.estimator.task import Task
from components.estimator.training import train_and_evaluate
from pipeline.config.model import Training
from pipeline.errors import UserCodeError
from tests.components import problem_folder

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).parents[3]
TOP = """\
import tensorflow as tf

v1 = tf.compat.v1
DATA = tf.data.Dataset.from_tensor_slices(({"x": tf.ones([64, 2])}, tf.ones([64, 1]))).repeat().batch(8)
ITERATOR = iter(DATA)
WEIGHTS = tf.constant([1.0, 2.0])
LAYER = tf.keras.layers.Dense(1, kernel_initializer="zeros")
LAYER.build([None, 2])

class Looks(tf.estimator.SessionRunHook):
    def before_run(self, run_context):
        return tf.estimator.SessionRunArgs(WEIGHTS)

def spec(mode, guess, labels, hooks=()):
    loss = tf.reduce_mean(tf.square(guess - tf.reshape(labels, [-1, 1])))
    train_op = v1.train.GradientDescentOptimizer(0.1).minimize(loss, v1.train.get_global_step())
    return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=train_op, training_hooks=list(hooks))

"""
MODEL = (
    TOP
    + """\
def model_fn(features, labels, mode):
    more = MORE
    return spec(mode, v1.layers.dense(features["x"], 1) + more, labels, HOOKS)
"""
)
INSIDE = (
    TOP
    + """\
def plain(features, labels, mode):
    return spec(mode, v1.layers.dense(features["x"], 1), labels)

def build_estimator(config):
    estimator = tf.estimator.Estimator(plain, config=config)
    estimator.train(INPUT_FN, steps=1)
    return estimator
"""
)
SPEC = {"x": tf.io.FixedLenFeature([2], tf.float32), "y": tf.io.FixedLenFeature([1], tf.float32)}


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    name = str(tmp_path_factory.mktemp("rows") / "rows.gz")
    with tf.io.TFRecordWriter(name, "GZIP") as writer:
        feature = {
            "x": tf.train.Feature(float_list=tf.train.FloatList(value=[1, 2])),
            "y": tf.train.Feature(float_list=tf.train.FloatList(value=[3])),
        }
        writer.write(tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString())
    return [name]


@pytest.fixture
def problem(tmp_path: Path) -> Iterator[Path]:
    """The file model.py of a problem named slips, which a person knows under another path than the run."""
    with problem_folder.written(tmp_path, "slips", known_as=tmp_path / "mine") as model_file:
        yield model_file


def answer(problem: Path, text: str, rows: list[str], model_dir: Path) -> UserCodeError:
    problem.write_text(text)
    settings = Training(train_steps=2, batch_size=1)
    with pytest.raises(UserCodeError) as caught:
        train_and_evaluate(Task("slips", "y", rows, rows, SPEC, settings, model_dir))
    return caught.value


def line_of(text: str, piece: str) -> int:
    return next(n for n, line in enumerate(text.splitlines(), start=1) if piece in line)


@pytest.mark.parametrize(
    ("more", "answered"),
    [
        ("v1.data.make_one_shot_iterator(DATA).get_next()[1]", ("A Dataset was made outside", "inside the function")),
        ("v1.data.make_initializable_iterator(DATA).get_next()[1]", ("A Dataset was made outside", "def input_fn()")),
        (
            "v1.data.make_one_shot_iterator(DATA.take(1)).get_next()[1]",
            ("A Dataset was made outside", "def input_fn()"),
        ),
        ("next(iter(DATA))[1]", ("A Dataset is iterated as Python does", "make_one_shot_iterator")),
        ("next(ITERATOR)[1]", ("An iterator of a Dataset made outside", "return the Dataset itself")),
        ("tf.reduce_sum(WEIGHTS)", ("A tensor, variable or Dataset was made outside", "numpy arrays")),
        ("LAYER(features['x'])", ("A Keras layer was made outside", "inside model_fn")),
    ],
)
def test_a_slip_in_model_fn_is_named_with_its_line(
    more: str, answered: tuple[str, str], problem: Path, rows: list[str], tmp_path: Path
) -> None:
    headline, hint = answered
    if more.startswith("LAYER"):  # its weights are made eagerly, at the first use
        more = "(LAYER(tf.ones([1, 2])), LAYER(features['x']))[1]"
    text = (
        MODEL.replace("MORE", more).replace("HOOKS", "()").replace("Dense(1)\n", "Dense(1)\nLAYER.build([None, 2])\n")
    )
    error = answer(problem, text, rows, tmp_path / "m")
    assert error.headline.startswith(headline), error.render()
    assert hint in str(error.hint)
    assert str(error.where).startswith(f"{tmp_path / 'mine' / 'model.py'}:{line_of(text, 'more = ')}  more = ")


def test_a_slip_in_a_hook_is_named(problem: Path, rows: list[str], tmp_path: Path) -> None:
    error = answer(problem, MODEL.replace("MORE", "0.0").replace("HOOKS", "[Looks()]"), rows, tmp_path / "m")
    assert error.headline.startswith("A tensor, variable or Dataset was made outside"), error.render()


@pytest.mark.parametrize(
    ("input_fn", "headline"),
    [
        ("lambda: DATA", "A Dataset was made outside its input_fn"),
        ("lambda: DATA.map(lambda a, b: (a, b))", "A Dataset was made outside its input_fn"),
        ("lambda: next(ITERATOR)", "An iterator of a Dataset made outside"),
        ("DATA", "input_fn is a Dataset"),
    ],
)
def test_an_input_fn_of_ones_own_that_slips_is_named(
    input_fn: str, headline: str, problem: Path, rows: list[str], tmp_path: Path
) -> None:
    text = INSIDE.replace("INPUT_FN", input_fn)
    error = answer(problem, text, rows, tmp_path / "m")
    assert error.headline.startswith(headline), error.render()
    assert "def input_fn()" in str(error.hint or "") + str(error.expected or "")
    if input_fn.startswith("lambda"):
        assert str(error.where).startswith(f"{tmp_path / 'mine' / 'model.py'}:{line_of(text, 'estimator.train(')}  ")
        assert str(error.got).startswith(("DATA (a Dataset) of model.py", "ITERATOR (an iterator) of model.py"))


def test_a_script_of_ones_own_is_answered_too(tmp_path: Path) -> None:
    script = tmp_path / "mine.py"
    script.write_text(
        "import components.estimator.compat\n"
        + INSIDE.replace("INPUT_FN", "lambda: DATA").replace("config=config", "model_dir='m'").replace("(config)", "()")
        + "\nbuild_estimator()\n"
    )
    ended = subprocess.run(
        [sys.executable, str(script)],
        cwd=tmp_path,
        env={"PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    said = ended.stderr
    assert "UserCodeError: A Dataset was made outside its input_fn" in said
    assert "make the Dataset inside the function" in said
    assert f"{script}:{line_of(script.read_text(), 'estimator.train(')}" in said


def test_a_dataset_made_inside_is_left_alone(problem: Path, rows: list[str], tmp_path: Path) -> None:
    made = TOP[TOP.index("DATA = ") :].partition("\n")[0].removeprefix("DATA = ")
    problem.write_text(INSIDE.replace("INPUT_FN", f"lambda: {made}"))
    settings = Training(train_steps=2, batch_size=1)
    _, metrics = train_and_evaluate(Task("slips", "y", rows, rows, SPEC, settings, tmp_path / "m"))
    assert metrics["global_step"] == 2
