"""One workspace with one pushed version, in which bad input then tries to do harm.

Every test runs the real command line in a process of its own. ``site`` is shared by all of tests/e2e: a test that
changes a file of it puts it back.
"""

import shutil
from pathlib import Path

import pytest

from tests.e2e.shipped import Ship, Shipped, ship
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


@pytest.fixture(scope="session")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Ship:
    """Give the run of a problem that ships, on the data that ships; each runs once, when it is first asked for.

    A test may run the problem again in its workspace, but must leave the version that was pushed.
    """
    done: dict[str, Shipped | AssertionError] = {}

    def of(problem: str) -> Shipped:
        if problem not in done:
            try:
                done[problem] = ship(problem, tmp_path_factory.mktemp(problem) / "workspace")
            except AssertionError as error:
                done[problem] = error
        what = done[problem]
        if isinstance(what, AssertionError):
            raise what
        return what

    return of
