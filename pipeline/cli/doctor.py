"""The command ``doctor``: can a run work on this machine?"""

import json
import os
import platform
import shutil
import sys
import tempfile
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

import click

_LIBRARIES = {
    "tfx": "1.16.0",
    "tensorflow": "2.16.2",
    "tf-keras": "2.16.0",
    "tensorflow-estimator": "2.15.0",
    "tensorflow-transform": "1.16.0",
    "tensorflow-model-analysis": "0.47.1",
    "tensorflow-data-validation": "1.16.1",
    "tfx-bsl": "1.16.1",
    "ml-metadata": "1.16.0",
    "apache-beam": "2.72.0",
    "dill": None,
    "pyarrow": None,
}
_MEMORY = 3 << 30
_DISK = 2 << 30


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        name: What.
        good: Whether it is as it should be; None where it only slows things down.
        found: What was found.
        advice: What to do, where it is not.
    """

    name: str
    good: bool | None
    found: str
    advice: str = ""


def doctor_command(workspace: Path, *, as_json: bool) -> int:
    """Print the findings; return 1 if one of them keeps a run from working."""
    findings = [_python(), _libc(), *_versions(), _bytecode(), _memory(), _disk(workspace), _writable(workspace)]
    healthy = all(finding.good is not False for finding in findings)
    if as_json:
        click.echo(json.dumps({"healthy": healthy, "findings": [asdict(one) for one in findings]}, indent=2))
        return 0 if healthy else 1
    marks = {True: "ok  ", False: "BAD ", None: "note"}
    for finding in findings:
        click.echo(f"{marks[finding.good]}  {finding.name:<28} {finding.found}")
        if finding.good is not True and finding.advice:
            click.echo(f"      {'':<28} {finding.advice}")
    click.echo("\nA run can work here." if healthy else "\nA run cannot work here before what is BAD is mended.")
    return 0 if healthy else 1


def _python() -> Finding:
    good = sys.version_info[:2] == (3, 11)
    return Finding("Python", good, platform.python_version(), "supported is Python 3.11; `make install` looks for it")


def _libc() -> Finding:
    name, version = platform.libc_ver()
    good = name == "glibc" and tuple(int(part) for part in version.split(".")[:2]) >= (2, 17)
    machine = platform.machine()
    return Finding(
        "machine",
        good and machine == "x86_64",
        f"{machine}, {name} {version}",
        "supported is x86-64 with glibc >= 2.17",
    )


def _versions() -> list[Finding]:
    findings = []
    for name, wanted in _LIBRARIES.items():
        try:
            found = metadata.version(name)
        except metadata.PackageNotFoundError:
            findings.append(Finding(name, False, "missing", "make install"))
            continue
        good = wanted is None or found == wanted
        findings.append(Finding(name, good, found, f"tested with {wanted}: make install"))
    return findings


def _bytecode() -> Finding:
    package = next(
        (file for file in metadata.files("tensorflow") or () if str(file).endswith("tensorflow/__init__.py")), None
    )
    compiled = package is not None and any(Path(str(package.locate())).parent.glob("__pycache__/__init__.*.pyc"))
    return Finding(
        "byte-compiled libraries",
        True if compiled else None,
        "yes" if compiled else "no",
        "each start compiles the libraries anew, which takes minutes: make install",
    )


def _memory() -> Finding:
    free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    found = f"{free / 2**30:.1f} GB free of {total / 2**30:.1f} GB"
    return Finding("memory", True if total >= _MEMORY else None, found, "a run takes about 3 GB: try --max-nodes 1")


def _disk(workspace: Path) -> Finding:
    there = workspace.resolve()
    while not there.exists():
        there = there.parent
    free = shutil.disk_usage(there).free
    found = f"{free / 2**30:.1f} GB free at {there}"
    return Finding("disk", True if free >= _DISK else None, found, "a run on large data may not fit")


def _writable(workspace: Path) -> Finding:
    there = workspace.resolve()
    while not there.exists():
        there = there.parent
    try:
        with tempfile.TemporaryFile(dir=there):
            good = True
    except OSError:
        good = False
    return Finding(
        "workspace", good, str(workspace.resolve()), f"{there} cannot be written: choose another --workspace"
    )
