"""The Dockerfile, as far as it can be read without Docker."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from packaging.markers import Marker
from packaging.utils import parse_wheel_filename

PROJECT = Path(__file__).resolve().parents[1]
EXTRAS = ("postgresql", "mysql")
BUILT = {  # what has no wheel, and so is built in the image: why that works there
    "google-apitools": "Python alone",
    "pyfarmhash": "C++, for which the stage has a compiler",
    "rouge-score": "Python alone",
}
MACHINE = {  # for markers
    **{"sys_platform": "linux", "platform_system": "Linux", "platform_machine": "x86_64", "os_name": "posix"},
    **{"python_version": "3.11", "python_full_version": "3.11.9", "implementation_name": "cpython", "extra": ""},
    "platform_python_implementation": "CPython",
}


def test_what_it_copies_by_name_is_there_and_not_ignored() -> None:
    text = (PROJECT / "Dockerfile").read_text()
    sources = {source for line in re.findall(r"^COPY (?!--)(.*)$", text, re.MULTILINE) for source in line.split()[:-1]}
    assert "." in sources
    assert all((PROJECT / source).exists() for source in sources)
    assert not sources & set((PROJECT / ".dockerignore").read_text().split("\n"))


def test_what_git_ignores_is_not_in_the_image() -> None:
    ours = {line.strip("/") for line in (PROJECT / ".gitignore").read_text().split() if line.startswith((".", "/"))}
    ignored = set((PROJECT / ".dockerignore").read_text().split("\n"))
    assert ours - ignored == set()
    assert ".git" in ignored


def test_both_stages_have_the_python_that_the_project_is_for() -> None:
    stages = re.findall(r"^FROM (\S+)", (PROJECT / "Dockerfile").read_text(), re.MULTILINE)
    assert stages == ["python:3.11-slim"] * 2  # the environment's interpreter is a link to that of the other stage
    assert 'requires-python = ">=3.11,<3.12"' in (PROJECT / "pyproject.toml").read_text()


def test_what_the_image_has_to_build_is_known_and_can_be_built() -> None:
    missing = {one["name"] for one in installed() if not any(map(is_usable, one.get("wheels", [])))}
    assert missing == set(BUILT)
    first, second = re.split(r"^FROM ", (PROJECT / "Dockerfile").read_text(), flags=re.MULTILINE)[1:]
    assert first.index("g++") < first.index("uv sync")
    assert "apt-get" not in second


def test_the_environments_layer_does_not_depend_on_the_code() -> None:
    copied = re.findall(r"^COPY (.*)$", (PROJECT / "Dockerfile").read_text(), re.MULTILINE)
    assert copied[-2:] == ["--from=built /app/.venv .venv", ". ."]
    assert ".venv" in (PROJECT / ".dockerignore").read_text().split("\n")  # or the second would replace the first


def installed() -> Iterator[Any]:
    """The locked packages that the image gets, as uv.lock has them."""
    text = (PROJECT / "Dockerfile").read_text()
    assert all(f"--extra {one}" in text for one in EXTRAS)
    locked: dict[str, list[Any]] = {}
    for one in tomllib.loads((PROJECT / "uv.lock").read_text())["package"]:
        locked.setdefault(one["name"], []).append(one)
    [project] = locked["estimator-pipeline"]
    wanted, seen = [*project["dependencies"]], set[tuple[str, str]]()
    wanted += [one for extra in EXTRAS for one in project["optional-dependencies"][extra]]
    while wanted:
        given = wanted.pop()
        if "marker" in given and not Marker(given["marker"]).evaluate(MACHINE):
            continue
        for one in locked[given["name"]]:
            if given.get("version", one["version"]) != one["version"]:
                continue
            for extra in given.get("extra", []):
                wanted += one.get("optional-dependencies", {}).get(extra, [])
            if (one["name"], one["version"]) not in seen:
                seen.add((one["name"], one["version"]))
                wanted += one.get("dependencies", [])
                yield one
    assert len(seen) > 100


def is_usable(wheel: Any) -> bool:
    """Whether CPython 3.11 takes it, on Linux with glibc and x86_64."""
    name = wheel["url"].rpartition("/")[2]
    for tag in parse_wheel_filename(name)[3]:
        stable = tag.abi == "abi3" and re.fullmatch(r"cp3([0-9]|10|11)", tag.interpreter)
        python = stable or (tag.interpreter in ("cp311", "py311", "py3") and tag.abi in ("cp311", "none"))
        if python and re.fullmatch(r"any|(many)?linux.*_x86_64", tag.platform):
            return True
    return False
