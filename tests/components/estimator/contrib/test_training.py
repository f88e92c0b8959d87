"""HParams: types, parsing and what is refused. No TensorFlow is needed for them, but its package imports it."""

import pytest

from components.estimator.contrib.training import HParams

pytestmark = pytest.mark.slow


def some() -> HParams:
    return HParams(rate=0.1, units=[10, 20], name="adam", steps=5, deep=False, note=None)


def test_values_are_attributes() -> None:
    params = some()
    assert (params.rate, params.units, params.name, params.deep) == (0.1, [10, 20], "adam", False)
    assert params.values() == {
        "rate": 0.1, "units": [10, 20], "name": "adam", "steps": 5, "deep": False, "note": None,
    }  # fmt: skip
    assert "rate" in params
    assert params["steps"] == 5
    assert params.get("nothing", 7) == 7
    assert params.get("steps", 1) == 5
    assert "('steps', 5)" in str(params)


def test_text_is_read_by_the_types_that_are_there() -> None:
    params = some().parse("rate=3e-2,units=[1,2,3], name=sgd ,deep=true,steps=7,note=x")
    assert params.values() == {
        "rate": 0.03, "units": [1, 2, 3], "name": "sgd", "steps": 7, "deep": True, "note": "x",
    }  # fmt: skip
    assert some().parse("units[1]=7,units[0]=3").units == [3, 7]
    assert some().parse("units=9").units == [9]
    assert some().parse("name=").name == ""
    assert some().parse("rate=1").rate == 1.0
    assert isinstance(some().parse("rate=1").rate, float)
    assert some().parse("").values() == some().values()


@pytest.mark.parametrize(
    "text",
    ["steps=1.5", "deep=maybe", "other=1", "rate", "rate=x", "rate=[1,2]", "units[5]=1", "rate[0]=1", "rate=1,,", "=1"],
)
def test_bad_text_is_refused_and_changes_nothing(text: str) -> None:
    params = some()
    with pytest.raises(ValueError, match=r"."):
        params.parse(f"name=other,{text}")
    assert params.values() == some().values()


def test_dicts_and_json() -> None:
    params = some().override_from_dict({"rate": 1, "units": [5]})
    assert (params.rate, params.units) == (1.0, [5])
    assert some().parse_json(params.to_json()).values() == params.values()
    with pytest.raises(KeyError):
        params.override_from_dict({"other": 1})
    for name, value in (("rate", "x"), ("steps", True), ("steps", 1.5), ("units", 3), ("rate", [1.0]), ("deep", 1)):
        with pytest.raises(ValueError, match=name):
            params.set_hparam(name, value)


def test_adding_and_removing() -> None:
    params = some()
    params.add_hparam("extra", 1)
    params.del_hparam("extra")
    params.del_hparam("extra")
    assert "extra" not in params
    for name in ("parse", "values", "rate"):
        with pytest.raises(ValueError, match="reserved"):
            params.add_hparam(name, 1)
    with pytest.raises(ValueError, match="empty"):
        params.add_hparam("none", [])
