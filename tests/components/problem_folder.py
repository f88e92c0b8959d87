"""A problem's folder that a test writes, imported as a run imports the copy of one."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from components.user_code import place


@contextmanager
def written(folder: Path, name: str, model: str | None = None, *, known_as: Path | None = None) -> Iterator[Path]:
    """Write a problem into ``folder/code``; until the end it is imported from there.

    Args:
        folder: A folder of the test's own.
        name: The problem's name.
        model: What its ``model.py`` says; None to write none.
        known_as: The folder that errors name; by default the one that is written.

    Yields:
        The file ``model.py``.
    """
    made = folder / "code" / name
    made.mkdir(parents=True)
    (made / "__init__.py").write_text("")
    if model is not None:
        (made / "model.py").write_text(model)
    with place.restored():
        place.use_copy(made.parent, name, known_as or made)
        yield made / "model.py"
