"""A workspace in which one thing changed between any two runs, and what is known of it from elsewhere.

The expected answers are transcripts, ``tests/e2e/answers/*.txt``: a command after ``$``, then what it prints. What
cannot be the same twice stands there by name, as ``«run 2»``. The values are read from what the runs themselves
printed and wrote (``--json``, ``job.json``, ``outcome.json``, ``verdict.json``), from the files, and from ML Metadata
by its own client: by nothing that the questions are answered with.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from components.user_code.fingerprint import problem_code
from tests.crash.whole import store
from tests.e2e.site import PROJECT, Site, census, text_of

ANSWERS = Path(__file__).parent / "answers"
METRIC = "mean_absolute_error"
SLICES = ("overall", "district=Harbour", "district=Hill", "district=Old Town")
MORE = [f"{60 + i}.5,{1 + i % 6},Harbour,{2000 + i * 10}.25" for i in range(60)]
LIBRARIES = (
    *("tensorflow", "tensorflow-estimator", "tf-keras", "tensorflow-transform", "tensorflow-model-analysis"),
    *("tensorflow-data-validation", "tfx-bsl", "tfx", "apache-beam", "pyarrow", "numpy"),
)
_NAME = re.compile("«([^»]+)»")


@dataclass(frozen=True)
class Asked:
    """A command of a transcript.

    Attributes:
        command: What is given to ``runner.py``.
        answer: What it prints.
    """

    command: str
    answer: str

    def __str__(self) -> str:
        return self.command.replace("«", "").replace("»", "")


def transcripts() -> list[Asked]:
    """All commands of all transcripts."""
    found = []
    for file in sorted(ANSWERS.glob("*.txt")):
        for one in re.split(r"^\$ ", file.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
            command, _, answer = one.partition("\n")
            found.append(Asked(command, answer.rstrip("\n")))
    return found


@dataclass(frozen=True)
class Changes:
    """Four runs: the first, then one with other data, one with other code, one with another setting.

    Attributes:
        site: The problem, its data and the workspace.
        known: What the transcripts name, by its name.
    """

    site: Site
    known: dict[str, str]

    def fill(self, text: str) -> str:
        """Put in what a transcript names."""
        return _NAME.sub(lambda name: self.known[name.group(1)], text)

    def give(self, *command: str) -> str:
        """Give a command in a process of its own; return what it printed."""
        whole = [sys.executable, "runner.py", *command, "--workspace", str(self.site.workspace)]
        done = subprocess.run(whole, cwd=PROJECT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def make(root: Path) -> Changes:
    """Run four times, by the real command line."""
    problem = root / "flats"
    kept = PROJECT / "tests" / "e2e" / "problem" / "flats"
    shutil.copytree(kept, problem, ignore=shutil.ignore_patterns("__pycache__"))
    site = Site(problem, root / "days" / "span-{SPAN}" / "*.csv", root / "workspace")
    told, codes = [], []

    def run(*more: str) -> None:
        codes.append({name: problem_code(problem, name) for name in ("model", "preprocessing")})
        ended = site.run("--json", "--set", 'evaluation.slices=[["district"]]', *more)
        assert ended.code == 0, ended.text
        told.append(ended.json)

    lines = census()
    _put(root, 1, lines)
    run()
    _put(root, 2, lines + MORE)
    run()
    model = problem / "model.py"
    model.write_text(model.read_text().replace("(900.0)", "(1000.0)"))
    run()
    run("--set", "training.train_steps=30")
    return Changes(site, known(root, site, told, codes))


def _put(root: Path, span: int, lines: list[str]) -> None:
    file = root / "days" / f"span-{span}" / "rows.csv"
    file.parent.mkdir(parents=True)
    file.write_bytes(text_of(lines))


def known(root: Path, site: Site, told: list[dict[str, Any]], codes: list[dict[str, str]]) -> dict[str, str]:
    """Gather what the transcripts name."""
    found = {"root": str(root), "libraries": ", ".join(f"{name} {version(name)}" for name in LIBRARIES)}
    for span in (1, 2):
        content = (root / "days" / f"span-{span}" / "rows.csv").read_bytes()
        digest = hashlib.blake2b(content, digest_size=20).hexdigest()
        found |= {f"data {span}": digest[:12], f"whole data {span}": digest, f"bytes {span}": str(len(content))}
    metadata = store(site.workspace)
    begun = {one.id: one.create_time_since_epoch / 1000 for one in metadata.get_executions()}
    pushed = {one.id: one.create_time_since_epoch / 1000 for one in metadata.get_artifacts_by_type("PushedModel")}
    measured: list[dict[str, float]] = []
    for n, (one, code) in enumerate(zip(told, codes, strict=True), start=1):
        record = site.workspace / "runs" / one["run"]
        job = json.loads((record / "job.json").read_text())
        seconds = json.loads((record / "outcome.json").read_text())["seconds"]
        place = site.workspace / "serving" / "flats" / str(n)
        held = json.loads((place / "assets.extra" / "push.json").read_text())["model_hash"]
        found |= {
            f"run {n}": one["run"],
            f"started {n}": _local(job["started"]),
            f"started {n} in UTC": _utc(job["started"]),
            f"took {n}": f"{seconds:.0f} s",
            f"seconds {n}": json.dumps(seconds),
            f"model code {n}": code["model"][:12],
            f"whole model code {n}": code["model"],
            f"transform code {n}": code["preprocessing"][:12],
            f"whole transform code {n}": code["preprocessing"],
            f"served {n}": held[:12],
            f"whole served {n}": held,
            f"code of {n}": _near(record / "code" / "flats"),
            "model.py": _near(site.problem / "model.py"),
            **_settings(n, job["problem"]["settings"], job["libraries"]),
        }
        outputs: dict[str, dict[str, Any]] = {}
        for node in one["nodes"]:
            name = node["node"]
            found[f"execution of {name} {n}"] = str(node["execution"])
            found[f"{name} {n}"] = f"{node['seconds']:6.1f} s  {_local(begun[node['execution']])[11:]}"
            for key, [made] in node["outputs"].items():
                outputs[f"{name}.{key}"] = made
                found[f"{name}.{key} {n}"] = str(made["id"])
                path = Path(made["uri"]).relative_to(site.workspace)
                found[f"{name}.{key} {n} and path"] = f"{made['id']:>4}  {path}"
                found[f"{name}.{key} {n} at"] = made["uri"]
        found[f"tried {n}"] = outputs["InfraValidator.blessing"]["properties"]["blessing_message"]
        curve = one["training"]["curve"]
        first, last, judged = curve["training"][0], curve["training"][-1], curve["evaluations"][-1]
        found[f"loss {n}"] = f"{first['loss']:.4g} -> {last['loss']:.4g} in training, {judged['loss']:.4g}"
        found[f"picture {n}"] = _near(Path(outputs["Trainer.model_run"]["uri"]) / "training.svg")
        at = pushed[outputs["Pusher.pushed_model"]["id"]]
        found |= {f"pushed {n}": _local(at), f"pushed {n} in UTC": _utc(at)}
        verdict = json.loads((Path(outputs["Evaluator.evaluation"]["uri"]) / "verdict.json").read_text())
        values = [one for one in verdict["measurements"] if one["metric"] == METRIC]
        measured.append({one["slice"]: one["value"] for one in values})
        found |= {f"error {n}, {name}": f"{value:.4g}" for name, value in measured[-1].items()}
        found |= {f"error {n}": found[f"error {n}, overall"], f"whole error {n}": json.dumps(measured[-1]["overall"])}
    for n, was in enumerate(measured, start=1):
        for m, now in enumerate(measured, start=1):
            for name in SLICES:
                change = f"({(now[name] - was[name]) / was[name]:+.1%})"
                found[f"error {n} to {m}, {name}"] = f"{was[name]:.4g} -> {now[name]:.4g} {change}"
    return found


def _settings(n: int, settings: dict[str, Any], libraries: dict[str, str]) -> dict[str, str]:
    """What is told of settings: as JSON, as ``show`` lists them, and those of the training on one line."""
    flat = {name: value for name, value in _flat(settings).items() if value not in (None, "", [], {})}
    training = {name: value for name, value in flat.items() if name.startswith("training.")}
    return {
        f"settings {n} as JSON": json.dumps(settings),
        f"libraries {n} as JSON": json.dumps(libraries),
        f"training {n} as JSON": json.dumps(settings["training"]),
        f"settings {n}": "\n             ".join(f"{name} = {_written(value)}" for name, value in flat.items()),
        f"training {n}": ", ".join(
            f"{name.removeprefix('training.').removeprefix('params.')} {_written(value)}"
            for name, value in training.items()
        ),
    }


def _flat(settings: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in settings.items():
        if isinstance(value, dict):
            found |= {f"{name}.{key}": one for key, one in _flat(value).items()}
        else:
            found[name] = value
    return found


def _written(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name} = {_written(one)}" for name, one in value.items() if one is not None) + "}"
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[" + ", ".join(_written(one) for one in value) + "]"
    return value if isinstance(value, str) else json.dumps(value)


def _near(path: Path) -> str:
    return min(str(path), os.path.relpath(path, PROJECT), key=len)


def _local(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).strftime("%Y-%m-%d %H:%M:%S")


def _utc(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
