"""A pipeline as an Airflow DAG, written by `runner.py compile --target airflow`: compile again in place of editing it.

It imports Airflow and the standard library, nothing of ours and no framework: a scheduler parses it in milliseconds.
It is the same file for Airflow 2.11 and Airflow 3. Each task runs one command, `runner.py node`, in the environment of
the pipeline. Arguments go to it as a list, never through a shell, so what somebody types as a parameter stays one.
"""

from __future__ import annotations

import ctypes
import json
import os
import shlex
import signal
import subprocess
from contextlib import suppress
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

try:  # Airflow 3
    from airflow.sdk import DAG, BaseOperator, CronDataIntervalTimetable, Param
    from airflow.sdk.exceptions import AirflowException, AirflowFailException

    BACKOFF: float = 2.0
except ImportError:  # Airflow 2
    from airflow.exceptions import AirflowException, AirflowFailException
    from airflow.models import DAG, BaseOperator
    from airflow.models.param import Param
    from airflow.timetables.interval import CronDataIntervalTimetable

    BACKOFF = True

# compiled: begin (an example; `compile` writes the problem's own)
DAG_ID = "housing"
PROBLEM = "housing"
PROJECT = "/srv/estimator-pipeline"
WORKSPACE = "$PROJECT/workspace"
ARTIFACTS = "$PROJECT/workspace/artifacts/housing"
SCHEDULE: str | None = None
DATA = "$PROJECT/data/housing/housing.csv"
SPAN: int | None = None
SPAN_ZERO: str | None = None
RETRIES = 2
POOL = "estimator_pipeline_heavy"
NODES: list[dict[str, Any]] = [
    {
        "id": "ExampleGen",
        "upstream": [],
        "heavy": True,
        "seconds": 43200,
        "doc": "Reads the data files, checks every row, and cuts them into splits.",
    },
]
# compiled: end

# Where the project lies on the machine that the task runs on, if it is not where it was compiled.
PROJECT = os.environ.get("ESTIMATOR_PIPELINE_PROJECT", PROJECT)
WORKSPACE, ARTIFACTS, DATA = (path.replace("$PROJECT", PROJECT, 1) for path in (WORKSPACE, ARTIFACTS, DATA))
PYTHON = f"{PROJECT}/.venv/bin/python"
PIPELINE = str(Path(__file__).absolute().with_suffix(".pipeline.json"))  # `compile` writes it beside this file

