"""What pods on several machines could not work with, refused as a pipeline is compiled: every mistake at once."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from pipeline.errors import SettingsError
from pipeline.orchestrators.compiled import PROJECT, Compiled, not_folders, portable, tell
from pipeline.orchestrators.manifest import BUCKETS, dns_name
from pipeline.orchestrators.targets import Options

_WORD = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_HOST = r"(?:localhost|(?:[A-Za-z0-9-]+\.)+[A-Za-z0-9-]+|[A-Za-z0-9-]+(?=:))(?::[0-9]+)?"
_IMAGE = re.compile(  # as https://pkg.go.dev/github.com/distribution/reference has it
    rf"(?:{_HOST}/)?{_WORD}(?:/{_WORD})*"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,})?"
)
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*")  # DNS-1123, a subdomain
_PATH = re.compile(r"/[^\s\x00-\x1f\x7f:]*")
_OF_THE_IMAGE = ("/", "/app", "/bin", "/dev", "/etc", "/lib", "/proc", "/root", "/sys", "/tmp", "/usr", "/var")  # noqa: S108


def check(compiled: Compiled, options: Options, target: str, more: Sequence[SettingsError] = ()) -> None:
    """Refuse what pods on several machines cannot work with; every mistake at once.

    Args:
        compiled: The compiled pipeline.
        options: What else was said.
        target: What it is compiled to.
        more: What the target itself has found.

    Raises:
        SettingsError: With one part for each mistake.
    """
    mistakes = [*_of_options(options, target), *_of_places(compiled, options, target), *more]
    tell(mistakes, "pods could not run this")


def too_odd(compiled: Compiled, what: str, *, longest: int = 0, digit: bool = True) -> list[SettingsError]:
    """Return what is wrong with a problem's name as that of something on Kubernetes.

    Args:
        compiled: The compiled pipeline.
        what: What gets the name.
        longest: The most characters; 0 for any number.
        digit: Whether it may begin with a digit.
    """
    name = dns_name(compiled.problem)
    reasons = []
    if not name:
        reasons.append("it has no letter of a-z and no digit")
    elif not digit and not name[0].isalpha():
        reasons.append("it begins with a digit")
    if longest and len(name) > longest:
        reasons.append(f"it has {len(name)} characters, and may have {longest}")
    return [
        SettingsError(
            f"{what[0].upper()}{what[1:]} cannot have the problem's name: {reason}",
            got=f"{name!r}, from {compiled.problem!r}",
            expected="a letter first, then letters, digits and dashes"
            + (f", at most {longest} in all" if longest else ""),
            where="PROBLEM",
            hint="rename the problem's folder",
        )
        for reason in reasons
    ]


def _of_options(options: Options, target: str) -> Iterator[SettingsError]:
    if not options.image:
        yield SettingsError(
            "No image is given",
            expected="the image that holds this project, as --image team/estimator-pipeline:1",
            where="--image",
            hint="docs/kubeflow.md says how to build it",
        )
    elif not _IMAGE.fullmatch(options.image):
        yield SettingsError(
            "This is no name of an image",
            got=repr(options.image),
            expected="HOST/REPOSITORY:TAG, the repository in small letters, as team/estimator-pipeline:1",
            where="--image",
            hint="name it as `docker push` does",
        )
    in_bucket = target == "vertex"  # where no volumes and no Secrets are
    for option, name in (("--claim", None if in_bucket else options.claim), ("--secret", options.secret)):
        if name is None:
            continue
        if in_bucket and (not _PATH.fullmatch(name) or name.endswith("/")):
            yield SettingsError(
                "This is no file with a password",
                got=repr(name),
                expected=f"a file as the containers see it, in a bucket: {BUCKETS}BUCKET/FILE",
                where=option,
                hint=f"{option} {BUCKETS}BUCKET-OF-SECRETS/metadata",
            )
        elif not in_bucket and (not _NAME.fullmatch(name) or len(name) > 253):
            yield SettingsError(
                "Kubernetes takes no such name",
                got=repr(name),
                expected="small letters, digits, dashes and dots, a letter or digit first and last, at most 253",
                where=option,
                hint=f"name it as `kubectl get {'pvc' if option == '--claim' else 'secret'}` does",
            )
    if options.schedule is not None:
        yield SettingsError(
            f"A file for {target} holds no schedule",
            got=f"--schedule {options.schedule}",
            where="--schedule",
            hint="leave it out, and have the platform start runs of the file: docs/kubeflow.md",
        )


def _of_places(compiled: Compiled, options: Options, target: str) -> Iterator[SettingsError]:
    workspace = compiled.workspace
    if _within(workspace, PROJECT):
        yield SettingsError(
            "The workspace lies within the project, which is another copy in each pod",
            got=workspace,
            expected="an absolute path, where each pod has the same volume",
            where="--workspace",
            hint="--workspace /mnt/pipeline",
        )
    elif workspace in _OF_THE_IMAGE or not _PATH.fullmatch(workspace):
        yield SettingsError(
            "A volume cannot be mounted there",
            got=repr(workspace),
            expected="a folder that hides nothing of the image, without spaces and colons",
            where="--workspace",
            hint="--workspace /mnt/pipeline",
        )
    if not _within(compiled.folder, PROJECT):
        yield SettingsError(
            "No pod would find the problem",
            got=compiled.folder,
            expected="a folder within the project, which the image holds",
            where="PROBLEM",
            hint="move it, or a copy of it, to pipeline/problems",
        )
    shared = BUCKETS if target == "vertex" else workspace
    yield from not_folders(compiled)
    for option, place in (("--pipeline-root", compiled.pipeline_root), ("--serving", compiled.serving)):
        if "://" not in place and not _within(place, shared) and not _within(place, workspace):
            yield SettingsError(
                f"{option} is a folder of a pod's own, which goes with the pod",
                got=place,
                expected=f"a folder within {shared}, which all pods see",
                where=option,
                hint="leave it out, or name a folder of the workspace's volume",
            )
    if compiled.metadata_url is None:
        yield SettingsError(
            "The metadata is in a file",
            got="SQLite in the workspace",
            expected="a database on a server: SQLite does not work between machines",
            where="--metadata-url",
            hint="--metadata-url postgresql://user@host:5432/database; docs/metadata.md has the reasons",
        )
    file = portable(options.pipeline)
    if not _within(file, PROJECT) and not _within(file, workspace):
        yield SettingsError(
            "No pod would find the compiled pipeline that is written beside the file",
            got=file,
            expected="a file within the project, which the image holds, or within the workspace",
            where="--out",
            hint=f"--out deploy/{options.out.name}, then build the image",
        )


def _within(path: str, folder: str) -> bool:
    return Path(path).is_relative_to(folder)
