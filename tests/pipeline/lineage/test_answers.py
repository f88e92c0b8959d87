"""``lineage model``, ``data``, ``feature`` and ``serving`` on a written workspace."""

import shutil
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from pipeline.lineage.archive import open_archive
from pipeline.lineage.facts import moment
from pipeline.lineage.pushes import pushes
from tests.pipeline.command_line import Ask
from tests.pipeline.lineage.conftest import BETTER, DAY, FIRST
from tests.pipeline.lineage.recorder import Recorder, digest, source

Refused = Callable[..., str]
ONE, TWO, THREE = "flats-20260101-100000", "flats-20260102-100000", "flats-20260103-100000"
REFUSED = "not blessed: mean_absolute_error 2,000 is above its upper bound 1,000"
OLD, NEW = "313e75a1d9ac", "f3f483d81ace"  # the data's content, "v1" and "v2"


def pushed_at(workspace: Path) -> dict[tuple[str, int], str]:
    return {(one.problem, one.version): moment(one.at) for one in pushes(open_archive(workspace))}


def test_lineage_model_word_for_word(ask: Ask, workspace: Path) -> None:
    said = ask("lineage", "model", "--problem", "flats")
    assert said.code == 0
    assert said.out == (
        f"""\
flats version 3: live since {pushed_at(workspace)["flats", 3]}
├─ verdict  blessed: mean_absolute_error 90 is at or below its upper bound 1,000
│  ├─ evaluation  66 rows: mean_absolute_error 90
│  └─ export      tried out: answered 16 real examples
├─ model    model 19: {workspace}/artifacts/flats/Trainer/model/17
│  ├─ code       model.py and what it imports: hash {digest(BETTER)[:12]}
│  ├─ settings   training: train_steps 30, batch_size 32, learning_rate 0.1
│  ├─ transform  transform 12: 4 features: area, central, rent, rooms
│  │  ├─ code    preprocessing.py and what it imports: hash {digest("preprocessing")[:12]}
│  │  ├─ schema  schema 11: curated, 4 columns
│  │  └─ data    330 rows: train 264, eval 66
│  │     └─ file  /data/rows.csv: 330 rows, hash {NEW}, span 0
│  └─ schema     schema 11: curated, 4 columns
└─ run      {THREE}: {moment(FIRST + 2 * DAY)}, 41 s
"""
    )


def test_lineage_of_an_earlier_version(ask: Ask, workspace: Path) -> None:
    first, *rest = ask("lineage", "model", "flats/1").out.splitlines()
    assert first == f"flats version 1: pushed {pushed_at(workspace)['flats', 1]}"
    assert f"│  │     └─ file  /data/rows.csv: 300 rows, hash {OLD}, span 0" in rest
    assert rest[-1].startswith(f"└─ run      {ONE}: ")
    assert ask("lineage", "model", "1", "--problem", "flats").out == "\n".join([first, *rest, ""])


def test_lineage_of_what_is_live_of_a_problem(ask: Ask) -> None:
    assert ask("lineage", "model", "flats").out == ask("lineage", "model", "--problem", "flats").out
    assert ask("lineage", "model", "plants").out.startswith("plants version 1: live")


def test_lineage_model_as_json_has_whole_hashes_and_the_edges_of_the_data(ask: Ask) -> None:
    value = ask("lineage", "model", "flats/3", "--json").json
    nodes = {one["key"]: one for one in value["nodes"]}
    [file] = [one for one in value["nodes"] if one["kind"] == "file"]
    assert (file["path"], file["rows"], file["span"]) == ("/data/rows.csv", 330, 0)
    assert file["hash"] == source("", "v2")["hash"]
    assert nodes[value["roots"][0]]["version"] == 3
    ways = {(nodes[edge["from"]]["kind"], nodes[edge["to"]]["kind"]) for edge in value["edges"]}
    assert {("file", "data"), ("data", "transform"), ("transform", "model"), ("model", "version")} <= ways
    assert ("verdict", "version") in ways


