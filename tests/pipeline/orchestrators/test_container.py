"""What a container reads of what the platform says, and what it says back."""

import json
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from google.protobuf import json_format

from pipeline.errors import SettingsError
from pipeline.orchestrators import checking, container, vertex
from pipeline.orchestrators.container import PROJECT_FOLDER, checked, output_of, read_task, run_command
from pipeline.orchestrators.manifest import digest
from tests.pipeline.orchestrators.small import compiled, options


def said(**parameters: Any) -> str:
    kind = {"schemaTitle": "system.Model", "schemaVersion": "0.0.1"}
    model = {"artifacts": [{"name": "n/1", "type": kind, "uri": "minio://b/model", "metadata": {}}]}
    outputs = {"artifacts": {"model": model, "model_run": model}, "outputFile": "/tmp/kfp_outputs/output_metadata.json"}
    return json.dumps({"inputs": {"parameterValues": {"run": "5f0c", **parameters}}, "outputs": outputs})


def test_a_task_is_read_from_what_the_platform_says() -> None:
    task = read_task(said(data="", settings=[]))
    assert (task.run, task.overrides) == ("5f0c", ())
    assert task.output_file == Path("/tmp/kfp_outputs/output_metadata.json")
    assert task.outputs == {"model": "n/1", "model_run": "n/1"}


@pytest.mark.parametrize("settings", [["data.span=3", "training.seed=7"], '["data.span=3", "training.seed=7"]'])
def test_the_data_and_the_settings_are_overrides(settings: Any) -> None:
    task = read_task(said(data='/mnt/a "b"/*.csv', settings=settings))
    assert task.overrides == ('data.path="/mnt/a \\"b\\"/*.csv"', "data.span=3", "training.seed=7")


@pytest.mark.parametrize("given", [{"data": None, "settings": None}, {"data": "", "settings": ""}, {}])
def test_what_is_not_given_is_none(given: dict[str, Any]) -> None:
    assert read_task(said(**given)).overrides == ()


@pytest.mark.parametrize(
    "settings", [{"training.seed": 7}, "training.seed=7", [["training.seed", 7]], 7, '"a=1"', "{}"]
)
def test_settings_are_a_list_of_texts(settings: Any) -> None:
    with pytest.raises(SettingsError) as caught:
        read_task(said(settings=settings))
    assert "settings" in str(caught.value.where) or "cannot be read" in caught.value.headline


def test_on_vertex_the_output_file_is_in_a_bucket() -> None:
    text = said().replace("/tmp/kfp_outputs/output_metadata.json", "gs://bucket/out/executor_output.json")
    assert read_task(text).output_file == Path("/gcs/bucket/out/executor_output.json")


@pytest.mark.parametrize("text", ["", "[]", "{{$}}", '{"outputs": {"artifacts": {"model": {}}}}', '{"inputs": 3}'])
def test_what_is_no_executor_input_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        read_task(text)


@pytest.mark.parametrize("run", ["", "{{$.pipeline_job_uuid}}"])
def test_a_platform_that_does_not_name_the_run_is_told_from_which_version_on_it_does(run: str) -> None:
    with pytest.raises(SettingsError, match="which run this is") as caught:
        read_task(said(run=run))
    assert "2.5 or newer" in str(caught.value.hint)


def test_the_output_is_one_that_the_platform_reads() -> None:
    from kfp.pipeline_spec import pipeline_spec_pb2 as specs

    long = "x" * 5000
    made = {
        "model": [{"uri": "/gcs/bucket/w/model/6", "id": 6, "properties": {"blessed": 1, "reason": long, "odd": [1]}}],
        "model_run": [],
        "unknown": [{"uri": "/mnt/x", "id": 7, "properties": {}}],
    }
    read = json_format.Parse(json.dumps(output_of(read_task(said()), made)), specs.ExecutorOutput())
    assert set(read.artifacts) == {"model"}
    [artifact] = read.artifacts["model"].artifacts
    assert (artifact.name, artifact.uri) == ("n/1", "gs://bucket/w/model/6")
    assert dict(artifact.metadata) == {"blessed": 1, "reason": long[:1000]}


def test_another_compiled_pipeline_than_the_runs_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "rents.pipeline.json"
    compiled(settings={"training": {"train_steps": 5}}).write(file)
    with pytest.raises(SettingsError, match="another compiled pipeline") as caught:
        checked(file, digest(compiled()))
    assert "build the image again" in str(caught.value.hint)
    compiled().write(file)
    assert checked(file, digest(compiled())).problem == "flat_rents"


def test_an_error_is_told_in_words_with_its_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "rents.pipeline.json"
    given = ["Trainer", "--pipeline", str(file), "--definition", "0" * 12, "--executor-input", said()]
    assert container.main(given) == 2
    assert "There is no compiled pipeline here" in capsys.readouterr().err


