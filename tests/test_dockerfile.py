"""The Dockerfile, as far as it can be read without Docker."""

import re
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]


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
