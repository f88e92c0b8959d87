"""The folder that is written: readable by the languages it is in, whatever the columns are called."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from components.example_gen.kinds import Kind, load_schema, schema_kinds
from pipeline.config import read_problem
from pipeline.errors import DataError, SettingsError
from pipeline.scaffold import literals
from pipeline.scaffold.create import Created, create, path_from
from pipeline.scaffold.naming import suggest_name
from pipeline.scaffold.profiling import parse_columns
from pipeline.scaffold.roles import Role
from pipeline.scaffold.writing import write_folder
from tests.e2e import awkward

ROOT = Path(__file__).parents[3]
RENTED = "Price/€ (net)"


def created(folder: Path, text: str, label: str, columns: str = "") -> Created:
    data = folder / 'the "data" file.csv'
    data.write_text(text, encoding="utf-8")
    names = parse_columns(columns) if columns else ()
    return create("made", folder / "made", str(data), label, columns=names)


def module(folder: Path, name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"made_{name}", folder / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


@pytest.mark.parametrize(
    ("text", "label", "columns"),
    [
        (awkward.rentals(), RENTED, ""),
        (awkward.sensors(), "faulty", ""),
        (awkward.flowers(), "kind", awkward.FLOWER_COLUMNS),
        (awkward.flowers(), "colour", awkward.FLOWER_COLUMNS),
        (awkward.noise(), "label", ""),
        ("numbers,words\n" + "".join(f"{n * 37 % 91},{n * n % 97}\n" for n in range(90)), "words", ""),
        ("words,numbers\n" + "".join(f"{'ab'[n % 2]},{n * n % 97}\n" for n in range(90)), "numbers", ""),
    ],
)
def test_the_code_is_as_one_would_write_it(tmp_path: Path, text: str, label: str, columns: str) -> None:
    folder = created(tmp_path, text, label, columns).folder
    ruff = [str(Path(sys.executable).with_name("ruff")), "--no-cache", "--config", str(ROOT / "pyproject.toml")]
    for command in ("format", "check"):
        more = ["--check"] if command == "format" else ["--ignore", "D"]
        done = subprocess.run(
            [ruff[0], command, *ruff[1:], *more, str(folder)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    for file in folder.glob("*.py"):
        compile(file.read_text(encoding="utf-8"), str(file), "exec")


def test_names_are_what_the_file_says(tmp_path: Path) -> None:
    made = created(tmp_path, awkward.rentals(), RENTED)
    features = module(made.folder, "features")
    assert features.LABEL == RENTED
    assert features.NUMBERS == ("km/h", "a.b")
    assert features.LOG_NUMBERS == ("Trip Miles",)
    assert features.GAPS == ("km/h",)
    assert features.DATES == ("picked up at", "returned")
    assert features.CATEGORIES == ("a.b", "größe", "2nd driver", 'the "best" one', "stand\nplace")
    assert features.DENSE_SIZE == 2 + 1 + 1 + 2 * 7
    assert features.VOCABULARY == 5 + 3 + 3 + 3 + 2
    assert set(dir(features)) & {"TIMES", "CLASSES"} == set()


def test_the_schema_holds_every_column_and_checks_those_in_use(tmp_path: Path) -> None:
    made = created(tmp_path, awkward.rentals(), RENTED)
    schema = load_schema(str(made.folder / "schema.pbtxt"))
    features = {one.name: one for one in schema.feature}
    assert list(features) == [one.column.name for one in made.decisions]
    disabled = {name for name, one in features.items() if one.lifecycle_stage == schema_pb2.LifecycleStage.DISABLED}
    assert disabled == {one.column.name for one in made.decisions if one.role is Role.LEFT_OUT}
    assert disabled == {"Booking ID", "day", "Remarks", "Currency", "empty"}
    assert schema_kinds(schema)["km/h"] is Kind.FLOAT
    assert 0.5 < features["km/h"].presence.min_fraction < 0.9
    assert features["Trip Miles"].shape.dim[0].size == 1
    domains = {one.name: list(one.value) for one in schema.string_domain}
    assert sorted(domains['the "best" one']) == ["a", 'b "c"', "d'e"]
    assert sorted(domains["stand\nplace"]) == ["North\nGate", "South"]


def test_the_settings_find_the_data(tmp_path: Path) -> None:
    problem = read_problem(created(tmp_path, awkward.flowers(), "kind", awkward.FLOWER_COLUMNS).folder)
    assert problem.settings.label == "kind"
    assert problem.settings.data.columns == tuple(awkward.FLOWER_COLUMNS.split(","))
    assert Path(problem.settings.data.path) == tmp_path / 'the "data" file.csv'
    assert problem.settings.evaluation.metrics[0].has_threshold


def test_the_sizes_go_by_the_rows(tmp_path: Path) -> None:
    few = read_problem(created(tmp_path, awkward.noise(100), "label").folder).settings
    (tmp_path / "more").mkdir()
    many = read_problem(created(tmp_path / "more", awkward.noise(6000), "label").folder).settings
    assert few.training.batch_size < many.training.batch_size
    assert few.training.params["hidden_units"] < many.training.params["hidden_units"]
    assert few.data.hash_buckets["eval"] / few.data.hash_buckets["train"] == 0.5
    assert few.data.minimum_rows <= 50 <= many.data.minimum_rows


def test_nothing_is_overwritten_and_nothing_is_left_half_done(tmp_path: Path) -> None:
    created(tmp_path, awkward.noise(), "label")
    before = {file.name: file.read_bytes() for file in (tmp_path / "made").iterdir()}
    with pytest.raises(SettingsError, match="already something"):
        created(tmp_path, awkward.noise(), "label")
    assert {file.name: file.read_bytes() for file in (tmp_path / "made").iterdir()} == before

    def refuse(_: Path) -> None:
        raise ValueError

    with pytest.raises(ValueError):
        write_folder(tmp_path / "second", {"a.py": ""}, refuse)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["made", 'the "data" file.csv']


def test_nothing_to_learn_from_is_said(tmp_path: Path) -> None:
    text = "id,label\n" + "".join(f"u{n:x}x,{n / 7}\n" for n in range(90))
    with pytest.raises(DataError, match="No column is left") as raised:
        created(tmp_path, text, "label")
    assert "id: an id" in str(raised.value.got)
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [("My Taxi", "my_taxi"), ("9lives", "problem_9lives"), ("class", "problem_class"), ("Größe-2", "groe_2"), ("", "")],
)
def test_a_name_is_a_package_s(tmp_path: Path, name: str, suggestion: str) -> None:
    with pytest.raises(SettingsError, match="cannot be the name") as raised:
        create(name, tmp_path / "x", "no.csv", "label")
    assert suggestion in str(raised.value.hint)
    assert suggest_name(name) in str(raised.value.hint)


def test_data_in_the_project_is_named_from_the_folder() -> None:
    shipped = ROOT / "pipeline" / "problems" / "new"
    assert path_from(shipped, str(ROOT / "data" / "x.csv")) == "../../../data/x.csv"
    assert path_from(shipped, str(ROOT.parent / "shared" / "x.csv")) == "../../../../shared/x.csv"
    assert path_from(Path("/elsewhere/new"), str(ROOT / "data" / "x.csv")) == str(ROOT / "data" / "x.csv")
    assert path_from(Path("/elsewhere/new"), "/elsewhere/data/x.csv") == "../data/x.csv"


WEIRD = [
    "",
    "plain",
    "both \" and '",
    'only "',
    "it's",
    "back\\slash",
    "new\nline\r\t",
    "\x7f\x00",
    "größe €",
    "\u2028",
    "😀",
]


@pytest.mark.parametrize("text", WEIRD)
def test_any_text_survives_being_written(text: str) -> None:
    import ast
    import tomllib

    assert ast.literal_eval(literals.python(text)) == text
    assert tomllib.loads(f"x = {literals.toml(text)}")["x"] == text
    domain = text_format.Parse(f"value: {literals.proto(text)}", schema_pb2.StringDomain())
    assert list(domain.value) == [text]
    assert len(literals.one_line(text).splitlines()) <= 1
