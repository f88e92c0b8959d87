"""``runs``, ``show``, ``logs`` and ``diff`` on a written workspace."""

import fcntl
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tensorflow_metadata.proto.v0 import anomalies_pb2

from pipeline.cli import history_text
from pipeline.errors import SettingsError
from pipeline.lineage.archive import Archive, open_archive
from pipeline.lineage.details import nodes
from pipeline.lineage.facts import moment
from pipeline.lineage.runs import Run, describe
from pipeline.lineage.store import Store
from tests.pipeline.command_line import Ask
from tests.pipeline.lineage.conftest import BETTER, DAY, FIRST
from tests.pipeline.lineage.recorder import MODEL, Recorder, digest, settings, source

Refused = Callable[..., str]


def lines(text: str) -> list[str]:
    """The lines of a text with single spaces."""
    return [" ".join(line.split()) for line in text.splitlines()]


def test_runs_word_for_word(ask: Ask, workspace: Path) -> None:
    when = [moment(FIRST + day * DAY) for day in range(6)]
    executions = open_archive(workspace).store.executions_of_run("flats-20260106-100000")
    lived = max(one.ended for one in executions) - (FIRST + 5 * DAY)
    said = ask("runs", "--problem", "flats")
    assert said.code == 0
    assert lines(said.out) == [
        "run when took state data verdict metric version",
        f"flats-20260106-100000 {when[5]} {lived:.0f} s stopped rows.csv 330 rows",
        f"flats-20260105-100000 {when[4]} 41 s failed rows.csv 330 rows Trainer broke",
        f"flats-20260104-100000 {when[3]} 41 s done rows.csv 330 rows not blessed mean_absolute_error 2,000",
        f"flats-20260103-100000 {when[2]} 41 s done rows.csv 330 rows blessed mean_absolute_error 90 3 pushed",
        f"flats-20260102-100000 {when[1]} 41 s done rows.csv 330 rows blessed mean_absolute_error 120 2 pushed",
        f"flats-20260101-100000 {when[0]} 41 s done rows.csv 300 rows blessed mean_absolute_error 100 1 pushed",
    ]


def test_an_error_does_not_widen_the_table_beyond_the_terminal() -> None:
    """It is cut, but stays legible, and what a model scored is never cut; `--json` and `show` have all of it."""
    error = "The data does not match the schema: " + "a column that it has not; " * 20
    found = [
        Run("flats-20260102-100000", "flats", 1.8e9, 41.0, "failed", error=error),
        Run("flats-20260101-100000", "flats", 1.8e9, 41.0, metric={"metric": "mean_absolute_error", "value": 1e9}),
    ]
    told = history_text.runs(found, 150).splitlines()
    assert max(len(line) for line in told) <= 150
    assert "The data does not match the schema: a column" in told[1]
    assert told[1].endswith("…")
    assert "mean_absolute_error 1,000,000,000" in told[2]
    narrow = history_text.runs(found, 40).splitlines()
    assert "The data does not match the" in narrow[1]
    assert "mean_absolute_error 1,000,000,000" in narrow[2]
    assert found[0].as_json()["error"] == error


def test_a_run_without_a_record_is_told_from_the_metadata_alone(ask: Ask) -> None:
    [run] = ask("runs", "--problem", "plants", "--json").json
    assert (run["run"], run["problem"], run["state"]) == ("plants-weekly", "plants", "done")
    assert [Path(one["path"]).name for one in run["data"]["files"]] == ["a.parquet", "b.parquet"]
    assert (run["data"]["rows"], run["data"]["span"]) == ({"train": 120, "eval": 30}, 7)
    assert (run["blessed"], run["metric"]) == (True, {"metric": "mean_absolute_error", "value": 50})
    assert (run["version"], run["pushed"]) == (1, True)
    shown = ask("show", "plants", "--json").json
    assert [one["node"] if "node" in one else one["name"] for one in shown["nodes"]][:4] == [
        *("ExampleGen", "ImportSchemaGen", "Transform", "Trainer")
    ]
    assert shown["settings"] == settings()
    assert shown["libraries"]["tensorflow"] == "2.16.2"


