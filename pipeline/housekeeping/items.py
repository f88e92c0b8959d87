"""What there is to free."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Item:
    """Something that goes.

    Attributes:
        what: ``artifacts``, or what else it is, in words.
        problem: Whose it is.
        node: The node that it is of; empty for a run's logs.
        place: Where it lies, without a link in it.
        artifact: The artifact's number; None for what ML Metadata does not name.
        run: The run whose logs it is; empty otherwise.
        bytes: What comes free.
    """

    what: str
    problem: str
    node: str
    place: Path
    artifact: int | None = None
    run: str = ""
    bytes: int = 0
