"""A real Airflow on this machine: installed once by .ci/airflow, with a home and a database of the tests' own."""

import contextlib
import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.site import PROJECT
from tests.servers import DatabaseServer, free_port

ENDED = ("success", "failed")


def installed(major: int) -> Path:
    """Return the folder of an Airflow, installed if need be; where that cannot be, skip, save in CI."""
    done = subprocess.run(
        [PROJECT / ".ci" / "airflow", str(major)], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        if os.environ.get("CI"):
            pytest.fail(f"Airflow cannot be installed:\n{done.stderr}")
        pytest.skip(f"Airflow cannot be installed: {' '.join(done.stderr.split())[-200:]}")
    return Path(done.stdout.strip())


@dataclass
class Airflow:
    """An Airflow with a home of its own.

    Attributes:
        major: 2 or 3.
        folder: Where it is installed.
        home: ``AIRFLOW_HOME``; its DAGs are in ``dags``.
        settings: Environment variables in which it differs from how Airflow comes.
    """

    major: int
    folder: Path
    home: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    _running: "list[subprocess.Popen[bytes]]" = field(default_factory=list)
    _token: str = ""

    def __post_init__(self) -> None:
        self.dags.mkdir(parents=True, exist_ok=True)

    @property
    def dags(self) -> Path:
        return self.home / "dags"

    @property
    def environment(self) -> dict[str, str]:
        """What its processes have as their environment: nothing of the tests' own Python."""
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "PYTHON", "VIRTUAL"))
        }
        here = f"http://127.0.0.1:{self.port}"
        return {
            **kept,
            "PATH": f"{self.folder / 'bin'}{os.pathsep}{kept['PATH']}",
            "AIRFLOW_HOME": str(self.home),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__PARALLELISM": "4",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{here}/execution/",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "AIRFLOW__API__BASE_URL": here,
            "AIRFLOW__API__SECRET_KEY": "of-these-tests",
            "AIRFLOW__API_AUTH__JWT_SECRET": "of-these-tests" * 5,
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
            "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "3600",
            **self.settings,
        }

    def __call__(self, *arguments: str, seconds: float = 600, code: int | None = 0) -> str:
        """Run its command line; return what it printed, of both streams."""
        done = subprocess.run(
            [self.folder / "bin" / "airflow", *arguments],
            env=self.environment,
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=seconds,
            check=False,
        )
        assert code is None or done.returncode == code, done.stdout
        return done.stdout

    def python(self, text: str, *arguments: str, seconds: float = 300) -> str:
        """Run a script in its environment; return what it printed to stdout."""
        done = subprocess.run(
            [self.folder / "bin" / "python", "-c", text, *arguments],
            env=self.environment,
            cwd=self.home,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @contextlib.contextmanager
    def at_work(self) -> Iterator["Airflow"]:
        """Run scheduler, DAG processor and API server of an Airflow 3 on loopback."""
        try:
            self._start("api-server", "--host", "127.0.0.1", "--port", str(self.port), "--workers", "1")
            self._until(self._answers, "the API server answers")
            self._start("dag-processor")
            self._start("scheduler")
            yield self
        finally:
            self.stop()

    def _start(self, *arguments: str) -> None:
        with (self.home / f"{arguments[0]}.log").open("ab") as log:
            command = [str(self.folder / "bin" / "airflow"), *arguments]
            self._running.append(
                subprocess.Popen(
                    command,
                    env=self.environment,
                    cwd=self.home,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            )

    def stop(self) -> None:
        """End what was started, with all that it started."""
        for one in reversed(self._running):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(one.pid, signal.SIGTERM)
        for one in self._running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                one.wait(30)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(one.pid, signal.SIGKILL)
            one.wait()
        self._running.clear()

    def _answers(self) -> bool:
        try:
            self._token = self.ask("/auth/token")["access_token"]
        except (OSError, urllib.error.URLError):
            return False
        return True

    def ask(self, path: str, body: Any = None, method: str | None = None) -> Any:
        """Ask the API server of an Airflow 3; return what it answers."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "Authorization": f"Bearer {self._token}"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read())

    def trigger(self, dag: str, **parameters: Any) -> str:
        """Start a run with parameters, as an API client does; return its id."""
        body = {"logical_date": None, "conf": parameters}
        return str(self.ask(f"/api/v2/dags/{dag}/dagRuns", body)["dag_run_id"])

    def runs(self, dag: str, kind: str = "") -> list[dict[str, Any]]:
        """The runs of a DAG, the oldest day first."""
        found: list[dict[str, Any]] = self.ask(f"/api/v2/dags/{dag}/dagRuns?limit=100")["dag_runs"]
        return sorted((one for one in found if kind in one["run_type"]), key=lambda one: str(one["dag_run_id"]))

    def tasks(self, dag: str, run: str) -> dict[str, dict[str, Any]]:
        """The tasks of a run."""
        found = self.ask(f"/api/v2/dags/{dag}/dagRuns/{run.replace('+', '%2B')}/taskInstances?limit=100")
        return {one["task_id"]: one for one in found["task_instances"]}

    def log(self, dag: str, run: str, task: str) -> str:
        """All that the task's attempts logged."""
        folder = self.home / "logs" / f"dag_id={dag}" / f"run_id={run}" / f"task_id={task}"
        return "\n".join(file.read_text(errors="replace") for file in sorted(folder.glob("*.log")))

    def wait(self, dag: str, count: int = 1, kind: str = "", seconds: float = 900) -> list[dict[str, Any]]:
        """Wait until a number of runs of a kind have ended."""

        def ended() -> bool:
            found = self.runs(dag, kind)
            return len(found) >= count and all(one["state"] in ENDED for one in found)

        self._until(ended, f"{count} runs of {dag} end", seconds, dag)
        return self.runs(dag, kind)

    def _until(self, done: Callable[[], bool], what: str, seconds: float = 120, dag: str = "") -> None:
        end = time.monotonic() + seconds
        while not done():
            dead = [one.args for one in self._running if one.poll() is not None]
            if dead or time.monotonic() > end:
                pytest.fail(f"{dead} ended, before {what}" if dead else f"in vain: {what}\n{self._told(dag)}")
            time.sleep(0.5)

    def _told(self, dag: str) -> str:
        said = [f"{one['dag_run_id']}: {one['state']}" for one in self.runs(dag)] if dag else []
        files: Sequence[Path] = sorted(self.home.glob("*.log"))
        return "\n".join([*said, *(f"--- {one.name}\n{one.read_text(errors='replace')[-1500:]}" for one in files)])


def prepared(major: int, home: Path, database: DatabaseServer | None = None, **settings: str) -> Airflow:
    """Return an Airflow whose database is ready: one of its own on a server, or SQLite."""
    if database is not None:
        if not database.execute("SELECT 1 FROM pg_roles WHERE rolname = 'airflow'"):
            database.execute("CREATE ROLE airflow SUPERUSER LOGIN PASSWORD 'airflow'")
        where = database.create()
        settings["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = (
            f"postgresql+psycopg2://airflow:airflow@127.0.0.1:{where.port}/{where.database}"
        )
    airflow = Airflow(major, installed(major), home, settings)
    airflow("db", "migrate")
    airflow("pools", "set", "estimator_pipeline_heavy", "2", "nodes that need much memory or many cores")
    return airflow