NODE = """
import pathlib, sys
file = pathlib.Path(sys.argv[1])
file.parent.mkdir(parents=True, exist_ok=True)
file.write_text(sys.argv[2])
"""


def node_that_makes(file: Path, result: Any) -> Any:
    """In place of ``node_command``: a process that only writes down its result."""
    return lambda *given: ["-c", NODE, str(file), json.dumps(result)]


def test_the_container_of_vertex_is_told_of_buckets_and_tells_of_buckets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    buckets = f"{tmp_path}/gcs/"
    for module in (checking, container, vertex):
        monkeypatch.setattr(module, "BUCKETS", buckets)
    there = compiled(
        workspace=f"{buckets}b/w", pipeline_root=f"{buckets}b/w/artifacts/flat_rents", serving=f"{buckets}b/w/serving"
    )
    file = Path(there.workspace) / "rents.pipeline.json"
    file.parent.mkdir(parents=True)
    there.write(file)
    job = yaml.safe_load(vertex.render(there, options(pipeline=file)))
    given = job["pipelineSpec"]["deploymentSpec"]["executors"]["exec-trainer"]["container"]
    assert given["command"] == ["python", "-m", "pipeline.orchestrators.container"]
    text = said(run="5f0c").replace("/tmp/kfp_outputs/output_metadata.json", "gs://b/w/vertex/1/executor_output.json")
    arguments = [word.replace("{{$}}", text) for word in given["args"]]
    made = {
        name: [{"uri": f"{there.pipeline_root}/Trainer/{name}/6", "properties": {}}] for name in ("model", "model_run")
    }
    record = Path(there.workspace) / "runs" / "flat_rents.5f0c" / "nodes" / "Trainer.json"
    monkeypatch.setattr(container, "node_command", node_that_makes(record, {"outputs": made}))
    assert container.main(arguments) == 0
    output = json.loads((tmp_path / "gcs" / "b" / "w" / "vertex" / "1" / "executor_output.json").read_text())
    assert {name: one["artifacts"][0]["uri"] for name, one in output["artifacts"].items()} == {
        name: f"gs://b/w/artifacts/flat_rents/Trainer/{name}/6" for name in ("model", "model_run")
    }


@pytest.mark.parametrize(
    "result", [None, {}, {"outputs": {"model": [{}]}}, [1], {"outputs": {"model": [{"uri": "/a"}]}}]
)
def test_a_node_that_is_done_is_done_whether_or_not_the_platform_hears_of_it(
    result: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    there = compiled(workspace=str(tmp_path))
    file = tmp_path / "rents.pipeline.json"
    there.write(file)
    (tmp_path / "full").write_text("no folder")
    text = said().replace("/tmp/kfp_outputs/", f"{tmp_path}/full/")
    record = tmp_path / "runs" / "flat_rents.5f0c" / "nodes" / "Trainer.json"
    made = node_that_makes(record, result) if result is not None else lambda *given: ["-c", ""]
    monkeypatch.setattr(container, "node_command", made)
    given = ["Trainer", "--pipeline", str(file), "--definition", digest(there), "--executor-input", text]
    assert container.main(given) == 0
    told = capsys.readouterr().err
    assert "the node is done, but the platform is not told what it made" in told
    assert "Traceback" not in told


def test_exit_codes_are_those_of_the_node() -> None:
    assert run_command(["-c", "raise SystemExit(3)"]) == 3
    assert run_command(["-c", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"]) == 137


def test_a_signal_reaches_the_node(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    inner = (
        "import pathlib, signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))\n"
        f"pathlib.Path({str(ready)!r}).touch()\ntime.sleep(60)\n"
    )
    run = "from pipeline.orchestrators.container import run_command"
    outer = f"import sys; {run}; sys.exit(run_command(['-c', {inner!r}]))"
    process = subprocess.Popen([sys.executable, "-c", outer], cwd=PROJECT_FOLDER)

    def end() -> None:
        until = time.monotonic() + 30
        while not ready.exists() and time.monotonic() < until:
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)

    threading.Thread(target=end).start()
    assert process.wait(60) == 143


@pytest.mark.parametrize("module", ["container", "replica", "kubeflow", "vertex", "tfjob"])
def test_nothing_heavy_is_imported_around_a_node(module: str) -> None:
    heavy = ("tensorflow", "tfx", "apache_beam", "ml_metadata", "kfp", "kubernetes", "google.cloud.aiplatform")
    code = f"import sys, pipeline.orchestrators.{module}\nprint([one for one in {heavy!r} if one in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT_FOLDER, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
