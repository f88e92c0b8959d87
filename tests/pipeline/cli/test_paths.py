"""Paths as they are given: a home folder of nobody is refused in words, by every command that takes one."""

from pathlib import Path

import pytest

from pipeline.cli.main import main
from pipeline.cli.paths import absolute, expanded

NOBODY = "~nobody-of-that-name"
IR = ("compile", "housing", "--target", "ir", "--out")


def test_a_path_is_taken_from_the_home_folder_or_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert expanded("~/x") == tmp_path / "x"
    assert expanded(Path("x")) == Path("x")
    (tmp_path / "current").symlink_to(tmp_path / "else")
    monkeypatch.chdir(tmp_path)
    assert absolute("y/../current") == tmp_path / "current"


@pytest.mark.parametrize(
    "words",
    [
        (*IR, f"{NOBODY}/x.json"),
        *((*IR, "x.json", option, f"{NOBODY}/x") for option in ("--workspace", "--serving", "--pipeline-root")),
        ("node", "Trainer", "--run", "r.1", "--pipeline", f"{NOBODY}/x"),
        *((*command, "--workspace", f"{NOBODY}/w") for command in (["runs"], ["gc"], ["resume"], ["tensorboard"])),
    ],
)
def test_a_home_folder_of_nobody_is_refused_in_words(
    words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(list(words)) == 2
    said = capsys.readouterr().err
    assert "There is no such home folder" in said
    assert NOBODY in said
    assert not list(tmp_path.iterdir())