def test_lineage_data_word_for_word(ask: Ask) -> None:
    assert ask("lineage", "data", "/data/rows.csv").out == (
        f"""\
/data/rows.csv: 330 rows, hash {NEW}, span 0
└─ data  330 rows: train 264, eval 66; first read by run {TWO}
   ├─ model  flats model 38: run flats-20260106-100000; not judged
   ├─ model  flats model 24: run flats-20260104-100000; {REFUSED}
   ├─ model  flats model 19: run {THREE}; blessed; pushed as version 3, which is live
   └─ model  flats model 14: run {TWO}; blessed; pushed as version 2

/data/rows.csv: 300 rows, hash {OLD}, span 0
└─ data  300 rows: train 240, eval 60; first read by run {ONE}
   └─ model  flats model 5: run {ONE}; blessed; pushed as version 1

touched 5 models: 3 blessed, 3 pushed
"""
    )


def test_lineage_data_of_a_span_word_for_word(ask: Ask) -> None:
    said = ask("lineage", "data", "7")
    assert said.out == (
        f"""\
/data/span-7/a.parquet: 100 rows, hash {source("", "p1")["hash"][:12]}, span 7
└─ data  150 rows: train 120, eval 30; first read by run plants-weekly
   └─ model  plants model 33: run plants-weekly; blessed; pushed as version 1, which is live

/data/span-7/b.parquet: 50 rows, hash {source("", "p2")["hash"][:12]}, span 7
└─ data  150 rows: as above

touched 1 model: 1 blessed, 1 pushed
"""
    )
    assert ask("lineage", "data", "span-7").out == said.out
    assert ask("lineage", "data", "b.parquet").out.startswith("/data/span-7/b.parquet: 50 rows")


def test_what_only_gives_out_a_model_has_not_made_it(ask: Ask, place: Path) -> None:
    writer = Recorder(place)
    writer.run("flats-20260101-100000")
    old = writer.made["flats"]["model"]
    new = [source("/data/new.csv", "n")]
    writer.run("flats-20260102-100000", changed=("ExampleGen",), sources=new, fails="Transform")
    examples = [("examples", writer.made["flats"]["examples"])]
    writer.execution(("flats-20260102-100000", "flats", "Resolver"), "ran", {}, examples, [("model", old)])
    said = ask("lineage", "data", "new.csv", "--workspace", str(place)).out
    assert said.endswith("; no model was trained on them\n\ntouched 0 models: 0 blessed, 0 pushed\n")


def test_what_started_from_a_model_was_touched_by_its_data(ask: Ask, place: Path) -> None:
    writer = Recorder(place)
    writer.run("flats-20260101-100000", sources=[source("/data/old.csv")])
    old = writer.made["flats"]["model"].id
    writer.run("flats-20260102-100000", sources=[source("/data/new.csv", "n")], warm_start=True)
    new = writer.made["flats"]["model"].id
    said = ask("lineage", "data", "old.csv", "--workspace", str(place)).out
    assert f"├─ model  flats model {new}: started from model {old}; run flats-20260102-100000; blessed" in said
    assert said.endswith("touched 2 models: 2 blessed, 2 pushed\n")
    said = ask("lineage", "data", "new.csv", "--workspace", str(place)).out
    assert f"└─ model  flats model {new}: run flats-20260102-100000; blessed" in said
    assert said.endswith("touched 1 model: 1 blessed, 1 pushed\n")
    said = ask("lineage", "model", "--workspace", str(place)).out
    assert f"│  └─ base       model {old}: the weights that it started from" in said


def test_lineage_feature_word_for_word(ask: Ask) -> None:
    assert ask("lineage", "feature", "rooms").out == (
        f"""\
column rooms
├─ transform  transform 31: makes rooms of it
│  └─ model  plants model 33: its answers depend on it; run plants-weekly; blessed; pushed as version 1, which is live
├─ transform  transform 12: makes rooms of it
│  ├─ model  flats model 38: whether its answers depend on it is not recorded; run flats-20260106-100000; not judged
│  ├─ model  flats model 24: its answers depend on it; run flats-20260104-100000; {REFUSED}
│  ├─ model  flats model 19: its answers do not depend on it; run {THREE}; blessed; pushed as version 3, which is live
│  └─ model  flats model 14: its answers depend on it; run {TWO}; blessed; pushed as version 2
└─ transform  transform 3: makes rooms of it
   └─ model  flats model 5: its answers depend on it; run {ONE}; blessed; pushed as version 1

4 of 6 models use it, 1 does not, of 1 it is not known
"""
    )


