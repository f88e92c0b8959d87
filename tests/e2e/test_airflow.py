"""The DAG on real Airflows: both parse it; on 2.11 a run ends pushed; 3 schedules, with all metadata in PostgreSQL.

Everything here runs what `runner.py compile --target airflow` wrote, save that a second attempt comes after a second.
"""

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline.metadata.address import PASSWORD_VARIABLE
from tests.e2e.airflows import ENDED, Airflow, installed, prepared
from tests.e2e.site import PROJECT, Site, census, text_of
from tests.servers import SECRET, DatabaseServer, free_port

pytestmark = pytest.mark.slow

# What Airflow's DAG processor has loaded before it parses: not of the DAG's own time.
PARSE = """
import json, sys
from types import SimpleNamespace
from datetime import datetime
import airflow.models.baseoperator, airflow.models.dag, airflow.models.param, airflow.timetables.interval
import airflow.serialization.serialized_objects, jsonschema
try:
    from airflow.sdk import DAG, BaseOperator, CronDataIntervalTimetable, Param
    from airflow.dag_processing.dagbag import DagBag
except ImportError:
    from airflow.models import DagBag
before = set(sys.modules)
bag = DagBag(sys.argv[1])
loaded = {one.partition(".")[0] for one in set(sys.modules) - before}
[dag] = bag.dags.values()
[file] = bag.dagbag_stats
body = sys.modules[type(dag.tasks[0]).__module__]

def span(path, zero, params, kind, end):
    body.SPAN_ZERO, body.SPAN = zero, params.pop("pinned", None)
    run = SimpleNamespace(run_type=kind, data_interval_end=datetime.fromisoformat(end) if end else None)
    body.DATA = path
    try:
        given = body.settings_of({"params": params, "dag_run": run})
        return next((int(one.rpartition("=")[2]) for one in given if one.startswith("--set=data.span=")), None)
    except body.AirflowFailException as error:
        return str(error)

print("ANSWER" + json.dumps({
    "errors": bag.import_errors,
    "seconds": file.duration.total_seconds(),
    "loaded": sorted(loaded - sys.stdlib_module_names - {"airflow", body.__name__}),
    "tasks": {one.task_id: [sorted(one.upstream_task_ids), one.pool, one.doc_md] for one in dag.tasks},
    "schedule": str(getattr(dag.timetable, "summary", "")) or str(getattr(dag.timetable, "expression", "")),
    "spans": [span(*one) for one in json.loads(sys.argv[2])],
}))
"""
BY_DAY = "/data/{YYYY}/{MM}-{DD}.csv"
BY_SPAN = "/data/span-{SPAN}/*.csv"
DAYS = (date(2026, 11, 5) - date(1970, 1, 1)).days
# path, --span-zero, parameters, kind of run, last moment of its interval; the span, or a word of the refusal
SPANS: list[tuple[str, str | None, dict[str, Any], str, str | None, int | str | None]] = [
    (BY_DAY, None, {}, "scheduled", "2026-11-06T00:00:00+00:00", DAYS),
    (BY_DAY, None, {}, "backfill", "2026-11-06T06:00:00+00:00", DAYS),
    (BY_DAY, None, {}, "scheduled", "2026-11-06T13:00:00+00:00", DAYS),  # hourly: the last day that is whole
    (BY_DAY, None, {}, "manual", "2026-11-06T00:00:00+00:00", None),
    (BY_DAY, None, {"date": "2026-11-05"}, "manual", None, DAYS),
    (BY_DAY, None, {"date": "2026-11-05", "span": 7}, "scheduled", "2026-11-05T00:00:00+00:00", 7),
    (BY_DAY, None, {"date": "2026-13-45"}, "manual", None, "the parameter date is no day"),
    (BY_DAY, None, {"date": "2026-11-05\n"}, "manual", None, "the parameter date is no day"),
    (BY_DAY, None, {"pinned": 3}, "scheduled", "2026-11-06T00:00:00+00:00", None),
    (BY_DAY, None, {"pinned": 3}, "backfill", "2026-11-06T00:00:00+00:00", "a backfill would read that again"),
    (BY_SPAN, "2026-11-01", {}, "scheduled", "2026-11-06T00:00:00+00:00", 4),
    (BY_SPAN, "2026-11-01", {"date": "2026-11-03"}, "manual", None, 2),
    (BY_SPAN, "2026-11-01", {"date": "2026-10-31"}, "manual", None, "is before 2026-11-01"),
    (BY_SPAN, None, {}, "scheduled", "2026-11-06T00:00:00+00:00", None),
    (BY_SPAN, None, {}, "backfill", "2026-11-06T00:00:00+00:00", "--span-zero"),
    (BY_SPAN, None, {"date": "2026-11-03"}, "manual", None, "--span-zero"),
    (BY_SPAN, None, {"span": 0}, "backfill", "2026-11-06T00:00:00+00:00", 0),
    ("/data/rows.csv", None, {}, "backfill", "2026-11-06T00:00:00+00:00", None),
    ("/data/rows.csv", None, {"date": "2026-11-03"}, "manual", None, "no place for one"),
    ("/data/rows.csv", None, {"date": "2026-11-05", "data": BY_DAY}, "manual", None, DAYS),
    ("/data/rows.csv", None, {"date": "2026-11-05", "settings": [f"data.path={BY_DAY}"]}, "manual", None, DAYS),
]


