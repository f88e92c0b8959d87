"""The command line without a framework: speed, help, and commands that only read."""

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.cli.main import main

ROOT = Path(__file__).parents[3]
HEAVY = ("tensorflow", "apache_beam", "tfx", "pyarrow", "pandas", "numpy", "pydantic")


def runner(*arguments: str, code: str | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code] if code else [sys.executable, "runner.py", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_help_imports_no_framework() -> None:
    done = runner(
        code="import sys, runner\n"
        "runner.main(['--help'])\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    assert done.stderr.strip() == "[]"


def test_reading_commands_import_no_framework() -> None:
    done = runner(
        code="import sys, runner\n"
        "runner.main(['problems'])\n"
        "runner.main(['doctor'])\n"
        f"print([name for name in {HEAVY[:3]!r} if name in sys.modules], file=sys.stderr)"
    )
    assert done.stderr.strip() == "[]"


def test_help_costs_under_four_tenths_of_a_second_of_cpu() -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert runner("--help").returncode == 0
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 0.4


def test_help_names_the_commands_and_the_exit_codes() -> None:
    text = " ".join(runner("--help").stdout.split())
    for word in ("run", "problems", "doctor", "3 data refused", "5 model not blessed"):
        assert word in text


def test_version() -> None:
    assert runner("--version").stdout.strip() == "estimator-pipeline, version 0.1.0"


def test_problems_lists_what_ships(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["problems", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["housing"]["label"] == "median_house_value"
    assert "error" not in rows["housing"]


def test_doctor_finds_this_environment_healthy(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["healthy"]
    assert {one["name"]: one["found"] for one in report["findings"]}["tensorflow"] == "2.16.2"


def test_doctor_says_where_a_workspace_cannot_be(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--workspace", "/proc/nowhere"]) == 1
    assert "BAD   workspace" in capsys.readouterr().out


def test_an_unknown_problem_is_refused_with_a_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "huosing"]) == 2
    text = capsys.readouterr().err
    assert "There is no problem 'huosing'" in text
    assert "did you mean housing?" in text


def test_a_wrong_option_is_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--nonsense"]) == 2
    assert "No such option" in capsys.readouterr().err


def test_errors_are_json_on_request(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "housing", "--json", "--set", "training.seed=x"]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["exit_code"] == 2
    assert error["parts"][0]["where"] == "--set training.seed=x"
