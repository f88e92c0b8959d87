"""The DAG's file as text; tests/e2e/test_airflow.py gives it to real Airflows."""

import ast
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import SettingsError
from pipeline.orchestrators.airflow import POOL, notes, refuse, render
from pipeline.orchestrators.compiled import Compiled, CompiledNode
from pipeline.orchestrators.targets import NEXT, Options

PIPELINE = Compiled(
    problem="flats",
    folder="$PROJECT/pipeline/problems/flats",
    workspace="/srv/workspace",
    pipeline_root="/srv/workspace/artifacts/flats",
    serving="/srv/workspace/serving/flats",
    metadata_url=None,
    given=(),
    settings={
        "data": {"path": "/srv/data/day-{YYYY}{MM}{DD}/*.csv", "span": None},
        "run": {"retries": 3, "node_timeout_secs": None, "timeout_secs": {"Trainer": 7200}},
    },
    nodes=(
        CompiledNode("ExampleGen", "x.ExampleGen", (), True, "Reads what is there."),
        CompiledNode("Trainer", "x.Trainer", ("ExampleGen",), True, "Trains."),
        CompiledNode("Pusher", "x.Pusher", ("Trainer",), False, "Pushes."),
    ),
    ir={},
)
OPTIONS = Options(Path("/srv/dags/flats.py"), Path("/srv/dags/flats.pipeline.json"))


def constants(text: str) -> dict[str, Any]:
    """What the file's constants are, as far as they are written out."""
    found: dict[str, Any] = {}
    for line in ast.parse(text).body:
        if isinstance(line, ast.Assign | ast.AnnAssign) and line.value is not None:
            [target] = line.targets if isinstance(line, ast.Assign) else [line.target]
            try:
                found.setdefault(target.id if isinstance(target, ast.Name) else "", ast.literal_eval(line.value))
            except ValueError:
                continue
    return found


def with_data(**data: Any) -> Compiled:
    return replace(PIPELINE, settings={**PIPELINE.settings, "data": data})


def test_it_says_what_this_pipeline_is() -> None:
    found = constants(render(PIPELINE, replace(OPTIONS, schedule="@daily")))
    assert {name: found[name] for name in ("DAG_ID", "SCHEDULE", "DATA", "SPAN", "SPAN_ZERO", "RETRIES", "POOL")} == {
        **{"DAG_ID": "flats", "SCHEDULE": "@daily", "DATA": "/srv/data/day-{YYYY}{MM}{DD}/*.csv"},
        **{"SPAN": None, "SPAN_ZERO": None, "RETRIES": 3, "POOL": POOL},
    }
    assert [(node["id"], node["upstream"], node["heavy"]) for node in found["NODES"]] == [
        ("ExampleGen", [], True),
        ("Trainer", ["ExampleGen"], True),
        ("Pusher", ["Trainer"], False),
    ]
    # A limit of the settings comes first, and is told by the pipeline itself: Airflow's is beyond it.
    assert [node["seconds"] for node in found["NODES"]] == [43200, 7260, 3600]
    limited = {**PIPELINE.settings, "run": {"retries": 0, "node_timeout_secs": 60, "timeout_secs": {}}}
    nodes = constants(render(replace(PIPELINE, settings=limited), OPTIONS))["NODES"]
    assert {node["seconds"] for node in nodes} == {120}


def test_it_imports_airflow_and_the_standard_library_and_nothing_else() -> None:
    imported = set()
    for line in ast.walk(ast.parse(render(PIPELINE, OPTIONS))):
        if isinstance(line, ast.Import):
            imported |= {one.name.partition(".")[0] for one in line.names}
        elif isinstance(line, ast.ImportFrom):
            imported.add((line.module or "").partition(".")[0])
    assert imported - sys.stdlib_module_names == {"airflow"}