def test_runs_lists_the_latest_and_says_how_many_there_are(ask: Ask) -> None:
    said = ask("runs", "-n", "2")
    assert [line.split()[0] for line in said.out.splitlines()[:3]] == ["run", "flats-20260106-100000", "plants-weekly"]
    assert said.out.endswith("and 5 earlier; --all lists them\n")
    assert len(ask("runs", "--all", "--json").json) == 7


def test_show_word_for_word(ask: Ask, workspace: Path) -> None:
    said = ask("show", "flats-20260103")
    assert said.code == 0
    told = [line for line in lines(said.out) if "artifacts/" not in line and "reused" not in line]
    started = moment(FIRST + 2 * DAY)
    code = workspace / "runs" / "flats-20260103-100000" / "code" / "flats"
    archive = open_archive(workspace)
    times = [moment(one.started)[11:] for one in archive.store.executions_of_run("flats-20260103-100000")]
    assert told == [
        f"flats-20260103-100000: done in 41 s, started {started}",
        "",
        "data /data/rows.csv: 330 rows, hash f3f483d81ace",
        "rows 330 (train 264, eval 66), span 0",
        "verdict blessed: mean_absolute_error 90 is at or below its upper bound 1,000",
        "pushed version 3",
        "metrics overall mean_absolute_error 90; at most 1,000 ok",
        "district=Hill mean_absolute_error 90",
        "district=Harbour mean_absolute_error 110",
        f"Trainer ran 1.5 s {times[3]} first run",
        f"Resolver ran 1.5 s {times[4]} first run",
        f"Evaluator ran 1.5 s {times[5]} first run",
        f"InfraValidator ran 1.5 s {times[6]} first run",
        f"Pusher ran 1.5 s {times[7]} first run",
        "settings label = rent",
        "data.path = ../rows.csv",
        "data.hash_buckets.train = 4",
        "data.hash_buckets.eval = 1",
        "training.train_steps = 30",
        "training.batch_size = 32",
        "training.params.learning_rate = 0.1",
        "evaluation.metrics = [{name = mean_absolute_error, upper_bound = 1000.0}]",
        f"code Transform runs {digest('preprocessing')[:12]}",
        f"Trainer runs {digest(BETTER)[:12]}",
        f"files model.py in {code}",
        "libraries tensorflow 2.16.2, tfx 1.16.0",
    ]


def test_show_says_which_run_made_what_was_reused(ask: Ask) -> None:
    told = lines(ask("show", "flats-20260103").out)
    assert [line for line in told if " reused " in f" {line} "] == [
        line for line in told if "made in run flats-20260102-100000" in line
    ]
    assert sum("made in run" in line for line in told) == 3
    assert "transform_graph 12 artifacts/flats/Transform/transform_graph/11" in told


def test_show_of_a_run_that_failed(ask: Ask) -> None:
    said = ask("show", "flats-20260105")
    assert said.out.splitlines()[0] == f"flats-20260105-100000: failed after 41 s, started {moment(FIRST + 4 * DAY)}"
    told = lines(said.out)
    assert any(line.startswith("Trainer failed 1.5 s") for line in told)
    assert "Pusher skipped 1.5 s" in told
    assert told[-1] == "error Trainer broke"
    assert not [line for line in told if line.startswith("verdict")]


