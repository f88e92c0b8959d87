"""Lines of keys in a TOML file."""

from pipeline.config.positions import key_lines, line_of

TEXT = """\
label = "x"
# a comment = not a key
[data]
path = "p"
[training.params]
"odd key" = 1
a.b = 2
[[evaluation.metrics]]
name = "m"
[[evaluation.metrics]]
name = "n"
"""


def test_keys_tables_and_arrays_of_tables_are_found() -> None:
    lines = key_lines(TEXT)
    assert lines["label",] == 1
    assert lines["data", "path"] == 4
    assert lines["training", "params", "odd key"] == 6
    assert lines["training", "params", "a", "b"] == 7
    assert lines["evaluation", "metrics", 1, "name"] == 11
    assert ("# a comment",) not in lines


def test_an_unknown_place_is_that_of_its_parent() -> None:
    lines = key_lines(TEXT)
    assert line_of(lines, ("evaluation", "metrics", 1, "upper_bound")) == 10
    assert line_of(lines, ("nowhere",)) is None
