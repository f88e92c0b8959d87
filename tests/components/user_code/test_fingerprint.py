"""What a node's code hashes to: the files that its module reaches, and nothing else."""

from pathlib import Path

import pytest

from components.user_code.fingerprint import component_code, problem_code, reachable


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    problem = tmp_path / "prices"
    (problem / "parts").mkdir(parents=True)
    files = {
        "__init__.py": "",
        "features.py": "A = 1\n",
        "preprocessing.py": "from . import features\nimport tensorflow as tf\n",
        "model.py": "from .features import A\nfrom pipeline.problems.prices.parts.tower import tower\n",
        "parts/__init__.py": "",
        "parts/tower.py": "from ..features import A\n",
        "pipeline.toml": "label = 'x'\n",
        "schema.pbtxt": "",
        "README.md": "",
        "words.txt": "a\n",
    }
    for name, text in files.items():
        (problem / name).write_text(text)
    return problem


def names(folder: Path, entry: str) -> set[str]:
    return {file.relative_to(folder).as_posix() for file in reachable(folder, entry)}


def test_imports_are_followed_within_the_folder(folder: Path) -> None:
    assert names(folder, "preprocessing") == {"__init__.py", "features.py", "preprocessing.py", "words.txt"}
    assert names(folder, "model") == {
        "__init__.py",
        "features.py",
        "model.py",
        "parts/__init__.py",
        "parts/tower.py",
        "words.txt",
    }


@pytest.mark.parametrize(
    ("changed", "transform", "trainer"),
    [
        ("model.py", False, True),
        ("preprocessing.py", True, False),
        ("features.py", True, True),
        ("parts/tower.py", False, True),
        ("words.txt", True, True),
        ("pipeline.toml", False, False),
        ("README.md", False, False),
    ],
)
def test_a_changed_line_changes_only_who_reaches_it(folder: Path, changed: str, transform: bool, trainer: bool) -> None:
    before = problem_code(folder, "preprocessing"), problem_code(folder, "model")
    with (folder / changed).open("a") as file:
        file.write("# one more line\n")
    after = problem_code(folder, "preprocessing"), problem_code(folder, "model")
    assert (before[0] != after[0], before[1] != after[1]) == (transform, trainer)


def test_computed_imports_make_all_code_count(folder: Path) -> None:
    (folder / "preprocessing.py").write_text("import importlib\n")
    assert "model.py" in names(folder, "preprocessing")


def test_code_that_does_not_parse_makes_all_code_count(folder: Path) -> None:
    (folder / "preprocessing.py").write_text("def broken(\n")
    assert "model.py" in names(folder, "preprocessing")


def test_components_hash_apart() -> None:
    assert component_code("transform") != component_code("trainer")
    assert component_code("transform") == component_code("transform")
