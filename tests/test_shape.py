"""The shape of the house: layers, sizes and names."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CODE = [
    file
    for top in ("pipeline", "components", "data", "tests", "bench")
    for file in (ROOT / top).rglob("*.py")
    if "__pycache__" not in file.parts
]


def test_each_layer_imports_only_those_after_it() -> None:
    lint_imports = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([lint_imports, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_no_file_is_over_600_lines() -> None:
    long = {str(file.relative_to(ROOT)): count for file in CODE if (count := len(file.read_text().splitlines())) > 600}
    assert not long


def test_modules_are_small() -> None:
    sizes = sorted(len(file.read_text().splitlines()) for file in CODE if "tests" not in file.parts)
    assert sizes[len(sizes) // 2] <= 150


def test_names_say_what_is_inside() -> None:
    empty_words = {"utils", "util", "helpers", "helper", "manager", "misc", "common"}
    assert not [file for file in CODE if {file.stem, *file.relative_to(ROOT).parts} & empty_words]


def test_no_file_names_a_registry_host() -> None:
    hosts = ("pypi" + ".org", "python" + "hosted.org")
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    # uv's lock is the one exception: its format holds the address of each file.
    texts = {name: (ROOT / name).read_bytes() for name in tracked if name != "uv.lock" and (ROOT / name).is_file()}
    assert not [name for name, text in texts.items() for host in hosts if host.encode() in text]


def test_the_fast_tier_imports_no_tensorflow(request: pytest.FixtureRequest) -> None:
    if request.config.option.markexpr != "not slow":
        pytest.skip("both tiers are running")
    assert not {"tensorflow", "tfx", "apache_beam"} & set(sys.modules)
