"""What a ``gc`` would do: what goes, and what stays for which reason. Reads, and changes nothing."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.housekeeping import sizes
from pipeline.housekeeping.catalogue import Catalogue, read_catalogue
from pipeline.housekeeping.items import Item
from pipeline.housekeeping.keeping import Keeping, Reason, keeping
from pipeline.housekeeping.leftovers import leftovers
from pipeline.housekeeping.places import artifact_place
from pipeline.lineage.archive import Archive


@dataclass(frozen=True)
class Kept:
    """What stays for one reason.

    Attributes:
        problem: Whose it is.
        reason: Why.
        artifacts: How many.
        bytes: What they hold.
    """

    problem: str
    reason: str
    artifacts: int
    bytes: int


@dataclass(frozen=True)
class Plan:
    """What a ``gc`` would do.

    Attributes:
        root: The workspace.
        items: What goes: artifacts first, then the rest.
        kept: What stays.
        runs: The runs of each problem that are kept, oldest first.
        collected: The other runs: their records stay, what they made and nobody else needs goes.
        left: What was not understood and is left alone, in sentences.
    """

    root: Path
    items: tuple[Item, ...]
    kept: tuple[Kept, ...]
    runs: dict[str, list[str]]
    collected: dict[str, list[str]]
    left: tuple[str, ...]

    @property
    def bytes(self) -> int:
        """What comes free."""
        return sum(one.bytes for one in self.items)


def make_plan(archive: Archive, keep_runs: int, *, busy: bool = False) -> Plan:
    """Find out what goes and what stays.

    Args:
        archive: The workspace.
        keep_runs: How many runs of each problem are kept, at least 1.
        busy: Whether a run is under way here; the plan is then not to be carried out.
    """
    catalogue = read_catalogue(archive)
    kept = keeping(catalogue, keep_runs)
    places = {
        number: place
        for number, one in catalogue.artifacts.items()
        if not one.deleted and (place := artifact_place(archive.root, one.uri)) is not None
    }
    stays = {number for number in places if number in kept.reasons and not catalogue.artifacts[number].gone}
    taken = {places[number] for number in stays}
    above = {folder for place in taken for folder in place.parents}
    unmade, shared = 0, 0
    items: list[Item] = []
    for number, place in places.items():
        if number in stays:
            continue
        problem, node = catalogue.place(number)
        if not node:
            unmade += 1
        elif place in taken or place in above or not taken.isdisjoint(place.parents):
            shared += 1
        else:
            items.append(Item("artifacts", problem, node, place, number))
    named = {folder for place in places.values() for folder in (place, *place.parents)}
    rest, unknown = leftovers(catalogue, kept, named, busy=busy)
    items += rest
    frees = sizes.freed(dict(enumerate(one.place for one in items)))
    return Plan(
        root=archive.root,
        items=tuple(replace(one, bytes=frees[number]) for number, one in enumerate(items)),
        kept=tuple(_kept(kept, {number: places[number] for number in stays})),
        runs=kept.runs,
        collected={
            problem: [run for run in runs if run not in kept.runs[problem]]
            for problem, runs in catalogue.problems.items()
        },
        left=tuple(_left(catalogue, places, unmade, shared, unknown)),
    )


def _kept(kept: Keeping, places: dict[int, Path]) -> Iterable[Kept]:
    by_reason: dict[Reason, list[int]] = {}
    for number, reason in kept.reasons.items():
        if number in places:
            by_reason.setdefault(reason, []).append(number)
    for reason, numbers in by_reason.items():
        held = sizes.held(places[one] for one in numbers)
        yield Kept(reason.problem, reason.words, len(numbers), held)


def _left(
    catalogue: Catalogue, places: dict[int, Path], unmade: int, shared: int, unknown: list[Path]
) -> Iterable[str]:
    away = sum(1 for number, one in catalogue.artifacts.items() if not one.gone and number not in places)
    if away:
        yield f"{_count(away, 'artifact')} outside this workspace, or behind a symbolic link"
    if unmade:
        yield f"{_count(unmade, 'artifact')} that no node is known to have made"
    if shared:
        yield f"{_count(shared, 'artifact')} whose folder holds, or lies in, that of one that is kept"
    if unknown:
        yield f"{_count(len(unknown), 'folder')} that no artifact of this metadata store names, as {unknown[0]}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"