def compiled(problem: Path | str, out: Path, workspace: Path, *more: str) -> Path:
    """Compile a problem to a DAG with the real command line."""
    command = [sys.executable, "runner.py", "compile", str(problem), "--target", "airflow"]
    given = ["--out", str(out), "--workspace", str(workspace), *more]
    done = subprocess.run([*command, *given], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return out


def asked(*arguments: str, workspace: Path, environment: dict[str, str] | None = None) -> Any:
    """Ask a command that only reads; return its JSON."""
    done = subprocess.run(
        [sys.executable, PROJECT / "runner.py", *arguments, "--workspace", workspace, "--json"],
        cwd=PROJECT,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def dag(ground: Site, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The DAG of the small problem, for runs by day."""
    root = tmp_path_factory.mktemp("dag")
    return compiled(ground.problem, root / "flats.py", root / "workspace", "--schedule", "30 4 * * *", "--data", BY_DAY)


@pytest.mark.alone  # by the clock
@pytest.mark.parametrize("major", [2, 3])
def test_airflow_parses_it_at_once_and_loads_nothing_else(major: int, dag: Path, tmp_path: Path) -> None:
    airflow = Airflow(major, installed(major), tmp_path / "home")
    said = airflow.python(PARSE, str(dag), json.dumps([one[:5] for one in SPANS]))
    found = json.loads(said.rpartition("ANSWER")[2])
    assert found["errors"] == {}
    assert found["seconds"] < 1
    assert found["loaded"] == []
    assert found["schedule"] == "30 4 * * *"
    nodes = {one["id"]: one for one in json.loads(dag.with_suffix(".pipeline.json").read_text())["nodes"]}
    tasks = found["tasks"]
    assert {name: upstream for name, (upstream, _, _) in tasks.items()} == {
        **{name: sorted(one["upstream"]) for name, one in nodes.items()},
        "summary": sorted(nodes),
    }
    assert {name: pool for name, (_, pool, _) in tasks.items() if name in nodes} == {
        name: "estimator_pipeline_heavy" if one["heavy"] else "default_pool" for name, one in nodes.items()
    }
    for name, node in nodes.items():
        doc = tasks[name][2]
        assert node["doc"] in doc
        assert f"/workspace/logs/flats.<run id>/{name}.log" in doc
        assert f"/workspace/artifacts/flats/{name}" in doc
    for case, span in zip(SPANS, found["spans"], strict=True):
        assert (case[5] in span) if isinstance(case[5], str) else span == case[5], (case, span)


def test_a_run_of_house_prices_on_airflow_2_ends_pushed(tmp_path: Path) -> None:
    """`airflow dags test` runs each task once, without a scheduler; Airflow's own database is SQLite here."""
    airflow = prepared(2, tmp_path / "home", AIRFLOW__CORE__EXECUTOR="SequentialExecutor")
    workspace = tmp_path / "workspace"
    compiled("housing", airflow.dags / "housing.py", workspace, "--set", "training.train_steps=200")
    said = airflow("dags", "test", "housing", "-c", json.dumps({"settings": ["training.train_steps=300"]}))
    assert "state=success" in said, said[-3000:]
    # What it was given as a parameter came before what it was compiled with, and the last task printed the summary.
    assert "pushed     version 1" in said
    assert "300 steps of 256 rows" in said
    assert [one.name for one in (workspace / "serving" / "housing").iterdir()] == ["1"]
    [run] = asked("runs", workspace=workspace)
    assert run["run"].startswith("housing.manual__")


@dataclass(frozen=True)
class Team:
    """An Airflow 3 at work, and the pipeline that it schedules, whose metadata is in PostgreSQL."""

    airflow: Airflow
    site: Site

    def asked(self, *arguments: str) -> Any:
        return asked(*arguments, workspace=self.site.workspace, environment={PASSWORD_VARIABLE: SECRET})

    def nodes(self) -> dict[int, tuple[str, str]]:
        """The commands of nodes that are under way: for each process's id the node and the run."""
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
                if words[2:3] == ["node"] and str(self.airflow.dags) in words[7]:
                    found[int(folder.name)] = (words[3], words[5])
        return found

    def kill(self, node: str) -> None:
        """Kill the command of a node with SIGKILL once it is there."""
        end = time.monotonic() + 300
        while time.monotonic() < end:
            for process, (name, _) in self.nodes().items():
                if name == node:
                    time.sleep(1)
                    os.kill(process, signal.SIGKILL)
                    return
            time.sleep(0.05)
        pytest.fail(f"no process of {node} came")


def family(process: int) -> list[int]:
    """A process, those that it started, and so on; those that are gone are left out."""
    found = [process]
    for one in found:
        with contextlib.suppress(OSError):
            found += map(int, Path(f"/proc/{one}/task/{one}/children").read_text().split())
    return found


def parent(process: int) -> int:
    """The process that started another one."""
    return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])


@pytest.fixture(scope="module")
def team(ground: Site, postgresql: DatabaseServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    root = tmp_path_factory.mktemp("team")
    today = datetime.now(UTC).date()
    for day in [*(today - timedelta(days) for days in (0, 1, 2)), *(date(2026, 11, one) for one in (1, 2, 3))]:
        file = root / "data" / f"{day:%Y-%m-%d}" / "rows.csv"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text_of(census(300 + day.day)))
    problem = root / "flats"
    shutil.copytree(ground.problem, problem)
    site = Site(problem, root / "data", root / "workspace")
    airflow = prepared(3, root / "home", postgresql, **{PASSWORD_VARIABLE: SECRET})
    dag = compiled(
        *(problem, airflow.dags / "flats.py", site.workspace, "--schedule", "@daily"),
        *("--data", str(site.data / "{YYYY}-{MM}-{DD}" / "*.csv"), "--metadata-url", postgresql.create().url),
    )
    text = dag.read_text()
    assert text.count("seconds=30") == 1
    dag.write_text(text.replace("seconds=30", "seconds=1"))
    airflow("dags", "reserialize")
    with airflow.at_work():
        airflow("dags", "unpause", "flats")  # which starts the run of yesterday
        yield Team(airflow, site)


@pytest.mark.alone
def test_a_scheduled_run_whose_trainer_is_killed_ends_pushed_once(team: Team) -> None:
    airflow = team.airflow
    team.kill("Trainer")
    [run] = airflow.wait("flats")
    assert (run["state"], run["run_type"]) == ("success", "scheduled"), airflow.log(
        "flats", run["dag_run_id"], "Trainer"
    )
    tries = {name: task["try_number"] for name, task in airflow.tasks("flats", run["dag_run_id"]).items()}
    assert tries == {**dict.fromkeys(tries, 1), "Trainer": 2}
    assert team.site.versions() == [1]
    assert "ended by signal 9" in airflow.log("flats", run["dag_run_id"], "Trainer")
    assert "pushed     version 1" in airflow.log("flats", run["dag_run_id"], "summary")
    # It read the day that ended last, and is a run like any other for the commands that ask.
    name = f"flats.{run['dag_run_id']}"
    [found] = team.asked("runs")
    assert (found["run"], found["state"]) == (name, "done")
    day = datetime.fromisoformat(run["data_interval_start"]).date()
    assert f"{day:%Y-%m-%d}/rows.csv" in json.dumps(team.asked("lineage", "model"))


@pytest.mark.alone
def test_a_triggered_run_has_its_parameters(team: Team) -> None:
    run = team.airflow.trigger("flats", date="2026-11-02", settings=["training.train_steps=25"])
    team.airflow.wait("flats", kind="manual")
    [one] = [one for one in team.airflow.runs("flats") if one["dag_run_id"] == run]
    assert one["state"] == "success", team.airflow.log("flats", run, "summary")
    before = team.airflow.runs("flats", "scheduled")[0]["dag_run_id"]
    said = json.dumps(team.asked("diff", f"flats.{before}", f"flats.{run}"))
    assert "training.train_steps" in said
    assert "2026-11-02" in said


@pytest.mark.alone
def test_what_no_retry_helps_is_not_tried_again(team: Team) -> None:
    run = team.airflow.trigger("flats", settings=["training.train_stepz=25"])
    team.airflow.wait("flats", kind="manual")
    tasks = team.airflow.tasks("flats", run)
    assert (tasks["ExampleGen"]["state"], tasks["ExampleGen"]["try_number"]) == ("failed", 1)
    assert tasks["Trainer"]["state"] == "upstream_failed"
    assert tasks["summary"]["state"] == "failed"
    assert "did you mean training.train_steps?" in team.airflow.log("flats", run, "ExampleGen")
    assert [one["state"] for one in team.airflow.runs("flats") if one["dag_run_id"] == run] == ["failed"]


@pytest.mark.alone
def test_a_backfill_of_three_days(team: Team) -> None:
    given = ("--dag-id", "flats", "--from-date", "2026-11-01", "--to-date", "2026-11-03")
    team.airflow("backfill", "create", *given)
    runs = team.airflow.wait("flats", 3, "backfill", seconds=1500)
    assert [one["state"] for one in runs] == ["success"] * 3
    shown = [json.dumps(team.asked("show", f"flats.{one['dag_run_id']}")) for one in runs]
    assert [f"2026-11-0{day}/rows.csv" in text for day, text in zip((1, 2, 3), shown, strict=True)] == [True] * 3


@pytest.mark.soak
def test_twenty_tasks_killed_at_random_moments(team: Team) -> None:
    """Each of several runs ends pushed, as a version of its own, whatever was killed: command, node or Airflow's task.

    Which tasks of a run are struck, and when in their lives, is drawn; none more often than it is tried again.
    """
    chance = random.Random(seed := int(os.environ.get("CRASH_SEED", "20261122")))
    team.airflow.wait("flats")
    before = len(team.site.versions())
    names = [one["id"] for one in json.loads((team.airflow.dags / "flats.pipeline.json").read_text())["nodes"]]
    kills: list[tuple[str, str, str]] = []
    runs: list[str] = []
    while len(kills) < 20:
        assert len(runs) < 12, kills
        settings = [f"training.train_steps={40 + len(runs)}"]
        runs.append(team.airflow.trigger("flats", date="2026-11-02", settings=settings))
        doomed = Counter(chance.choices(names, k=6))
        end = time.monotonic() + 1200
        while time.monotonic() < end:
            time.sleep(0.2)
            for process, (node, run) in team.nodes().items():
                if doomed[node] > 0 and sum(one[:2] == (node, run) for one in kills) < 2:
                    time.sleep(chance.uniform(0.2, 9))
                    if whom := strike(process, chance):
                        kills.append((node, run, whom))
                        doomed[node] -= 1
                    break
            states = {one["dag_run_id"]: one["state"] for one in team.airflow.runs("flats")}
            if states[runs[-1]] in ENDED:
                break
    told = [f"seed {seed}: {len(kills)} kills", *(f"  {whom:<8}{node:<18}{run}" for node, run, whom in kills)]
    sys.stdout.write("\n" + "\n".join(told) + "\n")
    states = {one["dag_run_id"]: one["state"] for one in team.airflow.runs("flats")}
    assert {states[one] for one in runs} == {"success"}
    shown = [team.asked("show", f"flats.{one}") for one in runs]
    assert [one["state"] for one in shown] == ["done"] * len(runs)
    assert len({one["version"] for one in shown}) == len(runs)
    assert len(team.site.versions()) == before + len(runs)
    assert not team.nodes()


def strike(process: int, chance: random.Random) -> str:
    """Kill a node's command, one that it started, or Airflow's process of the task; return which, if it was there."""
    whom = chance.choice(["command", "below", "task"])
    with contextlib.suppress(OSError):
        below = family(process)[1:]
        victim = {"command": process, "task": parent(process)}.get(whom) or chance.choice(below or [process])
        os.kill(victim, signal.SIGKILL)
        return whom
    return ""


@pytest.mark.soak
def test_the_page_s_commands_as_they_stand(tmp_path: Path) -> None:
    """From an empty home to a pushed model by a real scheduler; `make install` has been done."""
    page = (PROJECT / "docs" / "airflow.md").read_text()
    install, look = (part.partition("```")[0].strip() for part in page.split("```\n")[1:4:2])
    first, *lines = install.splitlines()
    assert first == "make install"
    port = free_port()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "PYTHON", "VIRTUAL"))},
        **{"HOME": str(tmp_path), "AIRFLOW__API__PORT": str(port)},
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
    }
    workspace = tmp_path / "housing"
    with (tmp_path / "said").open("wb") as said:
        shell = subprocess.Popen(
            ["bash", "-ec", "\n".join([*lines, "wait"])],
            cwd=PROJECT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
    try:
        end = time.monotonic() + 1500
        while not list(workspace.glob("serving/housing/[0-9]*")):
            assert shell.poll() is None, (tmp_path / "said").read_text()[-3000:]
            assert time.monotonic() < end, (tmp_path / "airflow.log").read_text()[-3000:]
            time.sleep(1)
        done = subprocess.run(
            ["bash", "-ec", look], cwd=PROJECT, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert "housing.scheduled__" in done.stdout
        assert "pushed     version 1" in done.stdout
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(shell.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            shell.wait(30)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(shell.pid, signal.SIGKILL)
