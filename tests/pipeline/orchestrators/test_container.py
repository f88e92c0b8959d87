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
from google.protobuf import json_format

from pipeline.errors import SettingsError
from pipeline.orchestrators import container
from pipeline.orchestrators.container import PROJECT_FOLDER, checked, output_of, read_task, run_command
from pipeline.orchestrators.manifest import digest
from tests.pipeline.orchestrators.small import compiled


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
    assert "2.4 or newer" in str(caught.value.hint)


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
