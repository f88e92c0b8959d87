"""Compiling: all problems that ship, without a look at data or a store."""

import json
from pathlib import Path

import pytest

from pipeline.cli.main import main
from pipeline.cli.problems import names
from pipeline.config.model import Settings
from pipeline.config.nodes import chain
from pipeline.orchestrators.compiled import here_in, read

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("problem", names())
def test_no_data_and_no_store_are_touched(
    problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["compile", problem, "--target", "ir", "--out", "made.json", "--data", "/no/such/data/*.csv", "--json"]
    assert main([*words, "--metadata-url", "postgresql://pipeline@127.0.0.1:1/none"]) == 0
    told = json.loads(capfd.readouterr().out)
    assert told["files"] == [str(tmp_path / "made.json")]
    assert [one.name for one in tmp_path.iterdir()] == ["made.json"]

    made = read(tmp_path / "made.json")
    settings = Settings.model_validate(here_in(dict(made.settings)))
    assert made.upstream == chain(settings)
    assert settings.data.path == "/no/such/data/*.csv"
    assert made.metadata_url == settings.metadata.url == "postgresql://pipeline@127.0.0.1:1/none"
    assert made.pipeline_root == f"{tmp_path}/workspace/artifacts/{problem}"
    assert {one["pipeline_node"]["node_info"]["id"] for one in made.ir["nodes"]} == set(made.upstream)
    assert all(one.doc.endswith(".") and one.type for one in made.nodes)
    assert {one.id for one in made.nodes if one.heavy} >= {"Transform", "Trainer", "Evaluator"}
    assert str(ROOT) not in (tmp_path / "made.json").read_text(), "it holds where the project lies"


def test_a_pipeline_root_of_ones_own(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "made.json"
    words = ["compile", "housing", "--target", "ir", "--out", str(out), "--pipeline-root", "gs://bucket/root"]
    assert main([*words, "--serving", str(tmp_path / "serving")]) == 0
    capfd.readouterr()
    made = read(out)
    assert made.pipeline_root == "gs://bucket/root"
    assert made.ir["runtime_spec"]["pipeline_root"]["field_value"]["string_value"] == "gs://bucket/root"
    assert made.serving == str(tmp_path / "serving")
    assert main(["node", "ExampleGen", "--run", "housing.1", "--pipeline", str(out)]) == 2
    assert "--pipeline-root is no folder" in capfd.readouterr().err
