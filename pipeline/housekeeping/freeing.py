"""Frees what a plan names, so that a kill at any moment leaves nothing that a run could take for whole.

The protocol
------------
1. **alone**: hold the workspace (:mod:`pipeline.housekeeping.alone`); the plan is made after that.
2. **sweep** what ML Metadata does not name: logs, checkpoints, what killed nodes left. On a full disk that makes room.
3. **mark** every artifact that goes ``MARKED_FOR_DELETION``, all before the first byte of one goes. TFX reuses an
   execution, and resolves an input, only where all artifacts are ``LIVE``: from now on no run can be handed these.
4. **remove** their folders, one after the other.
5. **settle**: mark those that are gone ``DELETED``, some at a time.

Killed before 3 is done, some artifacts are marked and whole; killed later, some are marked and gone, or half gone. The
next ``gc`` ends it: what is marked is never kept, whatever it is asked to keep, and never taken back: a folder that was
half removed cannot be told from a whole one.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from pipeline.errors import InfrastructureError, PipelineError
from pipeline.housekeeping.items import Item
from pipeline.housekeeping.marks import DELETED, MARKED, Marks
from pipeline.housekeeping.places import remove
from pipeline.housekeeping.plan import Plan

_SETTLE = 20
"""So many artifacts are marked as gone at a time: each time costs a write to the disk."""


@dataclass
class Done:
    """What was done.

    Attributes:
        items: What is gone.
        failures: What could not be removed, and why.
    """

    items: list[Item] = field(default_factory=list)
    failures: list[tuple[Item, OSError]] = field(default_factory=list)

    @property
    def error(self) -> PipelineError | None:
        """What a person should know, if something could not be removed."""
        if not self.failures:
            return None
        item, first = self.failures[0]
        count = len(self.failures)
        return InfrastructureError(
            "A folder could not be removed" if count == 1 else f"{count} folders could not be removed",
            got=first.strerror or str(first),
            where=str(item.place),
            hint="give yourself the right to write there and run gc again; no run will use what is left of it",
        )


def _ignore(_: Item) -> None:
    pass


def free(plan: Plan, marks: Marks, on_item: Callable[[Item], None] = _ignore) -> Done:
    """Free what a plan names; the caller holds the workspace. See the module's head.

    Args:
        plan: What goes.
        marks: The metadata.
        on_item: Called before each item is removed.

    Raises:
        InfrastructureError: If the metadata cannot be written.
    """
    done = Done()
    for one in plan.items:  # first, since it may make the room that the marks need
        if one.artifact is None:
            _remove(plan, one, done, on_item)
    artifacts = [one for one in plan.items if one.artifact is not None]
    marks.put([one.artifact for one in artifacts if one.artifact is not None], MARKED)
    for start in range(0, len(artifacts), _SETTLE):
        some = artifacts[start : start + _SETTLE]
        gone = [one.artifact for one in some if _remove(plan, one, done, on_item) and one.artifact is not None]
        marks.put(gone, DELETED)
    return done


def _remove(plan: Plan, item: Item, done: Done, on_item: Callable[[Item], None]) -> bool:
    on_item(item)
    try:
        remove(plan.root, item.place)
    except OSError as error:
        done.failures.append((item, error))
        return False
    done.items.append(item)
    return True