def test_lineage_of_a_feature_that_the_transform_makes(ask: Ask) -> None:
    said = ask("lineage", "feature", "central").out
    assert said.startswith("column district\n├─ transform  transform 31: makes central of it\n")
    assert said.endswith("\nfeature central, made of district\n")


def test_lineage_of_what_the_label_is_made_of(ask: Ask, place: Path) -> None:
    """That no answer depends on it is no news; that the model learned to predict it is."""
    writer = Recorder(place)
    made_of = {"area": ["area"], "rent": ["price"]}
    writer.run(ONE, columns=made_of, used=("area",))
    here = ("--workspace", str(place))
    assert ask("lineage", "feature", "price", *here).out == (
        f"""\
column price
└─ transform  transform 3: makes rent of it
   └─ model  flats model 5: trained to predict rent, made of it; run {ONE}; blessed; pushed as version 1, which is live

1 of 1 model was trained to predict it
"""
    )
    writer.run(TWO, columns={**made_of, "cheap": ["price"]}, used=("area", "price"))
    writer.run(THREE, columns={"area": ["area", "price"], "rent": ["rent"]}, used=("area", "price"))
    said = ask("lineage", "feature", "price", *here).out
    assert f"flats model 14: trained to predict rent, made of it; its answers depend on it; run {TWO}; blessed" in said
    assert said.endswith("\n\n1 of 3 models uses it, 2 were trained to predict it\n")
    assert ask("lineage", "feature", "rent", *here).out.endswith(
        "\n\n0 of 3 models use it, 2 do not, 1 was trained to predict it\n"
    )


def test_a_model_that_an_earlier_run_trained(ask: Ask, place: Path) -> None:
    writer = Recorder(place)
    writer.run(ONE, value=2000)
    writer.run(TWO, changed=("Evaluator",), value=2000, bound=5000)
    said = ask("lineage", "model", "--workspace", str(place)).out
    assert f"/Trainer/model/4; trained by run {ONE}\n" in said
    assert f"└─ run      {TWO}: " in said
    [model] = [
        one for one in ask("lineage", "model", "--json", "--workspace", str(place)).json["nodes"] if "uri" in one
    ][:1]
    assert model["run"] == ONE


def test_serving_word_for_word(ask: Ask, workspace: Path) -> None:
    at = pushed_at(workspace)
    archive = open_archive(workspace)
    times = [one.started for one in archive.store.executions_of_run("plants-weekly")]
    hashes = {one.version: one.model_hash[:12] for one in pushes(archive) if one.problem == "flats"}
    [plants] = [one.model_hash[:12] for one in pushes(archive) if one.problem == "plants"]
    assert ask("serving").out == (
        f"""\
flats version 3: live since {at["flats", 3]}
├─ folder    {workspace}/serving/flats/3: model {hashes[3]}
├─ run       {THREE}: {moment(FIRST + 2 * DAY)}, 41 s
├─ file      /data/rows.csv: 330 rows, hash {NEW}, span 0
├─ metric    mean_absolute_error: 90
└─ replaced  flats version 2: pushed {at["flats", 2]} by run {TWO}, mean_absolute_error 120

plants version 1: live since {at["plants", 1]}
├─ folder  {workspace}/serving/plants/1: model {plants}
├─ run     plants-weekly: {moment(min(times))}, {max(times) - min(times):.0f} s
├─ file    /data/span-7/a.parquet: 100 rows, hash {source("", "p1")["hash"][:12]}, span 7
├─ file    /data/span-7/b.parquet: 50 rows, hash {source("", "p2")["hash"][:12]}, span 7
└─ metric  mean_absolute_error: 50
"""
    )