def test_a_run_is_running_while_its_lock_is_held(place: Path) -> None:
    writer = Recorder(place)
    writer.run("flats-20260101-100000", running=True)
    with (place / "runs" / "flats-20260101-100000" / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert describe(open_archive(place), "flats-20260101-100000").state == "running"
        fcntl.flock(lock, fcntl.LOCK_UN)
        assert describe(open_archive(place), "flats-20260101-100000").state == "stopped"


def test_a_run_whose_nodes_a_scheduler_starts_waits_between_them(place: Path) -> None:
    name = "flats-20260101-100000"
    Recorder(place).run(name, running=True, started=time.time() - 100)
    folder = place / "runs" / name
    file = folder / "job.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "scheduled": {"set": []}}))

    def states() -> tuple[str, set[str]]:
        archive = open_archive(place)
        return describe(archive, name).state, {one.state for one in nodes(archive, name)} - {"ran", "reused"}

    assert states() == ("waiting", {"stopped"})
    archive = open_archive(place)
    [left] = [one.name for one in nodes(archive, name) if one.state == "stopped"]
    for node, expected in (("Another", "stopped"), (left, "running")):
        (folder / ".nodes").mkdir(exist_ok=True)
        with (folder / ".nodes" / node).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            assert states() == ("running", {expected})
            outcome = {"run": name, "seconds": 1, "error": {"headline": "a node failed"}, "nodes": []}
            (folder / "outcome.json").write_text(json.dumps(outcome))
            assert states()[0] == "running", "another node of it does not know yet"
        assert states()[0] == "failed"
        (folder / "outcome.json").unlink()


def test_how_long_a_run_took_that_did_not_end(place: Path) -> None:
    name = "flats-20260101-100000"
    writer = Recorder(place)
    writer.run(name, running=True, started=time.time() - 100)
    folder = place / "runs" / name
    os.utime(folder / "job.json", (time.time() - 100,) * 2)
    for file in (place / "logs" / name).iterdir():
        os.utime(file, (time.time() + 50,) * 2)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert describe(open_archive(place), name).seconds == pytest.approx(100, abs=5)  # until now
        fcntl.flock(lock, fcntl.LOCK_UN)
        assert describe(open_archive(place), name).seconds == pytest.approx(150, abs=5)  # until what was logged last
    os.utime(folder / "job.json")  # a copy: the times of its files are not the run's
    assert describe(open_archive(place), name).seconds == pytest.approx(100, abs=5)
    told = [{"at": time.time() - 10, "seconds": 30.0, "error": None}]
    (folder / "resumes.json").write_text(json.dumps(told))
    assert describe(open_archive(place), name).seconds == pytest.approx(40, abs=5)


def test_a_run_that_ended_before_there_was_metadata_is_listed(ask: Ask, tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "flats-20260101-100000"
    folder.mkdir(parents=True)
    (tmp_path / "runs" / "flats.r1" / ".nodes").mkdir(parents=True)  # of somebody who was killed before it had begun
    error = {"kind": "user-code", "headline": "model.py cannot be imported", "where": "model.py:3", "hint": "mend it"}
    job = {"run": folder.name, "problem": {"name": "flats", "settings": settings()}, "started": FIRST}
    (folder / "job.json").write_text(json.dumps(job))
    (folder / "outcome.json").write_text(json.dumps({"run": folder.name, "seconds": 7, "error": error, "nodes": []}))
    [_, row] = ask("runs", "--workspace", str(tmp_path)).out.splitlines()
    assert row.split() == [
        *("flats-20260101-100000", *moment(FIRST).split(), "7", "s", "failed"),
        *("model.py", "cannot", "be", "imported"),
    ]
    assert lines(ask("show", "--workspace", str(tmp_path)).out)[-3:] == [
        "error model.py cannot be imported",
        "where: model.py:3",
        "hint: mend it",
    ]


def test_logs(ask: Ask, workspace: Path) -> None:
    said = ask("logs", "flats-20260103", "trainer")
    assert (said.code, said.out) == (0, "Trainer of flats-20260103-100000\n")
    assert said.err == "flats-20260103 is the run flats-20260103-100000\n\n"
    assert ask("logs", "flats-20260103-100000", "trainer").err == ""
    said = ask("logs", "flats-20260103", "Transform")
    assert said.out == "Transform of flats-20260103-100000\n"
    assert "Transform was reused; what it made is of run flats-20260102-100000" in said.err
    said = ask("logs", "flats-20260103", "Trainer", "--path")
    assert said.out == f"{workspace}/logs/flats-20260103-100000/Trainer.log\n"


def test_diff_of_changed_data_word_for_word(ask: Ask) -> None:
    said = ask("diff", "flats-20260101", "flats-20260102")
    assert lines(said.out) == [
        "flats-20260101-100000 -> flats-20260102-100000",
        "",
        "data /data/rows.csv changed: hash 313e75a1d9ac became f3f483d81ace",
        "rows: train 240 -> 264, eval 60 -> 66",
        "schema the same",
        "moved the statistics of one of the runs are not there to be compared",
        "code the same",
        "settings the same",
        "libraries the same",
        "metrics overall example_count 60 -> 66 (+10.0%)",
        "overall mean_absolute_error 100 -> 120 (+20.0%)",
        "district=Harbour mean_absolute_error 110 -> 119 (+8.2%)",
        "district=Hill mean_absolute_error 90 -> 99 (+10.0%)",
        "verdict blessed -> blessed: mean_absolute_error 120 is at or below its upper bound 1,000",
    ]


def test_diff_of_changed_code_and_setting_word_for_word(ask: Ask) -> None:
    said = ask("diff", "flats-20260102", "flats-20260103", "--code")
    told = lines(said.out)
    assert told[2:8] == [
        "data the same",
        "schema the same",
        "moved the statistics of one of the runs are not there to be compared",
        "code model.py: changed, 2 lines added, 1 removed",
        "settings training.train_steps: 20 -> 30",
        "libraries the same",
    ]
    assert said.out.endswith(
        "--- a/model.py\n+++ b/model.py\n@@ -1,2 +1,3 @@\n"
        " def model_fn(features, labels, mode, params):\n-    return None\n+    return spec\n+# better\n"
    )
    value = ask("diff", "flats-20260102", "flats-20260103", "--code", "--json").json
    assert value["code"]["files"][0]["diff"].startswith("--- a/model.py")
    assert value["settings"] == {"training.train_steps": {"before": 20, "after": 30}}


def test_diff_of_a_library_and_a_verdict(ask: Ask) -> None:
    told = lines(ask("diff", "flats-20260103", "flats-20260104").out)
    assert "libraries tfx: 1.16.0 -> 1.16.1" in told
    assert "verdict blessed -> not blessed: mean_absolute_error 2,000 is above its upper bound 1,000" in told


def test_diff_alone_compares_with_the_run_before_of_the_same_problem(ask: Ask, refused: Refused, place: Path) -> None:
    assert ask("diff").out.splitlines()[0] == "flats-20260105-100000 -> flats-20260106-100000"  # plants is in between
    writer = Recorder(place)
    writer.run("flats-20260101-100000")
    writer.run("plants-20260102-100000", problem="plants")
    said = refused("diff", "--workspace", str(place))
    assert "There is no run of plants before plants-20260102-100000 to compare it with" in said


def test_diff_of_two_problems_says_so_first_and_gives_no_percentages(ask: Ask) -> None:
    said = ask("diff", "flats-20260103", "plants")
    told = lines(said.out)
    assert told[2] == "problem flats -> plants: two problems, whose metrics do not measure the same"
    assert "overall mean_absolute_error 90 -> 50" in told


def test_diff_of_a_run_with_itself_is_refused(refused: Refused) -> None:
    same = "That is the same run twice: flats-20260106-100000"
    assert same in refused("diff", "last")
    assert same in refused("diff", "last", "flats-20260106")


def test_diff_of_runs_without_copies_goes_by_the_hashes(ask: Ask, place: Path) -> None:
    writer = Recorder(place, files=False)
    writer.run("one", record=False)
    writer.run("two", record=False, code="x = 1", sources=[source("/data/other.csv", "v1")], span=3)
    told = lines(ask("diff", "--workspace", str(place)).out)
    assert told[0] == "one -> two"
    assert "data /data/other.csv was added" in told
    assert "/data/rows.csv was left out" in told
    assert "span 0 became 3" in told
    assert f"code of Trainer: {digest(MODEL)[:12]} -> {digest('x = 1')[:12]}" in told
    assert "no copy of the code is here to compare line by line" in told


def test_last_and_beginnings_of_names(ask: Ask) -> None:
    assert ask("show", "last", "--json").json["run"] == "flats-20260106-100000"
    assert ask("show", "last-1", "--json").json["run"] == "plants-weekly"
    assert ask("show", "plants", "--json").json["run"] == "plants-weekly"
    assert ask("show", "plants").out.startswith("plants-weekly: "), "which run it is"


def test_a_whole_name_means_that_run_alone(place: Path) -> None:
    for name in ("flats.2026-01-3", "flats.2026-01-31", "flats.2026-01-31.again"):
        (place / "runs" / name).mkdir(parents=True)
    archive = Archive(place, Store(None))
    assert [archive.find(name) for name in archive.runs] == archive.runs
    assert archive.find("flats.2026-01-31.") == "flats.2026-01-31.again"
    with pytest.raises(SettingsError, match="is the beginning of 3 runs"):
        archive.find("flats.2026-01-")


@pytest.mark.parametrize("command", [("runs",), ("show",), ("diff",), ("logs", "last", "Trainer"), ("serving",)])
def test_no_workspace(refused: Refused, tmp_path: Path, command: tuple[str, ...]) -> None:
    said = refused(*command, "--workspace", str(tmp_path / "nowhere"))
    assert f"There is no workspace here\n  where:    {tmp_path}/nowhere\n  got:      no such folder" in said
    said = refused(*command, "--workspace", str(tmp_path))
    assert "a folder without metadata.db and runs" in said


def test_an_empty_workspace(refused: Refused, place: Path) -> None:
    (place / "runs").mkdir()
    assert "The workspace is empty: nothing has run in it yet" in refused("runs", "--workspace", str(place))
    Recorder(place)
    assert "The workspace is empty" in refused("lineage", "model", "--workspace", str(place))


def test_a_database_without_tables_is_empty(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "metadata.db").touch()
    assert "The workspace is empty" in refused("runs", "--workspace", str(tmp_path))


def test_a_file_that_is_no_database(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "metadata.db").write_text("no database" * 1000)
    said = ask("runs", "--workspace", str(tmp_path))
    assert said.code == 1
    assert "The workspace's metadata cannot be read" in said.err
    assert "got:      file is not a database" in said.err


def test_unknown_runs(refused: Refused) -> None:
    assert "did you mean flats-20260103-100000?" in refused("show", "flats-20260103-10000O")
    assert "`python runner.py runs` lists them" in refused("show", "zzz")
    assert "There is no run '20260103-100000'" in refused("show", "20260103-100000")  # the end of one
    said = refused("show", "last-9")
    assert "There is no run last-9\n" in said
    assert "the oldest is flats-20260101-100000, last-6" in said
    said = refused("diff", "flats", "last")
    assert "'flats' is the beginning of 6 runs" in said
    assert "No run of a problem 'flat'" in refused("runs", "--problem", "flat")


def test_unknown_logs(refused: Refused) -> None:
    said = refused("logs", "flats-20260103", "Trianer")
    assert "The run flats-20260103-100000 has no log of a node 'Trianer'" in said
    assert "did you mean Trainer?" in said
    assert "left no logs here" in refused("logs", "plants-weekly", "Trainer")


def test_errors_are_json_on_request(ask: Ask) -> None:
    said = ask("show", "zzz", "--json")
    assert said.code == 2
    assert said.json["error"]["headline"] == "There is no run 'zzz'"


def test_show_tells_the_anomalies(ask: Ask, place: Path) -> None:
    writer = Recorder(place)
    folder = place / "found"
    found = anomalies_pb2.Anomalies()
    found.anomaly_info["district"].short_description = "Unexpected string values"
    found.anomaly_info["district"].description = "Examples contain values missing from the schema: Moon (~2%)."
    for split in ("train", "eval"):
        (folder / f"Split-{split}").mkdir(parents=True)
        (folder / f"Split-{split}" / "SchemaDiff.pb").write_bytes(found.SerializeToString())
    writer.run("flats-20260101-100000", anomalies=folder)
    said = lines(ask("show", "--workspace", str(place)).out)
    assert (
        "anomalies district: Unexpected string values: Examples contain values missing from the schema: Moon (~2%). "
        "(split eval, train)" in said
    )
