"""What is compiled of the problems that ship, compared with the files under ``golden``; one compiling for all targets.

After a change that is meant: ``python -m tests.pipeline.orchestrators.test_golden`` writes them anew; read the diff.
What stands for the code and the settings of the day (hashes) is left out.
"""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.cli.problems import FOLDER, names
from pipeline.config import Problem, read_problem
from pipeline.orchestrators.compiled import Compiled
from pipeline.orchestrators.drafting import draft
from pipeline.orchestrators.manifest import digest
from pipeline.orchestrators.targets import TARGETS, Options, beside, renderer

pytestmark = pytest.mark.slow

GOLDEN = Path(__file__).parent / "golden"
PROJECT = Path(__file__).resolve().parents[3]
URL = "postgresql://pipeline@db.example:5432/pipeline"
WORKSPACES = {"vertex": "/gcs/bucket/pipeline"}
ENDINGS = {"ir": "txt", "airflow": "txt"}
CLUSTER = ("training.cluster.workers=2",)


def drafted(problem: str, *overrides: str) -> tuple[Problem, Compiled]:
    """A problem, and what is known of it without TFX."""
    given = (f"metadata.url={URL}", *overrides)
    read = read_problem(FOLDER / problem, given)
    words = tuple(word for one in given for word in ("--set", one))
    return read, draft(read, workspace=Path("/mnt/pipeline"), given=words)


def view(compiled: Compiled) -> str:
    """The compiled pipeline: a line for each field, each setting and each node.

    Of the IR a line for each thing that a node takes, makes or is told, without any value.
    """
    lines = [f"{name}: {getattr(compiled, name)}" for name in ("format", "problem", "folder", "workspace")]
    lines += [f"{name}: {getattr(compiled, name)}" for name in ("pipeline_root", "serving", "metadata_url")]
    lines += ["given: " + " ".join(compiled.given), "", *leaves(compiled.settings)]
    lines += [
        f"{each.id}: after {', '.join(each.upstream) or 'nothing'}{' (heavy)' * each.heavy}" for each in compiled.nodes
    ]
    lines.append("")
    found = {each["pipeline_node"]["node_info"]["id"]: each["pipeline_node"] for each in compiled.ir["nodes"]}
    for one in (found[node.id] for node in compiled.nodes):
        info = one["node_info"]
        lines.append(f"{info['id']}: {info['type']['name']}")
        for key, taken in sorted(one.get("inputs", {}).get("inputs", {}).items()):
            froms = ", ".join(
                f"{channel.get('producer_node_query', {}).get('id', '?')}.{channel.get('output_key', '*')}"
                for channel in taken.get("channels", [])
            )
            lines.append(f"  takes  {re.sub(r'_[0-9]+$', '', key)}: {froms or 'what is resolved'}")
        lines += [f"  told   {key}" for key in sorted(one.get("parameters", {}).get("parameters", {}))]
        made = one.get("outputs", {}).get("outputs", {})
        lines += [f"  makes  {key}: {kind['artifact_spec']['type']['name']}" for key, kind in sorted(made.items())]
    return "\n".join(lines) + "\n"


def leaves(value: Mapping[str, Any], name: str = "") -> Iterator[str]:
    """A line for each setting, and one for those of a table that are not given."""
    unset = [key for key, one in value.items() if one is None]
    for key, one in value.items():
        if isinstance(one, Mapping) and one:
            yield from leaves(one, f"{name}{key}.")
        elif one is not None:
            yield f"{name}{key} = {json.dumps(one, ensure_ascii=False)}"
    if unset:
        yield f"{name}* not given: {', '.join(unset)}"
    if not name:
        yield ""


def text_of(target: str, compiled: Compiled) -> str:
    """The text of a target's file, of a place and an image that are always the same, without hashes."""
    if target == "ir":
        return view(compiled)
    moved = WORKSPACES.get(target, compiled.workspace)
    there = replace(
        compiled,
        workspace=moved,
        pipeline_root=compiled.pipeline_root.replace(compiled.workspace, moved),
        serving=compiled.serving.replace(compiled.workspace, moved),
    )
    out = PROJECT / "deploy" / f"{compiled.problem}.{'py' if target == 'airflow' else 'yaml'}"
    schedule, image = ("@daily", None) if target == "airflow" else (None, "team/estimator-pipeline:1")
    text = renderer(target)(there, Options(out, beside(out), schedule, image))
    if target == "airflow":  # the rest is airflow_dag.py, as it is
        end = "\n]\n"
        text = text[text.index("DAG_ID = ") : text.index(end, text.index("NODES: ")) + len(end)]
    return text.replace(digest(there), "DIGEST").replace(str(PROJECT), "$PROJECT")


def golden(problem: str, target: str) -> Path:
    return GOLDEN / f"{problem}.{target}.{ENDINGS.get(target, 'yaml')}"


@pytest.fixture(scope="module")
def compiled() -> dict[str, Compiled]:
    return dict(made())


def made() -> Iterator[tuple[str, Compiled]]:
    from pipeline.orchestrators.quiet import quiet

    with quiet():
        from pipeline.orchestrators.building import build

        for name in names():
            yield name, build(*drafted(name))


def of(target: str, whole: Compiled) -> Compiled:
    """What a target is made of: a TFJob of the problem with a cluster, which takes no IR."""
    return drafted(whole.problem, *CLUSTER)[1] if target == "tfjob" else whole


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("problem", names())
def test_what_is_compiled_is_what_was_read(problem: str, target: str, compiled: dict[str, Compiled]) -> None:
    file = golden(problem, target)
    assert file.exists(), f"{file} is not there: python -m tests.pipeline.orchestrators.test_golden"
    text = text_of(target, of(target, compiled[problem]))
    assert text == file.read_text(encoding="utf-8")
    assert not re.search(r"\b[0-9a-f]{32,}\b", text), "a hash of the day's code"
    assert len(text.splitlines()) < 450


def test_there_is_no_golden_file_of_nothing() -> None:
    known = {golden(problem, target).name for problem in names() for target in TARGETS}
    assert {file.name for file in GOLDEN.iterdir()} <= known


def main() -> None:
    """Write the golden files anew."""
    for name, whole in made():
        for target in TARGETS:
            golden(name, target).write_text(text_of(target, of(target, whole)), encoding="utf-8")
        sys.stdout.write(f"{name}\n")


if __name__ == "__main__":
    main()
