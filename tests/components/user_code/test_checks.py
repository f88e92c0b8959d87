"""Faults of a problem's code that can be told without running it."""

from pathlib import Path

import pytest

from components.user_code.checks import check_code, texts
from pipeline.errors import UserCodeError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "preprocessing.py").write_text("def preprocessing_fn(inputs):\n    return inputs\n")
    (tmp_path / "model.py").write_text("def model_fn(features, labels, mode, params):\n    pass\n")
    return tmp_path


def fault(folder: Path) -> UserCodeError:
    with pytest.raises(UserCodeError) as caught:
        check_code("prices", folder)
    return caught.value


def test_good_code_passes(folder: Path) -> None:
    check_code("prices", folder)


@pytest.mark.parametrize(
    "text",
    [
        "from .net import model_fn\n",
        "from .net import network as model_fn\n",
        "from .net import *\n",
        "model_fn = make()\n",
        "if True:\n    def model_fn(features, labels): ...\n",
    ],
)
def test_a_function_may_come_from_elsewhere(folder: Path, text: str) -> None:
    (folder / "model.py").write_text(text)
    check_code("prices", folder)


def test_a_missing_module_is_said_to_be_missing(folder: Path) -> None:
    (folder / "model.py").unlink()
    error = fault(folder)
    assert error.headline == "model.py of prices is not there"
    assert error.where == str(folder / "model.py")


def test_another_name_is_refused_with_those_that_are_there(folder: Path) -> None:
    (folder / "preprocessing.py").write_text("def preprocess_fn(inputs): ...\n")
    error = fault(folder)
    assert error.headline == "preprocessing.py of prices defines no preprocessing_fn"
    assert error.got == "preprocess_fn"


def test_a_syntax_error_names_its_line(folder: Path) -> None:
    (folder / "model.py").write_text("a = 1\ndef model_fn(:\n")
    error = fault(folder)
    assert error.headline == "importing model.py of prices raised SyntaxError"
    assert str(error.where).startswith(f"{folder / 'model.py'}:2")


def test_the_texts_that_code_writes_are_found_where_it_imports_from(folder: Path) -> None:
    (folder / "features.py").write_text('LABEL = "big_tip"  # of fare\nSHARE = 0.2\n')
    (folder / "notes.py").write_text('OTHER = "elsewhere"\n')
    assert texts(folder, "preprocessing") == frozenset()
    (folder / "preprocessing.py").write_text("from . import features\n")
    assert texts(folder, "preprocessing") == frozenset({"big_tip"})
    (folder / "features.py").write_text("def (")
    assert texts(folder, "preprocessing") is None