def test_serving_looks_into_the_folder(ask: Ask, place: Path) -> None:
    Recorder(place).run("flats-20260101-100000")
    here = ("--workspace", str(place))
    (place / "serving" / "flats" / "9").mkdir()
    said = ask("serving", *here).out
    assert said.startswith(
        "flats version 9: no run that is recorded here pushed this version\n└─ replaced  flats version 1"
    )
    shutil.rmtree(place / "serving" / "flats" / "9")
    shutil.rmtree(place / "serving" / "flats" / "1")
    said = ask("serving", *here).out
    assert said.startswith("flats: nothing is served: the folder holds no version\n└─ last  flats version 1")
    shutil.rmtree(place / "serving")
    said = ask("serving", *here).out
    assert said.startswith("flats version 1: live since ")
    assert "cannot be seen from here: this is what was pushed last" in said.splitlines()[0]


def test_a_model_that_was_pushed_again_is_one_version(ask: Ask, place: Path) -> None:
    writer = Recorder(place)
    writer.run("flats-20260101-100000")
    writer.run("flats-20260102-100000", changed=())
    here = ("--workspace", str(place))
    assert [one["version"] for one in ask("runs", "--json", *here).json] == [1, 1]
    assert [one["pushed"] for one in ask("runs", "--json", *here).json] == [False, True]
    [root] = ask("serving", "--json", *here).json["roots"]
    [told] = [one for one in ask("serving", "--json", *here).json["nodes"] if one["key"] == root]
    assert (told["version"], told["run"], told["replaced"]) == (1, "flats-20260101-100000", None)


def test_mermaid(ask: Ask) -> None:
    said = ask("lineage", "data", "b.parquet", "--mermaid").out
    assert said.splitlines()[0] == "flowchart LR"
    assert '  n1[("file<br/>/data/span-7/b.parquet<br/>50 rows, hash ' in said
    assert said.splitlines()[-2:] == ["  n1 --> n2", "  n2 --> n3"]
    said = ask("lineage", "model", "flats/3", "--mermaid").out
    names = {
        line.split("[")[0].split("(")[0].split("{")[0].strip() for line in said.splitlines()[1:] if "-->" not in line
    }
    for line in said.splitlines():
        if "-->" in line:
            assert {part.strip() for part in line.split("-->")} <= names


@pytest.mark.parametrize(
    "question",
    [("serving",), ("lineage", "model", "flats/3"), ("lineage", "data", "rows.csv"), ("lineage", "feature", "rooms")],
)
def test_svg_has_every_thing_once_and_no_two_overlap(ask: Ask, tmp_path: Path, question: tuple[str, ...]) -> None:
    file = tmp_path / "drawn.svg"
    said = ask(*question, "--svg", str(file))
    assert (said.code, said.out, said.err) == (0, "", f"drawn: {file}\n")
    drawn = ElementTree.parse(file).getroot()
    space = "{http://www.w3.org/2000/svg}"
    boxes = [
        tuple(float(one.attrib[name]) for name in ("x", "y", "width", "height"))
        for one in drawn.iter(f"{space}rect")
        if "x" in one.attrib
    ]
    nodes = ask(*question, "--json").json["nodes"]
    edges = ask(*question, "--json").json["edges"]
    assert len(boxes) == len(nodes)
    assert sum(1 for one in drawn.iter(f"{space}path") if "marker-end" in one.attrib) == len(edges)
    for number, (x, y, width, height) in enumerate(boxes):
        assert 0 <= x <= float(drawn.attrib["width"]) - width
        for other_x, other_y, _, other_height in boxes[number + 1 :]:
            assert x != other_x or y + height < other_y or other_y + other_height < y
    titles = " ".join(one.text or "" for one in drawn.iter(f"{space}title"))
    assert all(one["title"] in titles for one in nodes)


def test_svg_to_nowhere(refused: Refused, tmp_path: Path) -> None:
    said = refused("serving", "--svg", str(tmp_path / "no" / "drawn.svg"))
    assert "The drawing cannot be written" in said
    assert "No such file or directory" in said


