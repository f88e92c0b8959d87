"""SIGKILL at any moment of a run's life: what ``resume`` makes of it is one run, one pushed version, and nothing else.

``make soak`` kills thirty runs at thirty moments; the tier that runs every time kills one run three times. The moments
are drawn from a seed, which is printed; ``CRASH_SEED=...`` draws the same ones again.
"""

import json
import os
import random
import re
import shutil
import sys
from pathlib import Path

import pytest

from tests.crash.moments import Life, Moment, over_a_life
from tests.crash.whole import nothing_is_left
from tests.e2e.site import PROJECT, Site, census, text_of

pytestmark = [pytest.mark.slow, pytest.mark.alone]

MOMENTS = 30


def life(folder: Path) -> Life:
    """The smallest problem, in a place of its own."""
    problem, data, temporary = folder / "flats", folder / "rows.csv", folder / "t"
    kept = PROJECT / "tests" / "e2e" / "problem" / "flats"
    shutil.copytree(kept, problem, ignore=shutil.ignore_patterns("__pycache__"))
    data.write_bytes(text_of(census()))
    temporary.mkdir()
    return Life(Site(problem, data, folder / "w"), temporary)


def test_one_run_killed_three_times(tmp_path: Path) -> None:
    """While the first nodes run, the moment that training or what follows runs, and while it is judged."""
    one = life(tmp_path)
    moments = [Moment("run", 2, 0.3), Moment("node", 6, 0.5), Moment("runner", 8, 0.4)]
    hits = []
    for number, moment in enumerate(moments):
        hits.append(one.strike(one.resume() if number else one.begin(), moment))
        say(f"{moment}: {hits[-1]}")
    assert None not in hits
    ended = one.end()
    assert ended.code == 0, ended.stdout + ended.stderr
    ended_whole(one, resumed=3)
    assert ended.json["resumed"] == 3

    again = one.give(one.resume())
    assert again.code == 0
    assert again.json["run"] == ended.json["run"]
    assert again.json["resumed"] is False
    assert again.json["state"] == "done"


@pytest.mark.soak
def test_thirty_moments(tmp_path: Path) -> None:
    seed = int(os.environ.get("CRASH_SEED") or random.SystemRandom().randrange(2**32))
    say(f"CRASH_SEED={seed}")
    made = random.Random(seed)
    failures = []
    for number, drawn in enumerate(over_a_life(made, MOMENTS), start=1):
        moment, hit = drawn, None
        while hit is None:
            folder = tmp_path / f"{number}"
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            one = life(folder)
            hit = one.strike(one.begin(), moment)
            moment = Moment(moment.victim, moment.ended, moment.delay / 2)  # if it was over before the blow fell
        try:
            ended = one.end()
            assert ended.code == 0, ended.stdout + ended.stderr
            ended_whole(one)
        except AssertionError as error:
            failures.append(f"{number}. {drawn}: {hit}: {error}")
            say(failures[-1])
        else:
            say(f"{number}. {drawn}: {hit}: whole")
            shutil.rmtree(folder)
    assert not failures, f"{len(failures)} of {MOMENTS} did not end well"


def ended_whole(one: Life, resumed: int | None = None) -> None:
    """Assert that one version was pushed, that the last run ended well, and that nothing else is left."""
    assert one.site.versions() == [1]
    nothing_is_left(one.site.workspace, one.temporary)
    runs = json.loads(ask(one, "runs", "--json"))
    assert [run["version"] for run in runs[:1]] == [1]
    assert runs[0]["state"] == "done"
    if resumed is not None:
        assert [run["resumed"] for run in runs] == [resumed], "a resumed run is one run"
    assert re.match(r"flats version 1: live since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\n", ask(one, "serving"))
    told = ask(one, "lineage", "model")
    assert re.match(r"flats version 1: live since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\n", told)
    # Every part of what it was made of was recorded, whoever was killed on the way; and the run that is told is known.
    for kind in ("verdict", "evaluation", "export", "model", "code", "settings", "transform", "schema", "data", "file"):
        assert re.search(rf"─ {kind} ", told), f"no {kind} in:\n{told}"
    [pushed_by] = re.findall(r"─ run +(\S+): ", told)
    assert pushed_by in {run["run"] for run in runs}


def ask(one: Life, *question: str) -> str:
    """Ask a question of the workspace; what was printed."""
    ended = one.give([*one.begin()[:2], *question, "--workspace", str(one.site.workspace)])
    assert ended.code == 0, ended.stdout + ended.stderr
    return ended.stdout


def say(line: str) -> None:
    """Print to where pytest shows it: at once with ``-s``, else when the test fails."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