def test_what_a_name_or_a_path_holds_stays_text() -> None:
    nasty = "/srv/'\"\\{YYYY}\n{MM}$(touch /tmp/x)`é☃😀/*.csv"
    node = CompiledNode("ExampleGen", "x", (), True, 'He said "read\\n".')
    found = constants(render(replace(with_data(path=nasty), nodes=(node,), workspace=nasty), OPTIONS))
    assert (found["DATA"], found["WORKSPACE"], found["NODES"][0]["doc"]) == (nasty, nasty, node.doc)


@pytest.mark.parametrize("given", ["30 4 * * *", "0 */6 * * 1-5", "0 0 L * *", "0 6 * mar thu#1", "@weekly", None])
def test_schedules(given: str | None) -> None:
    assert constants(render(PIPELINE, replace(OPTIONS, schedule=given)))["SCHEDULE"] == given


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        *[("daily", "did you mean @daily?"), ("@hour", "did you mean @hourly?"), ("every day", None)],
        *[(one, None) for one in ("* * * *", "0 25 * * *", "a b c d e", "*/0 * * * *", "0 0 30 2 *")],
        *[(one, None) for one in ("H H * * *", "R R * * *", "0 R(1-5) * * *", "0 0 4 * * *")],
    ],
)
def test_what_is_no_schedule_is_refused(given: str, hint: str | None) -> None:
    with pytest.raises(SettingsError, match="The schedule is not valid") as raised:
        render(PIPELINE, replace(OPTIONS, schedule=given))
    assert raised.value.where == "--schedule"
    assert hint in (None, raised.value.hint)


def test_the_day_of_span_0() -> None:
    spans = with_data(path="/srv/span-{SPAN}/*.csv")
    assert constants(render(spans, replace(OPTIONS, span_zero="2026-11-01")))["SPAN_ZERO"] == "2026-11-01"
    with pytest.raises(SettingsError, match="is not a date"):
        render(spans, replace(OPTIONS, span_zero="1.11.2026"))
    with pytest.raises(SettingsError, match="to count from a day") as raised:
        render(PIPELINE, replace(OPTIONS, span_zero="2026-11-01"))
    assert "the path has the day itself" in str(raised.value.hint)


def test_the_dag_has_the_name_of_its_file() -> None:
    """Two files of one problem, for two workspaces say, are two DAGs."""
    found = constants(render(PIPELINE, replace(OPTIONS, out=Path("/srv/dags/flats-again.py"))))
    assert (found["DAG_ID"], found["PROBLEM"]) == ("flats-again", "flats")


@pytest.mark.parametrize(
    "name", ["flats in town.py", "flats.json", "flats", "_flats.py", "städte.py", "x" * 101 + ".py"]
)
def test_a_file_that_airflow_loads_no_dag_from_is_refused(name: str) -> None:
    with pytest.raises(SettingsError, match="loads no DAG from a file of this name") as raised:
        refuse(PIPELINE, replace(OPTIONS, out=Path("/srv/dags") / name))
    assert raised.value.where == "--out"


def test_all_that_is_wrong_is_told_at_once() -> None:
    elsewhere = replace(PIPELINE, pipeline_root="gs://bucket/root", serving="s3://bucket/models")
    with pytest.raises(SettingsError, match="4 reasons") as raised:
        refuse(elsewhere, replace(OPTIONS, schedule="daily", span_zero="2026-11-01"))
    assert [one.where for one in raised.value.parts] == ["--schedule", "--span-zero", "--pipeline-root", "--serving"]


@pytest.mark.parametrize(
    ("schedule", "told"),
    [("@daily", False), ("30 4 * * *", False), (None, False), ("@weekly", True), ("0 */6 * * *", True)],
)
def test_who_schedules_dated_data_otherwise_than_daily_is_told_what_is_read(schedule: str | None, told: bool) -> None:
    given = replace(OPTIONS, schedule=schedule)
    assert bool(notes(PIPELINE, given)) == told
    assert notes(with_data(path="/srv/rows.csv"), given) == []


def test_who_compiles_is_told_of_the_pool() -> None:
    """Without it heavy tasks wait for ever."""
    assert f"airflow pools set {POOL} 1" in NEXT["airflow"]
