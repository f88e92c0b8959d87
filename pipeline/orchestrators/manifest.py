"""What the files for Kubernetes have in common: where pods find the pipeline and the workspace, and their YAML."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from pipeline.config.model import Settings
from pipeline.metadata.address import PASSWORD_VARIABLE
from pipeline.orchestrators.compiled import Compiled, portable
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

LABEL = 63
"""The most characters of what Kubernetes takes as a label, and as the name of a service."""

BUCKETS = "/gcs/"
"""Where Vertex AI's containers have all buckets as folders (Cloud Storage FUSE)."""

_DIGITS = 12
_WIDTH, _SHORT = 10_000, 130  # nothing that is long is broken; what is this short need not be spread


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
