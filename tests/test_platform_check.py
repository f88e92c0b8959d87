"""An unsupported machine gets one sentence."""

import importlib.util
import shutil
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]
GOOD = ((3, 11, 7), "Linux", "x86_64", ("glibc", "2.36"))


@pytest.fixture(scope="module")
def check() -> ModuleType:
    spec = importlib.util.spec_from_file_location("platform_check", ROOT / ".ci" / "platform_check.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_supported_machine_gets_none(check: ModuleType) -> None:
    assert check.complaint(*GOOD) is None
    assert check.complaint((3, 11, 0), "Linux", "x86_64", ("glibc", "2.17")) is None


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        (0, (3, 12, 1), "Python 3.12"),
        (0, (3, 9, 18), "Python 3.9"),
        (1, "Darwin", "Darwin on x86_64"),
        (2, "aarch64", "Linux on aarch64"),
        (3, ("glibc", "2.16"), "glibc 2.16"),
        (3, ("", ""), "a C library that is not glibc"),
    ],
)
def test_anything_else_gets_one_sentence(check: ModuleType, place: int, value: object, words: str) -> None:
    machine = list(GOOD)
    machine[place] = value  # type: ignore[call-overload]
    sentence = check.complaint(*machine)
    assert words in sentence
    assert "supports Python 3.11 on x86-64 Linux with glibc 2.17 or newer" in sentence
    assert "\n" not in sentence


def test_an_unsupported_python_is_refused_by_the_bootstrap() -> None:
    other = next(iter(sorted(Path("/root/.pyenv/versions").glob("3.12*/bin/python"))), None) or shutil.which(
        "python3.12"
    )
    if other is None:
        pytest.skip("no Python but 3.11 on this machine")
    done = subprocess.run(
        [ROOT / ".ci" / "bootstrap"],
        env={"PYTHON": str(other), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        check=False,
        text=True,
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "this is Python 3.12" in done.stderr
