"""Partial runs: what may be asked for, and which nodes then run, are reused, or are left out."""

import pytest

from pipeline.config import Settings
from pipeline.config.nodes import chain
from pipeline.errors import SettingsError
from pipeline.local.partial import WHOLE, Part, check, plan, read_part

SETTINGS = Settings.model_validate({"label": "rent", "data": {"path": "rows.csv"}, "schema": {"file": "schema.pbtxt"}})
UPSTREAM = chain(SETTINGS)
FROM_TRAINER = {"Trainer", "Resolver", "Evaluator", "InfraValidator", "Pusher"}


def refusal(part: Part, *, cache: bool = True) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        check(part, SETTINGS, cache=cache)
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize(
    ("part", "option"),
    [(Part(first="Trianer"), "--from"), (Part(last="trainr"), "--to"), (Part(only="Tainer"), "--only")],
)
def test_an_unknown_node_is_refused_with_a_suggestion(part: Part, option: str) -> None:
    error = refusal(part)
    assert error.headline.startswith("The chain has no node '")
    assert error.where == option
    assert error.hint == "did you mean Trainer?"
    assert error.expected == "one of: " + ", ".join(UPSTREAM)


@pytest.mark.parametrize(
    ("part", "option"), [(Part(first=""), "--from"), (Part(last=""), "--to"), (Part(only=""), "--only")]
)
@pytest.mark.parametrize("cache", [True, False])
def test_an_empty_name_is_no_node(part: Part, option: str, cache: bool) -> None:
    """As ``--from "$NODE"`` gives it where NODE is not set: a whole run, which pushes, is not what was meant."""
    error = refusal(part, cache=cache)
    assert error.headline == "The chain has no node ''"
    assert (error.where, error.hint) == (option, "name one of those")
    assert part


def test_nodes_are_those_of_the_settings() -> None:
    inferred = SETTINGS.model_copy(update={"schema_": SETTINGS.schema_.model_copy(update={"file": None})})
    assert refusal(Part(only="SchemaGen")).headline == "The chain has no node 'SchemaGen'"
    assert check(Part(only="SchemaGen"), inferred, cache=True).only == "SchemaGen"
    assert refusal(Part(last="WarmStart")).headline == "The chain has no node 'WarmStart'"


def test_any_case_will_do() -> None:
    assert check(Part("transform", "TRAINER"), SETTINGS, cache=True) == Part("Transform", "Trainer")
    assert check(WHOLE, SETTINGS, cache=False) == WHOLE


@pytest.mark.parametrize("part", [Part(first="Transform", only="Trainer"), Part(last="Transform", only="Trainer")])
def test_only_stands_alone(part: Part) -> None:
    error = refusal(part)
    assert error.headline in (
        "--only and --from cannot both be given",
        "--only and --to cannot both be given",
    )
    assert error.got == str(part)


@pytest.mark.parametrize("part", [Part(first="Transform"), Part(only="Transform")])
def test_what_reuses_and_what_reuses_nothing_contradict_one_another(part: Part) -> None:
    assert refusal(part, cache=False).headline.endswith("and --no-cache contradict one another")
    assert check(Part(last="Transform"), SETTINGS, cache=False).last == "Transform"


def test_to_has_to_come_after_from() -> None:
    error = refusal(Part("Trainer", "Transform"))
    assert error.headline == "Transform does not come after Trainer"
    assert error.hint == "did you mean --from Transform --to Trainer?"
    assert refusal(Part("StatisticsGen", "Transform")).hint == "name one of those"


def test_a_whole_run_has_all_nodes_and_reuses_what_it_can() -> None:
    found = plan(WHOLE, UPSTREAM)
    assert found.upstream == UPSTREAM
    assert not (found.anew | found.kept | found.taken)


def test_from_runs_what_comes_after_and_insists_on_what_comes_before() -> None:
    found = plan(Part(first="Trainer"), UPSTREAM)
    assert set(found.upstream) == set(UPSTREAM)
    assert found.anew == FROM_TRAINER
    assert found.kept == {"ExampleGen", "ImportSchemaGen", "StatisticsGen", "ExampleValidator", "Transform"}
    # What is neither before nor after may be reused, or run.
    assert plan(Part(first="Transform"), UPSTREAM).kept == {"ExampleGen", "ImportSchemaGen"}
    # What is looked up is never reused, and not insisted upon.
    assert "Resolver" not in plan(Part(first="Evaluator"), UPSTREAM).kept


def test_to_leaves_out_what_is_not_needed() -> None:
    found = plan(Part(last="Transform"), UPSTREAM)
    assert list(found.upstream) == ["ExampleGen", "ImportSchemaGen", "Transform"]
    assert not (found.anew | found.kept | found.taken)
    assert "ExampleValidator" in plan(Part(last="Trainer"), UPSTREAM).upstream, "no model is trained on refused data"


def test_from_and_to_together() -> None:
    found = plan(Part("Transform", "Trainer"), UPSTREAM)
    assert found.anew == {"Transform", "Trainer"}
    assert set(found.upstream) == set(UPSTREAM) - FROM_TRAINER | {"Trainer"}


def test_only_takes_what_is_before_but_looks_up_what_is_looked_up() -> None:
    found = plan(Part(only="Evaluator"), UPSTREAM)
    assert found.anew == {"Evaluator"}
    assert found.taken == {"ExampleGen", "ImportSchemaGen", "StatisticsGen", "ExampleValidator", "Transform", "Trainer"}
    assert set(found.upstream) == {*found.taken, "Resolver", "Evaluator"}


def test_a_part_is_read_back() -> None:
    part = Part("Transform", "Trainer")
    assert read_part(part.as_json()) == part
    assert read_part({}) == WHOLE
    assert str(part) == "--from Transform --to Trainer"
    assert not WHOLE
