"""What fails in user code is named by problem, function and the user's own line."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from components.user_code import place
from components.user_code.boundary import user_code
from pipeline.errors import DataError, UserCodeError

MODEL = """\
def good():
    return 1

def bad(value):
    inner = {}
    return inner[value]
"""


@pytest.fixture
def origin(tmp_path: Path) -> Iterator[Path]:
    """A problem's folder, imported from a copy elsewhere, as in a run."""
    folders = [tmp_path / "mine" / "prices", tmp_path / "copies" / "prices"]
    for folder in folders:
        folder.mkdir(parents=True)
        (folder / "__init__.py").write_text("")
        (folder / "model.py").write_text(MODEL)
    with place.restored():
        place.use_copy(tmp_path / "copies", "prices", folders[0])
        yield folders[0]


def test_the_copy_is_imported(origin: Path, tmp_path: Path) -> None:
    module = place.load("prices", "model")
    assert module.good() == 1
    assert Path(str(module.__file__)).is_relative_to(tmp_path / "copies")
    assert place.original(str(module.__file__)) == origin / "model.py"


def test_an_exception_names_the_users_line(origin: Path) -> None:
    with pytest.raises(UserCodeError) as caught, user_code("prices", "model_fn", "model"):
        place.load("prices", "model").bad("key")
    error = caught.value
    assert error.headline == "model_fn of prices raised KeyError"
    assert error.got == "'key'"
    assert error.where == f"{origin / 'model.py'}:6  return inner[value]"
    assert error.exit_code == 4


@pytest.mark.parametrize(
    ("message", "headline", "hint"),
    [
        ("module 'tensorflow' has no attribute 'layers'", "A name of TensorFlow 1", "tensorflow.compat.v1"),
        ("module 'tensorflow' has no attribute 'contrib'", "tf.contrib is gone", "components.estimator.contrib"),
        ("module 'tensorflow.compat.v1' has no attribute 'contrib'", "tf.contrib is gone", "estimator.contrib"),
        ("No module named 'tensorflow.contrib'", "tf.contrib is gone", "components.estimator.contrib"),
        ("module 'tensorflow' has no attribute 'layrs'", "model_fn of prices raised", "mend model.py"),
    ],
)
def test_a_name_of_old_code_is_answered_with_the_way_out(origin: Path, message: str, headline: str, hint: str) -> None:
    del origin
    with pytest.raises(UserCodeError) as caught, user_code("prices", "model_fn", "model"):
        raise AttributeError(message)
    assert caught.value.headline.startswith(headline)
    assert hint in str(caught.value.hint)


def test_a_line_that_only_the_message_names_is_found(origin: Path, tmp_path: Path) -> None:
    quoted = f'Graph execution error:\nFile "{tmp_path}/copies/prices/model.py", line 2, in good\nbad shape'
    place.load("prices", "model")
    with pytest.raises(UserCodeError) as caught, user_code("prices", "training", "model"):
        raise ValueError(quoted)
    assert str(caught.value.where).startswith(f"{origin / 'model.py'}:2")


def test_of_an_operation_that_fails_its_message_is_told(origin: Path, tmp_path: Path) -> None:
    text = (
        "Graph execution error:\n\nDetected at node 'G' defined at (most recent call last):\n"
        f'    File "<frozen runpy>", line 198, in _run\n    File "{tmp_path}/copies/prices/model.py", line 2, in good\n'
        "Node: 'G'\nindices[0] = 70 is not in [0, 2)\n\t [[{{node G}}]]\n\nOriginal stack trace for 'G':\n"
    )
    place.load("prices", "model")
    with pytest.raises(UserCodeError) as caught, user_code("prices", "training", "model"):
        raise ValueError(text)
    assert caught.value.got == "indices[0] = 70 is not in [0, 2)"


def test_a_syntax_error_names_its_line(origin: Path, tmp_path: Path) -> None:
    (tmp_path / "copies" / "prices" / "broken.py").write_text("a = 1\ndef x(:\n")
    with pytest.raises(UserCodeError) as caught, user_code("prices", "importing broken.py", "broken"):
        place.load("prices", "broken")
    assert caught.value.headline == "importing broken.py of prices raised SyntaxError"
    assert f"{origin / 'broken.py'}:2" in str(caught.value.where)


def test_a_full_disk_is_no_fault_of_the_users(origin: Path) -> None:
    with pytest.raises(RuntimeError), user_code("prices", "training", "model"):
        raise RuntimeError(f"{origin}/model.ckpt.data; No space left on device")


def test_errors_of_ours_pass_as_they_are(origin: Path) -> None:
    mine = DataError("mine")
    with pytest.raises(DataError) as caught, user_code("prices", "model_fn", "model"):
        raise mine
    assert caught.value is mine
    assert origin.exists()
