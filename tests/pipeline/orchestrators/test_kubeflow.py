"""The file for Kubeflow Pipelines, read by the platform's own protobufs."""

import shlex
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from google.protobuf import json_format

from pipeline.cli.main import main
from pipeline.cli.problems import FOLDER
from pipeline.config import read_problem
from pipeline.errors import SettingsError
from pipeline.orchestrators import kubeflow, vertex
from pipeline.orchestrators.drafting import draft
from pipeline.orchestrators.kubeflow import render
from pipeline.orchestrators.manifest import digest, dns_name
from pipeline.orchestrators.targets import Options, beside, refuse
from tests.pipeline.orchestrators.small import IMAGE, PROJECT, compiled, options


def documents(text: str) -> list[Any]:
    return list(yaml.safe_load_all(text))


def arguments(text: str) -> list[str]:
    """What the container of the Trainer is given."""
    given: list[str] = documents(text)[0]["deploymentSpec"]["executors"]["exec-trainer"]["container"]["args"]
    return given


def test_the_platforms_own_protobufs_take_both_documents_whole() -> None:
    from kfp.kubernetes import kubernetes_executor_config_pb2 as kubernetes
    from kfp.pipeline_spec import pipeline_spec_pb2 as specs

    limits = {"run": {"memory_mb": {"Trainer": 8000}, "timeout_secs": {"Trainer": 3600}}}
    spec, platform = documents(render(compiled(settings=limits), options(claim="disk", secret="key")))
    read = json_format.ParseDict(spec, specs.PipelineSpec())  # an unknown field is an error
    assert json_format.MessageToDict(read) == spec
    assert read.pipeline_info.name == "flat-rents"
    assert [list(task.dependent_tasks) for task in read.root.dag.tasks.values()]
    assert list(read.root.dag.tasks["resolver"].dependent_tasks) == ["example-gen", "trainer"]
    for name, task in read.root.dag.tasks.items():
        assert task.task_info.name == name
        assert not task.caching_options.enable_cache
        component = read.components[task.component_ref.name]
        assert set(component.input_definitions.parameters) == set(task.inputs.parameters)
        executor = spec["deploymentSpec"]["executors"][component.executor_label]
        made = json_format.ParseDict(executor, specs.PipelineDeploymentConfig.ExecutorSpec())
        assert made.container.image == IMAGE
        assert list(made.container.args)[-2:] == ["--executor-input", "{{$}}"]
    assert {
        name: kind.artifact_type.schema_title
        for name, kind in read.components["comp-trainer"].output_definitions.artifacts.items()
    } == {
        "model": "system.Model",
        "model_run": "system.Artifact",
    }
    trainer = spec["deploymentSpec"]["executors"]["exec-trainer"]["container"]
    assert trainer["resources"] == {"memoryLimit": 9.0, "resourceMemoryLimit": "9000M"}
    json_format.ParseDict(platform, specs.PlatformSpec())
    pods = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    assert set(pods) == set(spec["deploymentSpec"]["executors"])
    for name, given in pods.items():
        pod = json_format.ParseDict(given, kubernetes.KubernetesExecutorConfig())
        assert [(one.mount_path, one.constant) for one in pod.pvc_mount] == [("/mnt/pipeline", "disk")]
        assert pod.pvc_mount[0].pvc_name_parameter.runtime_value.constant.string_value == "disk"
        [secret] = pod.secret_as_env
        assert (secret.secret_name, secret.key_to_env[0].env_var) == ("key", "ESTIMATOR_PIPELINE_METADATA_PASSWORD")
        assert pod.active_deadline_seconds == (3720 if name == "exec-trainer" else 0)


def test_kubeflows_own_compiler_loads_it(tmp_path: Path) -> None:
    from kfp import components
    from kfp.client import client

    file = tmp_path / "rents.yaml"
    file.write_text(render(compiled(), options()))
    loaded = components.load_component_from_file(str(file))
    assert sorted(loaded.component_spec.inputs) == ["data", "settings"]
    assert {name: one.default for name, one in loaded.component_spec.inputs.items()} == {"data": "", "settings": []}
    sent = client._extract_pipeline_yaml(str(file))  # what it sends to the server
    assert list(map(json_format.MessageToDict, (sent.pipeline_spec, sent.platform_spec))) == documents(file.read_text())


def test_what_is_no_retry_and_no_limit_is_left_out() -> None:
    [spec, _] = documents(render(compiled(settings={"run": {"retries": 0}}), options()))
    assert "retryPolicy" not in spec["root"]["dag"]["tasks"]["trainer"]
    assert "resources" not in spec["deploymentSpec"]["executors"]["exec-trainer"]["container"]


def test_what_the_platform_replaces_is_a_whole_value() -> None:
    # Kubeflow replaces a placeholder in a task's input only if it is all of it, and in an argument the input's alone.
    text = render(compiled(), options())
    spec = documents(text)[0]
    runs = {
        task["inputs"]["parameters"]["run"]["runtimeValue"]["constant"]
        for task in spec["root"]["dag"]["tasks"].values()
    }
    assert runs == {kubeflow.RUN}
    assert text.count("{{") == 2 * len(spec["root"]["dag"]["tasks"])
    assert "artifacts" not in str([task["inputs"] for task in spec["root"]["dag"]["tasks"].values()])


@pytest.mark.parametrize("name", ["ExampleGen", "InfraValidator", "housing_canned", "a__b", "TFJob2Kubeflow"])
def test_names_are_kubernetes_names(name: str) -> None:
    import re

    assert re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", dns_name(name))