# What the same command would do again: no retry helps. runner.py --help lists all exit codes.
FINAL = {
    2: "the command or the settings are wrong",
    3: "the data was refused",
    4: "the problem's own code failed",
    5: "the model is not blessed",
}
GRACE = 20.0  # seconds that a command gets to end in order, before it is killed
OF_AIRFLOW = ("AIRFLOW_", "_AIRFLOW_", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")  # not for the node's process


def run_of(context: Any) -> str:
    """Return the name of the run: unique in the workspace, which may have runs of other DAGs with the same run id."""
    return f"{DAG_ID}.{context['dag_run'].run_id}"


def span_of(context: Any, path: str) -> int | None:
    """Return the span that this run reads; None for what the settings say, which is the latest one.

    A run that was scheduled or backfilled reads the last day that had ended when it was due, where the path has a place
    for one. TFX counts the days of a path with {YYYY}, {MM} and {DD} from 1970; from when {SPAN} counts, `compile
    --span-zero` says.
    """
    params, run = context["params"], context["dag_run"]
    if params.get("span") is not None:
        return int(params["span"])
    kind = str(getattr(run.run_type, "value", run.run_type))
    if params.get("date"):
        try:
            day = date.fromisoformat(params["date"])
        except ValueError as error:
            raise AirflowFailException(f"the parameter date is no day: {error}") from None
    elif kind == "backfill" and SPAN is not None:
        raise AirflowFailException(f"data.span is {SPAN} for every run: a backfill would read that again for each day")
    elif kind in ("scheduled", "backfill") and run.data_interval_end is not None and SPAN is None:
        day = run.data_interval_end.date() - timedelta(days=1)
    else:
        return None
    if "{YYYY}" in path:
        return (day - date(1970, 1, 1)).days
    if "{SPAN" not in path:
        if params.get("date"):
            raise AirflowFailException(
                f"a date was given, and {path} has no place for one: {{YYYY}}, {{MM}} and {{DD}}"
            )
        return None
    if SPAN_ZERO:
        span = (day - date.fromisoformat(SPAN_ZERO)).days
        if span < 0:
            raise AirflowFailException(f"{day} is before {SPAN_ZERO}, the day of span 0")
        return span
    if kind == "scheduled" and not params.get("date"):
        return None
    raise AirflowFailException(
        f"which span of {path} is {day}? Compile with --span-zero DATE, or trigger with the parameter span"
    )


def settings_of(context: Any) -> list[str]:
    """Return the options that the run's parameters make."""
    params = context["params"]
    settings = [str(one) for one in params.get("settings") or []]
    if params.get("data"):
        settings.append(f"data.path={params['data']}")
    given = [f"--set={one}" for one in settings]
    paths = [value.strip() for name, _, value in (one.partition("=") for one in settings) if name == "data.path"]
    span = span_of(context, paths[-1] if paths else DATA)
    if span is not None:
        given.append(f"--set=data.span={span}")
    return given


def environment() -> dict[str, str]:
    """Return what a command has as its environment: the worker's, without what Airflow keeps in it."""
    return {name: value for name, value in os.environ.items() if not name.startswith(OF_AIRFLOW)}


def end_with_parent() -> None:
    """Ask the kernel to end the command if Airflow's process is killed: nobody else would."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


class Runner(BaseOperator):
    """Runs one command of runner.py, and says in the task's log what it says."""

    process: subprocess.Popen[str] | None = None

    def command(self, *arguments: str) -> None:
        """Run a command; raise unless it ends well."""
        command = [PYTHON, f"{PROJECT}/runner.py", *arguments]
        self.log.info("%s", shlex.join(command))
        self.process = process = subprocess.Popen(
            command,
            cwd=PROJECT,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
            preexec_fn=end_with_parent,  # noqa: PLW1509  it allocates nothing and takes no lock
        )
        try:
            for line in process.stdout or ():
                self.log.info("%s", line.rstrip())
            code = process.wait()
        except BaseException:
            self.on_kill()
            raise
        if code in FINAL:
            raise AirflowFailException(f"exit code {code}: {FINAL[code]}; no retry, since it would end the same way")
        if code:
            raise AirflowException(f"ended by signal {-code}" if code < 0 else f"exit code {code}")

    def on_kill(self) -> None:
        """End the command with all that it started."""
        process = self.process
        if process is None or process.poll() is not None:
            return
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(GRACE)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            with suppress(subprocess.TimeoutExpired):
                process.wait(GRACE)  # without a limit it would wait for itself, where a signal came while it waited


class Node(Runner):
    """Runs one node of the pipeline."""

    def execute(self, context: Any) -> None:
        """Run the node, or find that it is done."""
        self.command("node", self.task_id, "--run", run_of(context), "--pipeline", PIPELINE, *settings_of(context))


class Summary(Runner):
    """Prints what the run came to, and fails if it did not end well, so that Airflow's state of the run is the same."""

    def execute(self, context: Any) -> None:
        """Print the summary; raise if the run failed."""
        asked = ["show", run_of(context), "--workspace", WORKSPACE]
        self.command(*asked)
        again = [PYTHON, f"{PROJECT}/runner.py", *asked, "--json"]
        told = json.loads(
            subprocess.run(again, cwd=PROJECT, env=environment(), stdout=subprocess.PIPE, check=True).stdout
        )
        if told["run"] != run_of(context):
            raise AirflowFailException("the run was never begun: its failed tasks say why")
        if told["state"] != "done":
            raise AirflowFailException(f"the run is {told['state']}: its failed tasks say why")
        if told["blessed"] is False:
            raise AirflowFailException(f"nothing was pushed: {'; '.join(told['reasons'])}")


QUOTED = shlex.quote(WORKSPACE)
ABOUT = f"""
The pipeline `{PROBLEM}`, one task for each of its nodes. To ask about a run, on a machine with the workspace:

    cd {shlex.quote(PROJECT)}
    .venv/bin/python runner.py runs --workspace {QUOTED}
    .venv/bin/python runner.py show last --workspace {QUOTED}
    .venv/bin/python runner.py lineage model --workspace {QUOTED}

Heavy tasks take places in the pool `{POOL}`; as long as there is none they do not start:

    airflow pools set {POOL} 1 "nodes that need much memory or many cores"
"""

PARAMS = {
    "data": Param(
        None,
        type=["null", "string"],
        pattern=r"^(/|[a-z][a-z0-9]*://)",
        description=f"Absolute path, glob or pattern to read in place of {DATA}",
    ),
    "span": Param(None, type=["null", "integer"], minimum=0, description="The span to read, where the path has {SPAN}"),
    "date": Param(
        None,
        type=["null", "string"],
        pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
        description="The day to read, as 2026-11-22; a scheduled or backfilled run reads the day that it is for",
    ),
    "settings": Param(
        [],
        type="array",
        items={"type": "string", "pattern": r"^[a-z_]+(\.[A-Za-z0-9_]+)+="},
        description="Settings for this run, one a line, as training.train_steps=5000; docs/settings.md lists them",
    ),
}

with DAG(
    dag_id=DAG_ID,
    description=f"{PROBLEM}: from raw files to a validated, pushed model",
    doc_md=ABOUT,
    schedule=CronDataIntervalTimetable(SCHEDULE, timezone="UTC") if SCHEDULE else None,
    start_date=datetime(2020, 1, 1, tzinfo=timezone.utc),  # noqa: UP017  as Python 3.10 has it; no backfill goes further back
    catchup=False,
    max_active_runs=1,  # each model is compared with the one before
    params=PARAMS,
    tags=["estimator-pipeline", PROBLEM],
    default_args={
        "retries": RETRIES,
        "retry_delay": timedelta(seconds=30),
        "retry_exponential_backoff": BACKOFF,
        "max_retry_delay": timedelta(minutes=10),
    },
) as dag:
    tasks = {}
    for node in NODES:
        name = node["id"]
        log = f"`{WORKSPACE}/logs/{DAG_ID}.<run id>/{name}.log`, or `runner.py logs {DAG_ID}.<run id> {name}`"
        tasks[name] = Node(
            task_id=name,
            execution_timeout=timedelta(seconds=node["seconds"]),
            doc_md=f"{node['doc']}\n\n- log: {log}\n- artifacts: `{ARTIFACTS}/{name}`",
            **({"pool": POOL} if node["heavy"] else {}),
        )
    for node in NODES:
        for before in node["upstream"]:
            tasks[before] >> tasks[node["id"]]
    # It waits for every node, not for the last one: where one failed the last is given up while others are at work.
    summary = Summary(
        task_id="summary",
        trigger_rule="all_done",
        execution_timeout=timedelta(hours=1),
        doc_md="Prints what the run came to; fails if the run did, so that Airflow shows it so.",
    )
    list(tasks.values()) >> summary
