"""What the files for Kubernetes have in common: where pods find the pipeline and the workspace, and their YAML."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from pipeline.config.model import Settings
from pipeline.errors import SettingsError
from pipeline.metadata.address import PASSWORD_VARIABLE
from pipeline.orchestrators.compiled import PROJECT, Compiled, portable
from pipeline.orchestrators.targets import Options

CLAIM = "estimator-pipeline"
"""The PersistentVolumeClaim that pods mount at the workspace, unless ``--claim`` names another."""

SECRET = "estimator-pipeline-metadata"  # noqa: S105  its name, not its content
"""The Secret with the password of the metadata store, under ``password``, unless ``--secret`` names another."""

SECRET_KEY = "password"  # noqa: S105

PASSWORD = PASSWORD_VARIABLE
"""The variable that a pod finds the password in."""

SPARE_MB, SPARE_SECS = 1000, 120
"""How much more a pod may have than its node, whose own limits (``[run]``) end it in words."""

_DIGITS = 12
_WIDTH, _SHORT = 10_000, 130  # nothing that is long is broken; what is this short need not be spread


def check(compiled: Compiled, options: Options, target: str) -> None:
    """Refuse what pods on several machines cannot work with; every mistake at once.

    Raises:
        SettingsError: With one part for each mistake.
    """
    mistakes = []
    if not options.image:
        mistakes.append(
            SettingsError(
                "No image is given",
                expected="the image that holds this project, as --image team/estimator-pipeline:1",
                where="--image",
                hint="docs/kubeflow.md says how to build it",
            )
        )
    if _within(compiled.workspace, PROJECT):
        mistakes.append(
            SettingsError(
                "The workspace lies within the project, which is another copy in each pod",
                got=compiled.workspace,
                expected="an absolute path, where each pod has the same volume",
                where="--workspace",
                hint="--workspace /mnt/pipeline",
            )
        )
    if not _within(compiled.folder, PROJECT):
        mistakes.append(
            SettingsError(
                "No pod would find the problem",
                got=compiled.folder,
                expected="a folder within the project, which the image holds",
                where="PROBLEM",
                hint="move it, or a copy of it, to pipeline/problems",
            )
        )
    for option, place in (("--pipeline-root", compiled.pipeline_root), ("--serving", compiled.serving)):
        if "://" in place:
            mistakes.append(
                SettingsError(
                    f"{option} is no folder",
                    got=place,
                    expected="a folder: the nodes read and write files, not an object store",
                    where=option,
                    hint="leave it out, or name a folder of the volume; a bucket can be mounted as one",
                )
            )
    if compiled.metadata_url is None:
        mistakes.append(
            SettingsError(
                "The metadata is in a file",
                got="SQLite in the workspace",
                expected="a database on a server: SQLite does not work between machines",
                where="--metadata-url",
                hint="--metadata-url postgresql://user@host:5432/database; docs/metadata.md has the reasons",
            )
        )
    if options.schedule is not None:
        mistakes.append(
            SettingsError(
                f"A file for {target} holds no schedule",
                got=f"--schedule {options.schedule}",
                where="--schedule",
                hint="leave it out, and have the platform start runs of the file: docs/kubeflow.md",
            )
        )
    file = portable(options.pipeline)
    if not _within(file, PROJECT) and not _within(file, compiled.workspace):
        mistakes.append(
            SettingsError(
                "No pod would find the compiled pipeline that is written beside the file",
                got=file,
                expected="a file within the project, which the image holds, or within the workspace",
                where="--out",
                hint=f"--out deploy/{options.out.name}, then build the image",
            )
        )
    if len(mistakes) == 1:
        raise mistakes[0]
    if mistakes:
        raise SettingsError(f"{len(mistakes)} reasons why pods could not run this", parts=mistakes)


def settings_of(compiled: Compiled) -> Settings:
    """Return the settings of a compiled pipeline."""
    return Settings.model_validate(compiled.settings)


def digest(compiled: Compiled) -> str:
    """Return what tells one definition from another: without the IR, since the code is the image's."""
    value = {**json.loads(compiled.text()), "ir": None}
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:_DIGITS]


def pipeline_arguments(compiled: Compiled, options: Options) -> list[str]:
    """Return the arguments by which a container finds the compiled pipeline, and knows that it is the one meant."""
    return ["--pipeline", portable(options.pipeline), "--definition", digest(compiled)]


def dns_name(text: str) -> str:
    """Return a name as Kubernetes takes it: ``example-gen`` for ``ExampleGen``."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", text)
    return re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")


def write(documents: Sequence[Mapping[str, Any]], comment: Sequence[str]) -> str:
    """Return documents as YAML, short leaves on one line, after some lines of comment."""
    head = "".join(f"# {line}".rstrip() + "\n" for line in comment)
    text = yaml.dump_all(documents, Dumper=_Plain, sort_keys=False, width=_WIDTH, allow_unicode=True)
    return head + str(text)


class _Plain(yaml.SafeDumper):
    """Writes what fits on one line on one line, and what stands in two places twice, without ``&id001``."""

    def ignore_aliases(self, data: Any) -> bool:
        """Whatever it is."""
        del data
        return True

    def represent_sequence(self, tag: str, sequence: Any, flow_style: bool | None = None) -> Any:
        """As a list in brackets where that is short."""
        return super().represent_sequence(tag, sequence, flow_style=flow_style or _is_short(sequence))

    def represent_mapping(self, tag: str, mapping: Any, flow_style: bool | None = None) -> Any:
        """As an object in braces where that is short."""
        return super().represent_mapping(tag, mapping, flow_style=flow_style or _is_short(mapping))


def _is_short(value: Any) -> bool:
    return len(json.dumps(value)) <= _SHORT


def _within(path: str, folder: str) -> bool:
    return Path(path).is_relative_to(folder)