@pytest.mark.parametrize("module", [kubeflow, vertex])
def test_what_pods_could_not_run_is_refused_at_once(module: Any, tmp_path: Path) -> None:
    wrong = compiled(
        folder="/home/ann/flats",
        workspace="$PROJECT/workspace",
        pipeline_root="gs://bucket/root",
        serving="s3://bucket/models",
        metadata_url=None,
    )
    given = options(image=None, schedule="@daily", pipeline=tmp_path / "rents.pipeline.json")
    with pytest.raises(SettingsError) as caught:
        module.render(wrong, given)
    assert [one.where for one in caught.value.parts] == [
        *("--image", "--schedule", "--workspace", "PROBLEM", "--pipeline-root", "--serving", "--metadata-url", "--out")
    ]
    assert all(one.hint for one in caught.value.parts)
    with pytest.raises(SettingsError, match="No image is given"):
        kubeflow.render(compiled(), options(image=None))


IMAGES = [
    "a b",
    "a\nkind: Pod",
    "Team/pipeline:1",
    "team/pipeline:",
    "team//pipeline",
    "-team",
    "team/pipeline@sha256:12",
]
NAMES = ["a b", "A", "a_b", "-a", "a-", "a..b", "", "a" * 254, "x\n"]


@pytest.mark.parametrize(("option", "wrong"), [("image", IMAGES), ("claim", NAMES), ("secret", NAMES)])
def test_what_kubernetes_would_not_take_is_refused(option: str, wrong: list[str]) -> None:
    for text in wrong:
        with pytest.raises(SettingsError) as caught:
            kubeflow.render(compiled(), options(**{option: text}))
        assert caught.value.where == f"--{option}"
        assert caught.value.hint


@pytest.mark.parametrize(
    "image",
    [
        *("pipeline", "team/estimator-pipeline:1", "registry.example:5000/a/b_c/d:v1.2-rc_3", "localhost/a"),
        *("europe-west1-docker.pkg.dev/my-project/repo/pipeline:1", f"host/a:1@sha256:{'0a' * 32}"),
    ],
)
def test_images_are_named_as_docker_names_them(image: str) -> None:
    assert image in kubeflow.render(compiled(), options(image=image, claim="a.b-2", secret="0"))


@pytest.mark.parametrize("workspace", ["/", "/app", "/usr", "/mnt/a b", "/mnt/a:b", "/mnt/a\n"])
def test_a_volume_hides_nothing_of_the_image(workspace: str) -> None:
    with pytest.raises(SettingsError, match="cannot be mounted") as caught:
        kubeflow.render(compiled(workspace=workspace, pipeline_root=workspace, serving=workspace), options())
    assert caught.value.where == "--workspace"


def test_what_only_one_pod_would_see_is_refused() -> None:
    with pytest.raises(SettingsError) as caught:
        kubeflow.render(compiled(pipeline_root="/srv/a", serving="/srv/s"), options())
    assert [one.where for one in caught.value.parts] == ["--pipeline-root", "--serving"]


def test_a_name_without_letters_is_no_name() -> None:
    with pytest.raises(SettingsError, match="no letter of a-z and no digit"):
        kubeflow.render(compiled("_"), options())
    assert documents(kubeflow.render(compiled("2024_rents"), options()))[0]["pipelineInfo"]["name"] == "2024-rents"


def test_the_command_refuses_it_before_anything_is_loaded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    began = time.process_time()
    assert main(["compile", "housing", "--target", "kubeflow", "--out", str(tmp_path / "housing.yaml")]) == 2
    assert time.process_time() - began < 2
    said = capsys.readouterr().err
    assert "4 reasons why pods could not run this" in said
    assert "docs/kubeflow.md" in said
    assert not list(tmp_path.iterdir())


def test_the_compiled_pipeline_may_lie_in_the_workspace(tmp_path: Path) -> None:
    there = compiled(workspace=str(tmp_path), pipeline_root=str(tmp_path / "a"), serving=str(tmp_path / "s"))
    text = render(there, options(pipeline=tmp_path / "rents.pipeline.json"))
    assert arguments(text)[1:3] == ["--pipeline", f"{tmp_path}/rents.pipeline.json"]
    assert arguments(render(compiled(), options()))[1:3] == ["--pipeline", "$PROJECT/deploy/rents.pipeline.json"]


def test_the_digest_is_of_what_a_run_takes_from_the_file() -> None:
    assert digest(compiled()) == digest(compiled(ir={"nodes": []}))
    assert digest(compiled()) != digest(compiled(settings={"training": {"train_steps": 5}}))
    assert digest(compiled()) != digest(compiled(workspace="/mnt/other"))


def test_what_the_page_says_is_taken_and_no_file_is_written_over_another() -> None:
    text = (PROJECT / "docs" / "kubeflow.md").read_text().replace("\\\n", " ")
    commands = [shlex.split(line) for line in text.splitlines() if line.startswith("python runner.py compile ")]
    outs = set()
    for _, _, _, problem, *words in commands:
        given = [(option.removeprefix("--"), value) for option, value in zip(words[::2], words[1::2], strict=True)]
        said = dict(given)
        sets = [value for option, value in given if option == "set"] + [f"metadata.url={said['metadata-url']}"]
        drafted = draft(read_problem(FOLDER / problem, sets), workspace=Path(said["workspace"]))
        out = PROJECT / said["out"]
        refuse(said["target"], drafted, Options(out, beside(out), image=said["image"], secret=said.get("secret")))
        assert f"docker build -t {said['image']} ." in text
        outs.add(said["out"])
    assert len(outs) == len(commands) == 3
    assert "mkdir -p deploy" in text
