"""The files for Kubeflow, taken at their word: their containers' commands run here, told what a platform would tell.

No container and no cluster is there. One run is made by the tasks of the Kubeflow pipeline; the pods of the TFJob train
in another. What takes longer, both in one run and pods that are killed, is for `make soak`.
"""

import functools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from google.protobuf import json_format

from pipeline.metadata.address import PASSWORD_VARIABLE
from pipeline.orchestrators import tfjob
from pipeline.orchestrators.compiled import read
from pipeline.orchestrators.targets import Options
from tests.crash.whole import no_process_lives_on
from tests.e2e.operator import Operator
from tests.e2e.site import BEFORE_TRAINING, FROM_TRAINING, PROJECT, Site
from tests.pipeline.orchestrators.small import IMAGE
from tests.servers import SECRET, DatabaseServer

pytestmark = pytest.mark.slow

RUN = "5f0c1f0e-6a53-4c07-9f6f-1d3a9e1f8b11"
CLUSTER = ("--set", "training.cluster.workers=2", "--set", "training.save_checkpoints_steps=100")


@dataclass(frozen=True)
class Platform:
    """A problem compiled for both platforms, and what they would have: the volume, the database, the password."""

    site: Site
    root: Path
    image: Path

    @property
    def environment(self) -> dict[str, str]:
        """What every container has, the image's own."""
        kept = {name: value for name, value in os.environ.items() if name not in ("TF_CONFIG", PASSWORD_VARIABLE)}
        return {**kept, "PYTHONPATH": str(self.image), "PYTHONUNBUFFERED": "1"}

    def compile(self, url: str, *more: str) -> Any:
        """Compile for Kubeflow Pipelines; return the pipeline spec."""
        out = self.image / "deploy" / "flats.yaml"
        command = [sys.executable, "runner.py", "compile", self.site.problem.name, "--target", "kubeflow"]
        command += ["--image", IMAGE]
        command += ["--out", str(out), "--workspace", str(self.root), "--data", str(self.site.data)]
        done = subprocess.run(
            [*command, "--metadata-url", url, *more],
            cwd=self.image,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return next(yaml.safe_load_all(out.read_text()))

    def task(self, spec: Any, name: str, *, run: str = RUN, **parameters: Any) -> tuple[int, Any, str]:
        """Run a task's container command as the platform would; return its code, its ExecutorOutput and its log."""
        from kfp.pipeline_spec import pipeline_spec_pb2 as specs

        component = spec["components"][spec["root"]["dag"]["tasks"][name]["componentRef"]["name"]]
        container = spec["deploymentSpec"]["executors"][component["executorLabel"]]["container"]
        folder = self.root.parent / "kfp_outputs" / name
        shutil.rmtree(folder, ignore_errors=True)  # each pod has its own
        given = executor_input(spec, name, folder / "output_metadata.json", {"run": run, **parameters})
        told = json_format.MessageToJson(given, indent=None)
        command = [word.replace("{{$}}", told) for word in [*container["command"], *container["args"]]]
        done = subprocess.run(
            [sys.executable if word == "python" else word for word in command],
            env={**self.environment, PASSWORD_VARIABLE: SECRET},
            cwd=self.image,
            capture_output=True,
            text=True,
            check=False,
        )
        file = folder / "output_metadata.json"
        output = json_format.Parse(file.read_text(), specs.ExecutorOutput()) if file.exists() else None
        return done.returncode, output, done.stdout + done.stderr


def executor_input(spec: Any, name: str, file: Path, values: Mapping[str, Any]) -> Any:
    """What the platform says to a task, with the defaults of the pipeline's parameters."""
    from kfp.pipeline_spec import pipeline_spec_pb2 as specs

    task = spec["root"]["dag"]["tasks"][name]
    component = spec["components"][task["componentRef"]["name"]]
    defaults = spec["root"]["inputDefinitions"]["parameters"]
    asked = {key: values.get(key, defaults.get(key, {}).get("defaultValue")) for key in task["inputs"]["parameters"]}
    made = component.get("outputDefinitions", {}).get("artifacts", {})
    outputs = {
        key: {
            "artifacts": [
                {"name": f"{name}-{key}", "type": kind["artifactType"], "uri": f"minio://bucket/{name}/{key}"}
            ]
        }
        for key, kind in made.items()
    }
    value = {"inputs": {"parameterValues": asked}, "outputs": {"artifacts": outputs, "outputFile": str(file)}}
    return json_format.ParseDict(value, specs.ExecutorInput())


def in_order(spec: Any) -> list[str]:
    """The tasks, each after those that it depends on."""
    tasks, found = spec["root"]["dag"]["tasks"], list[str]()
    while len(found) < len(tasks):
        found += [
            name
            for name, task in tasks.items()
            if name not in found and set(task.get("dependentTasks", [])) <= set(found)
        ]
    return found


@pytest.fixture(scope="module")
def platform(ground: Site, tmp_path_factory: pytest.TempPathFactory) -> Platform:
    image = tmp_path_factory.mktemp("image") / "app"
    shutil.copytree(PROJECT, image, ignore=left_out)
    (image / "deploy").mkdir(exist_ok=True)
    problem = image / "pipeline" / "problems" / "flats"
    shutil.copytree(ground.problem, problem, ignore=left_out)
    return Platform(Site(problem, ground.data, ground.workspace), tmp_path_factory.mktemp("volume") / "pipeline", image)


def left_out(folder: str, names: list[str]) -> set[str]:
    """What the image does not hold: as .dockerignore says."""
    lines = (PROJECT / ".dockerignore").read_text().split("\n")
    ignored = {
        line.removeprefix("**/") for line in lines if line and (line.startswith("**/") or folder == str(PROJECT))
    }
    return {name for name in names if name in ignored}


@pytest.fixture(scope="module")
def specs(platform: Platform, postgresql: DatabaseServer) -> dict[str, Any]:
    """The pipeline spec, and the TFJob."""
    platform.root.mkdir()
    spec = platform.compile(postgresql.create().url, *CLUSTER)
    [there] = {word for word in str(spec).split("'") if word.endswith("flats.pipeline.json")}
    assert there == "$PROJECT/deploy/flats.pipeline.json"
    return {"kubeflow": spec, "tfjob": job_of(platform)}


def job_of(platform: Platform) -> Any:
    """The TFJob of what was compiled last."""
    file = platform.image / "deploy" / "flats.pipeline.json"
    # The project is this one here, and the image in the pods.
    return yaml.safe_load(tfjob.render(read(file), Options(file, PROJECT / "deploy" / file.name, image=IMAGE)))


def asked(platform: Platform, *command: str) -> Any:
    done = subprocess.run(
        [sys.executable, "runner.py", *command, "--workspace", str(platform.root), "--json"],
        cwd=platform.image,
        env={**platform.environment, PASSWORD_VARIABLE: SECRET},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def kebab(node: str) -> str:
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in node).strip("-")


def test_every_task_runs_by_itself(platform: Platform, specs: dict[str, Any]) -> None:
    spec = specs["kubeflow"]
    given: dict[str, Any] = {"data": str(platform.site.data), "settings": ["training.train_steps=40"]}
    code, output, said = platform.task(spec, "transform", **given)
    assert code == 2, said
    assert "Transform cannot run yet" in said
    assert output is None

    for name in in_order(spec):
        code, output, said = platform.task(spec, name, **given)
        assert code == 0, said
        check_outputs(platform, spec, name, output)
    shown = asked(platform, "show", f"flats.{RUN}")
    assert shown["state"] == "done"
    assert {node["state"] for node in shown["nodes"]} == {"ran"}
    assert shown["settings"]["training"]["train_steps"] == 40
    assert asked(platform, "lineage", "model")
    [version] = (platform.root / "serving" / platform.site.problem.name).iterdir()
    assert version.name == "1"

    code, again, said = platform.task(spec, "pusher", **given)
    assert code == 0, said
    assert again == output
    assert asked(platform, "show", f"flats.{RUN}")["nodes"] == shown["nodes"]
    no_process_lives_on(platform.root)


def check_outputs(platform: Platform, spec: Any, name: str, output: Any) -> None:
    """The platform is told of all outputs that are declared, where they are, and by the names that it gave them."""
    declared = spec["components"][f"comp-{name}"].get("outputDefinitions", {}).get("artifacts", {})
    assert set(output.artifacts) == set(declared)
    for key in declared:
        [artifact] = output.artifacts[key].artifacts
        assert Path(artifact.uri).is_relative_to(platform.root)
        assert Path(artifact.uri).exists()
        assert artifact.name == f"{name}-{key}"


@pytest.mark.alone
def test_the_pods_of_a_tfjob_train_together(platform: Platform, specs: dict[str, Any]) -> None:
    """Until the Trainer is done; then all of them are lost, with the chief at the next node."""
    run = "flats-b3d4f"
    record, pods = platform.root / "runs" / run, platform.root / "pods" / run
    with Operator(specs["tfjob"], run, platform.environment, platform.image, platform.root.parent / "pods") as operator:

        def trained() -> bool:
            return (record / "nodes" / "Trainer.json").exists() and all(
                operator.codes()[pod] for pod in ("worker-0", "evaluator-0")
            )

        operator.until(trained, 400)
        assert operator.codes() == {"chief-0": [], "worker-0": [0], "ps-0": [], "evaluator-0": [0]}
        told = operator.text()
    assert SECRET not in told
    assert {file.stem for file in pods.iterdir()} == {"chief-0", "ps-0"}  # those that had not ended
    assert json.loads((pods / "chief-0.json").read_text())["attempts"] == 1
    [node] = (one for one in asked(platform, "show", run)["nodes"] if one["name"] == "Trainer")
    assert node["state"] == "ran"
    [made] = (one for one in node["outputs"] if one["name"] == "model_run")
    training = json.loads((Path(made["uri"]) / "training.json").read_text())
    assert (training["workers"], training["ps"], training["losses"]) == (2, 1, [])
    no_process_lives_on(platform.root)


def test_a_container_with_another_compiled_pipeline_says_so(platform: Platform, specs: dict[str, Any]) -> None:
    spec = json.loads(json.dumps(specs["kubeflow"]))
    arguments = spec["deploymentSpec"]["executors"]["exec-example-gen"]["container"]["args"]
    arguments[arguments.index("--definition") + 1] = "0" * 12
    code, output, said = platform.task(spec, "example-gen", run="another")
    assert (code, output) == (2, None)
    assert "The image holds another compiled pipeline" in said
    assert not (platform.root / "runs" / f"{platform.site.problem.name}.another").exists()


@pytest.mark.alone
def test_a_pod_that_never_gets_anywhere_ends_the_job(platform: Platform, specs: dict[str, Any]) -> None:
    run = "flats-q9w8r"
    file = platform.root / "pods" / run / "chief-0.json"

    def attempts_are(number: int) -> bool:
        return file.exists() and json.loads(file.read_text())["attempts"] == number

    with Operator(specs["tfjob"], run, platform.environment, platform.image, platform.root.parent / "lost") as operator:
        for number in range(1, 5):  # training.cluster.max_restarts is 3
            operator.until(functools.partial(attempts_are, number), 60)
            operator.kill("chief-0")
            operator.until(functools.partial(operator.codes()["chief-0"].__eq__, [137] * number), 10)
        operator.until(lambda: operator.failed, 60)
        told = operator.text()
    assert operator.failed == "chief-0"
    assert operator.codes()["chief-0"] == [137, 137, 137, 137, 1]
    assert "chief-0 ended before its time again and again" in told
    assert "4 attempts since the run got to step 0 with 0 nodes done" in told
    no_process_lives_on(platform.root)


@pytest.mark.soak
def test_pods_that_are_killed_come_back_and_the_training_goes_on(platform: Platform, specs: dict[str, Any]) -> None:
    """Each kind of pod once, while it trains; the run ends pushed once."""
    url = read(platform.image / "deploy" / "flats.pipeline.json").metadata_url
    assert url is not None
    platform.compile(url, *CLUSTER, "--set", "training.train_steps=4000")
    job = job_of(platform)
    folder = platform.root / "artifacts" / "flats" / "Trainer" / ".checkpoints"
    before = set(folder.glob("*"))

    def step(least: int) -> int:
        """That of the last checkpoint; 0 if it is less than so many."""
        found = [
            int(one.stem.rpartition("-")[2]) for new in set(folder.glob("*")) - before for one in new.glob("*.index")
        ]
        return max((one for one in found if one >= least), default=0)

    lost = {}
    with Operator(
        job, "flats-x7k2p", platform.environment, platform.image, platform.root.parent / "killed"
    ) as operator:
        for number, pod in enumerate(("worker-0", "evaluator-0", "ps-0", "chief-0"), start=1):
            at = operator.until(functools.partial(step, 400 * number), 300)
            operator.kill(pod)
            lost[pod] = at
            operator.until(functools.partial(operator.codes()[pod].__eq__, [137]), 10)
        told = operator.until_done(500)
    sys.stdout.write(f"\nkilled at checkpoint {lost}; exit codes {operator.codes()}\n")
    codes = operator.codes()
    assert codes["chief-0"] == [137, 0], told
    shown = asked(platform, "show", "flats-x7k2p")
    assert (shown["state"], shown["pushed"]) == ("done", True)
    assert {node["attempts"] for node in shown["nodes"] if node["name"] == "Trainer"} == {2}
    [trained] = (
        one
        for node in shown["nodes"]
        if node["name"] == "Trainer"
        for one in node["outputs"]
        if one["name"] == "model_run"
    )
    assert json.loads((Path(trained["uri"]) / "training.json").read_text())["steps"] >= 4000
    no_process_lives_on(platform.root)


@pytest.mark.soak
def test_a_run_of_kubeflows_tasks_and_of_the_pods_of_a_tfjob(
    tmp_path: Path, platform: Platform, postgresql: DatabaseServer
) -> None:
    """Kubeflow begins it, a job trains and does what comes after; then the rest of the tasks find everything done."""
    platform = Platform(platform.site, tmp_path / "pipeline", platform.image)
    platform.root.mkdir()
    run, spec = f"flats.{RUN}", platform.compile(postgresql.create().url, *CLUSTER)
    before = [name for name in in_order(spec) if name in {kebab(node) for node in BEFORE_TRAINING}]
    assert len(before) == len(BEFORE_TRAINING)

    for name in before:
        code, output, said = platform.task(spec, name)
        assert code == 0, said
        check_outputs(platform, spec, name, output)

    job = job_of(platform)
    with Operator(job, run, platform.environment, platform.image, tmp_path / "pods") as operator:
        told = operator.until_done(400)
    assert operator.codes() == {"chief-0": [0], "worker-0": [0], "ps-0": [], "evaluator-0": [0]}, told
    assert SECRET not in told
    shown = asked(platform, "show", run)
    states = {node["name"]: node["state"] for node in shown["nodes"]}
    assert states == dict.fromkeys((*BEFORE_TRAINING, *FROM_TRAINING), "ran")
    assert shown["pushed"]

    for name in [one for one in in_order(spec) if one not in before]:
        code, output, said = platform.task(spec, name)
        assert code == 0, said
        if name == "trainer":
            [model], [trained] = (output.artifacts[key].artifacts for key in ("model", "model_run"))
            record = json.loads((Path(trained.uri) / "training.json").read_text())
            assert (record["workers"], record["ps"], record["losses"]) == (2, 1, [])
            assert (Path(model.uri) / "Format-Serving" / "saved_model.pb").exists()
    assert asked(platform, "show", run)["nodes"] == shown["nodes"]
    no_process_lives_on(platform.root)