def test_unknown_versions(refused: Refused) -> None:
    said = refused("lineage", "model", "flats/9")
    assert "There is no version 9 of flats" in said
    assert "expected: 1, 2, 3" in said
    assert "the latest is 3" in said
    assert "say which: flats, or flats/VERSION" in refused("lineage", "model")
    assert "did you mean flats?" in refused("lineage", "model", "flots/1")
    assert "There is no version x of flats" in refused("lineage", "model", "flats/x")


def test_nothing_pushed(refused: Refused, place: Path) -> None:
    Recorder(place).run("flats-20260101-100000", value=2000)
    for question in (("serving",), ("lineage", "model")):
        assert "Nothing was pushed in this workspace yet" in refused(*question, "--workspace", str(place))


@pytest.mark.parametrize(
    "given", ["/data/span-7", "/data/span-7/", "/data/*/*.parquet", "/data/span-?", "/data/span-{SPAN}/{YYYY}.parquet"]
)
def test_lineage_of_a_folder_or_a_pattern_is_that_of_all_files_read_from_it(ask: Ask, given: str) -> None:
    assert ask("lineage", "data", given).out == ask("lineage", "data", "7").out


def test_lineage_of_a_folder_has_all_that_is_below_it(ask: Ask, refused: Refused) -> None:
    told = ask("lineage", "data", "/data").out
    assert [line.split(":")[0] for line in told.splitlines() if line.startswith("/")] == [
        *("/data/span-7/a.parquet", "/data/span-7/b.parquet", "/data/rows.csv", "/data/rows.csv")
    ]
    assert "No run read the file '/dat'" in refused("lineage", "data", "/dat")
    assert "No run read a file in '/usr'" in refused("lineage", "data", "/usr")


def test_lineage_of_a_copy_is_that_of_its_content(ask: Ask, refused: Refused, place: Path) -> None:
    content = "area,rooms\n1,2\n"
    (place / "copy.csv").write_text(content)
    (place / "other.csv").write_text("area,rooms\n1,3\n")
    Recorder(place).run("flats-20260101-100000", sources=[{**source("/data/rows.csv", content), "bytes": len(content)}])
    where = ("--workspace", str(place))
    told = ask("lineage", "data", str(place / "copy.csv"), *where).out.splitlines()
    assert told[0].startswith("/data/rows.csv: 300 rows")
    assert told[-2:] == [
        f"no run read {place}/copy.csv itself; its content was read as /data/rows.csv",
        "touched 1 model: 1 blessed, 1 pushed",
    ]
    assert "No run read the file" in refused("lineage", "data", str(place / "other.csv"), *where)


def test_unknown_data(refused: Refused) -> None:
    assert "did you mean /data/rows.csv?" in refused("lineage", "data", "row.csv")
    said = refused("lineage", "data", "8")
    assert "No run read the span 8\n" in said
    assert "expected: one of: 0, 7" in said
    assert "No run read the file 'zzz'" in refused("lineage", "data", "zzz")


def test_unknown_columns(refused: Refused) -> None:
    said = refused("lineage", "feature", "room")
    assert "There is no column 'room'" in said
    assert "expected: one of: area, district, rent, rooms" in said
    assert "did you mean rooms?" in said


def test_json_and_mermaid_are_two_answers(ask: Ask) -> None:
    said = ask("serving", "--json", "--mermaid")
    assert (said.code, said.json["error"]["headline"]) == (2, "--json and --mermaid cannot both be printed")


def test_a_push_whose_pusher_was_killed_before_it_said_so_is_that_of_who_found_it(tmp_path: Path) -> None:
    """The attempt after finds the version there, and says that it was reused."""
    writer = Recorder(tmp_path)
    writer.run(ONE)
    writer.run(TWO, changed=())
    assert [(one.run, one.version) for one in pushes(open_archive(tmp_path))] == [(ONE, 1)]
    [first, _] = sorted(writer.store.get_artifacts_by_type("PushedModel"), key=lambda one: one.id)
    first.custom_properties["pushed"].int_value = 0  # as one that never came to say it
    writer.store.put_artifacts([first])
    assert [(one.run, one.version) for one in pushes(open_archive(tmp_path))] == [(TWO, 1)]
