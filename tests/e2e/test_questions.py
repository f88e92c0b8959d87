"""What a reviewer asks of a workspace, word for word: changed data, changed code, a changed setting, by the real runs.

What is expected is in ``tests/e2e/answers``, as one sees it on the terminal; see :mod:`tests.e2e.questions`.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import pytest

from pipeline.lineage.store import open_store
from tests.e2e.questions import Asked, Changes, make, transcripts

pytestmark = pytest.mark.slow

SVG = "{http://www.w3.org/2000/svg}"
GRAPHS = [one for one in transcripts() if one.command.endswith("--json")]


@pytest.fixture(scope="module")
def changes(tmp_path_factory: pytest.TempPathFactory) -> Changes:
    return make(tmp_path_factory.mktemp("changes"))


def test_every_question_is_asked_in_every_way() -> None:
    ways = {re.sub(r" --\w+$", "", one.command) for one in GRAPHS}
    assert {way.split()[1] if " " in way else way for way in ways} == {"model", "data", "feature", "serving"}
    given = {one.command for one in transcripts()}
    assert all({way, f"{way} --mermaid"} <= given for way in ways)
    assert {"lineage model", "lineage model 1", "lineage data 2", "lineage data «root»/days/span-1/rows.csv"} <= ways


@pytest.mark.parametrize("asked", transcripts(), ids=Asked.__str__)
def test_answer(changes: Changes, asked: Asked) -> None:
    command, expected = changes.fill(asked.command).split(" "), changes.fill(asked.answer)
    said = changes.give(*command)
    if command[-1] == "--json":  # a line for each thing there; here, one for each value
        assert json.loads(said) == json.loads(expected)
        return
    if command == ["runs"]:  # its columns are as wide as what is in them
        said = re.sub(r"  +", "  ", said)
    assert by_name(said) == by_name(expected + "\n")


def by_name(shown: str) -> str:
    """Put the nodes that ``show`` lists into the order of their names: which of two starts first is chance.

    The drawing of the training's curve is left out: its test is that of the drawing.
    """
    shown = re.sub(r"(in the evaluation of step \d+\n).*?→ step\n", r"\1", shown, flags=re.DOTALL)
    before, nodes, rest = shown.partition("  nodes      ")
    if not nodes:
        return shown
    listed, settings, after = rest.partition("  settings   ")
    return before + nodes + "".join(sorted(re.split(r"^ {13}(?=\S)", listed, flags=re.MULTILINE))) + settings + after


@dataclass(frozen=True)
class Box:
    """A drawn thing: its place, and all that it says."""

    title: str
    left: float
    right: float
    middle: float


@pytest.mark.parametrize("asked", GRAPHS, ids=Asked.__str__)
def test_drawing(changes: Changes, asked: Asked, tmp_path: Path) -> None:
    """A box for each thing, with the answer's words; and each arrow leaves the one thing and arrives at the other."""
    file = tmp_path / "drawn.svg"
    question = changes.fill(asked.command).removesuffix(" --json").split(" ")
    assert changes.give(*question, "--svg", str(file)) == ""
    answer = json.loads(changes.fill(asked.answer))
    drawn = ElementTree.parse(file).getroot()
    boxes = [box(one) for one in drawn.iter(f"{SVG}g") if one.find(f"{SVG}title") is not None]
    words = {
        one["key"]: f"{one['kind']} {one['title']}" + (f": {one['detail']}" if one["detail"] else "")
        for one in answer["nodes"]
    }
    assert sorted(one.title for one in boxes) == sorted(words.values())
    arrows = []
    for path in drawn.iter(f"{SVG}path"):
        if "marker-end" in path.attrib:
            numbers = [float(one) for one in re.findall(r"-?\d+\.\d", path.attrib["d"])]
            [start] = [one for one in boxes if (one.right, one.middle) == pytest.approx(numbers[:2], abs=0.2)]
            [end] = [one for one in boxes if (one.left - 2, one.middle) == pytest.approx(numbers[-2:], abs=0.2)]
            arrows.append((start.title, end.title))
    assert sorted(arrows) == sorted((words[one["from"]], words[one["to"]]) for one in answer["edges"])
    assert all(start.right < end.left for start, end in flown(boxes, arrows)), "the data flows from left to right"
    shown = [one.text for one in drawn.iter(f"{SVG}text")]
    assert [shown[0], *shown[1 : 1 + len(answer["notes"])]] == [answer["question"], *answer["notes"]]


def box(group: ElementTree.Element) -> Box:
    rect, title = group.find(f"{SVG}rect"), group.find(f"{SVG}title")
    assert rect is not None
    assert title is not None
    left, top, width, height = (float(rect.attrib[name]) for name in ("x", "y", "width", "height"))
    return Box(title.text or "", left, left + width, top + height / 2)


def flown(boxes: list[Box], arrows: list[tuple[str, str]]) -> list[tuple[Box, Box]]:
    named = {one.title: one for one in boxes}
    return [(named[start], named[end]) for start, end in arrows]


def test_the_answers_are_in_the_metadata(changes: Changes) -> None:
    """So that the questions can be asked where the artifacts' files cannot be read."""
    store = open_store(changes.site.workspace / "metadata.db")
    made_of = {"area": ["area"], "central": ["district"], "rent": ["rent"], "rooms": ["rooms"]}
    assert [json.loads(one.get("columns")) for one in store.artifacts_of_type("TransformGraph")] == [made_of, made_of]
    used = [json.loads(one.get("columns")) for one in store.artifacts_of_type("InfraBlessing")]
    assert used == [["area", "district", "rooms"]] * 4
    told = [json.loads(one.get("verdict")) for one in store.artifacts_of_type("ModelEvaluation")]
    assert [one["rows"] for one in told] == [61, 72, 72, 72]
    assert {measured["slice"] for one in told for measured in one["measurements"]} == {"overall"}
    for number, steps in enumerate((20, 20, 20, 30), start=1):
        [pusher] = [one for one in store.executions_of_run(changes.known[f"run {number}"]) if ".Pusher" in one.type]
        kept = json.loads(pusher.get("custom_config"))
        assert kept["settings"]["training"]["train_steps"] == steps
        assert kept["libraries"]["tensorflow"]


def test_logs(changes: Changes) -> None:
    assert "Trainer" in changes.give("logs", "last", "Trainer")
