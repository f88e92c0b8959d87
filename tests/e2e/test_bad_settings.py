"""Wrong use: refused before a framework is loaded or a workspace is made."""

from pathlib import Path

import pytest

from tests.e2e.site import Ended, Site, edited, line_of, refused


def test_a_missing_path(ground: Site, tmp_path: Path) -> None:
    ended = ground.run(data=ground.data.with_name("rows.cvs"), workspace=tmp_path / "new")
    refused(ended, 3, "The data path does not exist", "rows.cvs", f"Did you mean {ground.data}?")
    assert not (tmp_path / "new").exists()


def test_a_missing_path_as_json(ground: Site, tmp_path: Path) -> None:
    ended = ground.run("--json", data=tmp_path / "nothing.csv", workspace=tmp_path / "new")
    assert ended.code == 3
    assert list(ended.json) == ["error"]
    error = ended.json["error"]
    assert list(error) == ["kind", "exit_code", "headline", "where", "got", "expected", "hint"]
    assert (error["kind"], error["exit_code"]) == ("data", 3)
    assert error["got"] == str(tmp_path / "nothing.csv")
    assert ended.stderr == ""


def test_a_schema_that_is_none(ground: Site, tmp_path: Path) -> None:
    file = ground.problem / "schema.pbtxt"
    with edited(file, 'name: "rent" type', 'name: "rent" tipe'):
        line = line_of(file, "tipe")
        ended = ground.run(workspace=tmp_path / "new")
    refused(ended, 2, "The curated schema cannot be parsed", f"{file}:{line}:", 'no field named "tipe"')
    assert not (tmp_path / "new").exists()


def test_three_mistakes_in_the_settings_file_are_told_at_once(ground: Site, tmp_path: Path) -> None:
    file = ground.problem / "pipeline.toml"
    with (
        edited(file, "train_steps = 20", "train_stepz = 20"),
        edited(file, "batch_size = 32", 'batch_size = "many"'),
        edited(file, 'label = "rent"', 'label = "rent"\nvalidation.anomalies = "repotr"'),
    ):
        ended = ground.run(workspace=tmp_path / "new")
        places = [f"{file}:{line_of(file, piece)}" for piece in ("repotr", "train_stepz", "batch_size")]
    refused(
        ended,
        2,
        "3 mistakes in the settings of flats",
        *places,
        "Unknown setting training.train_stepz",
        "did you mean training.train_steps?",
        "training.batch_size is not valid",
        '"many"',
        "validation.anomalies is not valid",
        "did you mean 'report'?",
    )
    assert [ended.text.index(place) for place in places] == sorted(ended.text.index(place) for place in places)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("override", "headline", "suggestion"),
    [
        ("training.train_step=7", "Unknown setting training.train_step", "did you mean training.train_steps?"),
        ("trainning.train_steps=7", "Unknown setting trainning", "did you mean training?"),
        ("training.train_steps=-7", "training.train_steps is not valid", "greater than or equal to 1"),
        ("training.train_steps", "An override is not key=value", "--set training.seed=7"),
    ],
)
def test_a_wrong_override(ground: Site, tmp_path: Path, override: str, headline: str, suggestion: str) -> None:
    ended = ground.run("--set", override, workspace=tmp_path / "new")
    refused(ended, 2, headline, f"--set {override}", suggestion)
    assert not (tmp_path / "new").exists()


def test_an_unknown_problem(ground: Site, tmp_path: Path) -> None:
    wrong = Site(Path("housin"), ground.data, tmp_path / "new")
    refused(wrong.run(), 2, "There is no problem 'housin'", "did you mean housing?")


def test_an_unknown_option(ground: Site, tmp_path: Path) -> None:
    ended: Ended = ground.run("--worksapce", "x", workspace=tmp_path / "new")
    assert ended.code == 2
    assert "Traceback" not in ended.text
    assert "--workspace" in ended.text
