"""One workspace with one pushed version, in which bad input then tries to do harm.

Every test runs the real command line in a process of its own. ``site`` is shared by all of tests/e2e: a test that
changes a file of it puts it back.
"""

import shutil
from pathlib import Path

import pytest

from tests.e2e.site import Ended, Site, census, text_of


@pytest.fixture(scope="session")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """The problem and its data; nothing has run yet."""
    root = tmp_path_factory.mktemp("site")
    problem = root / "flats"
    shutil.copytree(Path(__file__).parent / "problem" / "flats", problem, ignore=shutil.ignore_patterns("__pycache__"))
    data = root / "rows.csv"
    data.write_bytes(text_of(census()))
    return Site(problem, data, root / "workspace")


@pytest.fixture(scope="session")
def first(ground: Site) -> Ended:
    """The first run, which is good and pushes version 1."""
    ended = ground.run("--json")
    assert ended.code == 0, ended.text
    return ended


@pytest.fixture(scope="session")
def site(ground: Site, first: Ended) -> Site:
    """The problem, its data and a workspace that serves version 1."""
    assert first.json["pushed"]["version"] == 1
    return ground
