"""The compiled pipeline's file: written, read, and refused in words. Nothing is compiled here."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.errors import SettingsError
from pipeline.orchestrators import compiled
from pipeline.orchestrators.compiled import (
    PROJECT,
    RUN_ID,
    Compiled,
    CompiledNode,
    here,
    here_in,
    node_command,
    portable,
    portable_in,
    read,
)
from pipeline.orchestrators.targets import TARGETS, beside, renderer

ROOT = Path(__file__).parents[3]
MADE = Compiled(
    problem="flats",
    folder="$PROJECT/flats",
    workspace="/w",
    pipeline_root="/w/artifacts/flats",
    serving="/w/serving/flats",
    metadata_url=None,
    given=("--set", "training.train_steps=20"),
    settings={"label": "rent"},
    nodes=(
        CompiledNode("ExampleGen", "a.ExampleGen", (), heavy=True, doc="Reads."),
        CompiledNode("Trainer", "a.Trainer", ("ExampleGen",), heavy=True, doc="Trains."),
    ),
    ir={"nodes": []},
)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    MADE.write(tmp_path / "flats.json")
    assert read(tmp_path / "flats.json") == MADE
    assert [one.name for one in tmp_path.iterdir()] == ["flats.json"]
    assert MADE.upstream == {"ExampleGen": (), "Trainer": ("ExampleGen",)}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "There is no compiled pipeline here"),
        ("{", "cannot be read"),
        ("[]", "This is no compiled pipeline"),
        ("{}", "This is no compiled pipeline"),
        ('{"format": 0}', "of another version"),
        ('{"format": 1, "given": []}', "damaged"),
        ('{"format": 1, "given": [], "nodes": [], "more": 1}', "damaged"),
    ],
)
def test_what_is_no_compiled_pipeline_is_refused(tmp_path: Path, text: str | None, said: str) -> None:
    file = tmp_path / "flats.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(SettingsError, match=said) as caught:
        read(file)
    assert caught.value.where == str(file)
    assert "runner.py compile" in str(caught.value.hint)


def test_paths_of_the_project_are_written_from_its_folder() -> None:
    assert portable(ROOT / "data" / "housing") == f"{PROJECT}/data/housing"
    assert here(f"{PROJECT}/data/housing") == str(ROOT / "data" / "housing")
    assert portable(ROOT) == PROJECT
    assert here(PROJECT) == str(ROOT)
    for elsewhere in (f"{ROOT}-2/data", "/data", "gs://bucket/root", "--set"):
        assert portable(elsewhere) == elsewhere == here(elsewhere)
    inside = {"a": [f"{ROOT}/b", json.dumps({"path": f"{ROOT}/c"})]}
    assert str(ROOT) not in json.dumps(portable_in(inside))
    assert here_in(portable_in(inside)) == inside


def test_a_folder_of_the_projects_name_within_another_one_is_not_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in an image, where the project is at /app and a volume at /mnt/app."""
    monkeypatch.setattr(compiled, "_ROOT", Path("/app"))
    apart = {
        **{"data": "/mnt/app/rows.csv", "beside": "/app2/rows.csv", "bucket": "gs://bucket/app/rows.csv"},
        **{"inner": json.dumps({"path": "/mnt/app/rows.csv", "other": ["/app2", "x /app/y"]}), "number": 3},
    }
    assert portable_in(apart) == apart
    elsewhere = {"data": "/mnt/$PROJECT/x", "price": "$PROJECTED/x", "text": "in $PROJECT/x"}
    assert here_in(elsewhere) == elsewhere
    ours = {
        "plain": ["/app/rows.csv", "/app", "file:///app/rows.csv"],
        "inner": json.dumps({"a": "/app/x", "b": ["/app", json.dumps({"c": "/app/y", "d": "/mnt/app/y"})]}),
        "quoted": "path = '/app/x'",
    }
    there = portable_in(ours)
    assert there == {
        "plain": ["$PROJECT/rows.csv", "$PROJECT", "file://$PROJECT/rows.csv"],
        "inner": json.dumps({"a": "$PROJECT/x", "b": ["$PROJECT", json.dumps({"c": "$PROJECT/y", "d": "/mnt/app/y"})]}),
        "quoted": "path = '$PROJECT/x'",
    }
    assert here_in(there) == ours


@pytest.mark.parametrize(
    ("name", "good"),
    [
        ("housing.scheduled__2026-01-31T00:00:00+00:00", True),
        ("housing.manual__2026-01-31T00:00:00.123456+00:00_abc~1", True),
        ("..", False),
        (".hidden", False),
        ("a/b", False),
        ("a b", False),
        ("a" * 201, False),
        ("", False),
        ("a\n", False),
    ],
)
def test_names_of_runs(name: str, good: bool) -> None:
    assert bool(re.fullmatch(RUN_ID, name)) is good


def test_the_command_of_a_node() -> None:
    command = node_command("Trainer", "{{ run }}", "/p.json", ["data.span=3"])
    assert command == [
        *("runner.py", "node", "Trainer", "--run", "{{ run }}", "--pipeline", "/p.json", "--set", "data.span=3"),
    ]


def test_the_compiled_pipeline_lies_beside_a_targets_file() -> None:
    assert beside(Path("/dags/housing_dag.py")) == Path("/dags/housing_dag.pipeline.json")
    assert TARGETS[0] == "ir"
    with pytest.raises(SettingsError, match="Nothing is compiled to nowhere yet"):
        renderer("nowhere")


def test_a_file_of_the_future_is_named() -> None:
    assert replace(MADE, format=2).text().startswith('{\n "format": 2')
