"""All that ML Metadata holds of a workspace: what was made by which node, from what, and in which run."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from pipeline.lineage.archive import Archive
from pipeline.lineage.store import Artifact, Event, Execution

BASES = frozenset({"base_model", "baseline_model"})
"""Keys under which a node takes in a model that it starts from or compares with."""

ROWS = frozenset({"Examples"})
"""Types that hold the data itself: most of the bytes, and of use only to what is computed again."""


@dataclass(frozen=True)
class Catalogue:
    """A workspace's metadata, read as a whole.

    Attributes:
        archive: The workspace.
        artifacts: Every artifact by its number, deleted ones included.
        executions: Every execution by its number.
    """

    archive: Archive
    artifacts: dict[int, Artifact]
    executions: dict[int, Execution]

    @cached_property
    def _events(self) -> list[Event]:
        return self.archive.store.events_of_executions(self.executions)

    @cached_property
    def makers(self) -> dict[int, int]:
        """The execution that made each artifact: the first that gave it out. Later ones reused it."""
        found: dict[int, int] = {}
        for event in self._events:
            if event.output:
                found[event.artifact] = min(event.execution, found.get(event.artifact, event.execution))
        return found

    @cached_property
    def used(self) -> dict[int, list[Event]]:
        """What each execution took in."""
        return self._by_execution(output=False)

    @cached_property
    def made(self) -> dict[int, list[Event]]:
        """What each execution gave out, reused artifacts included."""
        return self._by_execution(output=True)

    def _by_execution(self, *, output: bool) -> dict[int, list[Event]]:
        found: dict[int, list[Event]] = defaultdict(list)
        for event in self._events:
            if event.output == output:
                found[event.execution].append(event)
        return found

    @cached_property
    def places(self) -> dict[int, tuple[str, str]]:
        """The problem and the node of each execution."""
        return self.archive.store.places_of(self.executions)

    @cached_property
    def runs(self) -> dict[str, list[int]]:
        """The executions of every run, the oldest run first; a run may have none."""
        store = self.archive.store
        return {run: [one.id for one in store.executions_of_run(run)] for run in self.archive.runs}

    @cached_property
    def problems(self) -> dict[str, list[str]]:
        """The runs of each problem, oldest first."""
        found: dict[str, list[str]] = defaultdict(list)
        for run, executions in self.runs.items():
            known = next((self.places[one][0] for one in executions if one in self.places), "")
            found[known or str(self.archive.record(run).job.get("problem", {}).get("name", ""))].append(run)
        return dict(sorted(found.items()))

    def place(self, artifact: int) -> tuple[str, str]:
        """Return the problem and the node that an artifact was made by; empty texts if no node did."""
        return self.places.get(self.makers.get(artifact, 0), ("", ""))

    def started(self, run: str) -> float | None:
        """Return when a run started, in seconds since the epoch; None if nothing says it."""
        recorded = self.archive.record(run).job.get("started")
        return recorded or min((self.executions[one].started for one in self.runs[run]), default=None)

    def of_runs(self, runs: Iterable[str]) -> set[int]:
        """Return every artifact that runs used or made, and what those were made of.

        A model that a run compared its own with, or started from, is among them; what that one was made of is not:
        only the model is needed to do the same again.
        """
        executions = [one for run in runs for one in self.runs[run]]
        direct: set[int] = set()
        made_from: set[int] = set()
        for execution in executions:
            resolver = self.executions[execution].type.endswith(".Resolver")
            for event in (*self.used.get(execution, ()), *self.made.get(execution, ())):
                (direct if resolver or event.key in BASES else made_from).add(event.artifact)
        return direct | self.upstream(made_from)

    def upstream(self, artifacts: Iterable[int]) -> set[int]:
        """Return artifacts, and all that they were made of; of a model that a training started from nothing more."""
        found: set[int] = set()
        bases: set[int] = set()
        queue = list(artifacts)
        while queue:
            one = queue.pop()
            if one not in found:
                found.add(one)
                for event in self.used.get(self.makers.get(one, 0), ()):
                    (bases.add if event.key in BASES else queue.append)(event.artifact)
        return found | bases

    def of_models(self, models: Iterable[int]) -> set[int]:
        """Return models, what was said of them, and what they were made of but for the rows.

        That is what comparing with them, starting from them and asking about them needs.
        """
        wanted = set(models)
        asked = [
            one
            for one, events in self.used.items()
            if any(event.key == "model" and event.artifact in wanted for event in events)
        ]
        said = {event.artifact for one in asked for event in self.made.get(one, ())}
        about = self.upstream(wanted)
        return said | {one for one in about if one in self.artifacts and self.artifacts[one].type not in ROWS}


def read_catalogue(archive: Archive) -> Catalogue:
    """Read all that ML Metadata holds of a workspace."""
    artifacts = {one.id: one for one in archive.store.all_artifacts()}
    executions = {one.id: one for one in archive.store.all_executions()}
    return Catalogue(archive, artifacts, executions)
