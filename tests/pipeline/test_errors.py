"""The error tree: what is shown, and how an error survives another process."""

import pickle

import pytest

from pipeline.errors import (
    DataError,
    InfrastructureError,
    NotBlessedError,
    PipelineError,
    SettingsError,
    UserCodeError,
    find,
    from_json,
    raise_encoded,
)

FULL = DataError("Bad row", got="3 cells", expected="4 cells", where="a.csv:7", hint="mend line 7")


def test_exit_codes() -> None:
    kinds = [SettingsError, DataError, UserCodeError, NotBlessedError, InfrastructureError, PipelineError]
    assert [kind.exit_code for kind in kinds] == [2, 3, 4, 5, 1, 1]


def test_it_reads_headline_first_and_labels_the_rest() -> None:
    assert FULL.render().splitlines() == [
        "Error: Bad row",
        "  where:    a.csv:7",
        "  got:      3 cells",
        "  expected: 4 cells",
        "  next:     mend line 7",
    ]


def test_several_mistakes_are_numbered() -> None:
    text = SettingsError("2 mistakes", parts=[SettingsError("one", got="1"), SettingsError("two")]).render()
    assert text.splitlines() == ["Error: 2 mistakes", "  1. one", "     got:      1", "  2. two"]


def test_it_survives_json_with_its_kind_and_parts() -> None:
    error = SettingsError("outer", hint="h", parts=[FULL])
    back = from_json(error.as_json())
    assert type(back) is SettingsError
    assert type(back.parts[0]) is DataError
    assert back.as_json() == error.as_json()


def test_it_survives_pickling() -> None:
    assert pickle.loads(pickle.dumps(FULL)).as_json() == FULL.as_json()


def test_it_is_found_in_text_as_beam_quotes_it() -> None:
    try:
        raise_encoded(FULL)
    except RuntimeError as worker:
        quoted = RuntimeError(f"Traceback ...\nRuntimeError: {worker} [while running 'Encode/ParDo']")
    found = find(quoted)
    assert type(found) is DataError
    assert found.as_json() == FULL.as_json()


def test_it_is_found_among_the_causes() -> None:
    outer = ValueError("outer")
    outer.__cause__ = KeyError("between")
    outer.__cause__.__context__ = FULL
    assert find(outer) is FULL
    assert find(ValueError("nothing of ours")) is None


def test_a_headline_with_braces_and_line_breaks_survives() -> None:
    error = UserCodeError("a {dict: 1} >>\nand more", got='"quoted" \\ back')
    with pytest.raises(RuntimeError) as caught:
        raise_encoded(error)
    caught.value.__cause__ = None
    found = find(caught.value)
    assert found is not None
    assert found.as_json() == error.as_json()
