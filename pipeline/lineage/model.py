"""Upstream of a pushed model: everything that it was made of, down to the files."""

from collections import defaultdict

from pipeline.lineage import building, facts
from pipeline.lineage.archive import Archive
from pipeline.lineage.details import settings_and_libraries
from pipeline.lineage.fates import fates
from pipeline.lineage.feature import columns_of_features
from pipeline.lineage.pushes import Push, choose, live, producers
from pipeline.lineage.runs import describe, parts
from pipeline.lineage.store import Artifact, Execution
from pipeline.lineage.things import Answer, Thing


def model_lineage(archive: Archive, version: str | None = None, problem: str | None = None) -> Answer:
    """Answer ``lineage model [VERSION]``.

    Args:
        archive: The workspace.
        version: A pushed version, ``3`` or ``housing/3``; the live one if it is not given.
        problem: The problem, where the workspace holds several.

    Raises:
        SettingsError: If there is no such version.
    """
    push, ours = choose(archive, version, problem)
    served = {one.push.execution for one in live(ours) if one.push}
    root = building.version_thing(push, live=push.execution in served)
    walk = Upstream(archive, push.run)
    root.links = [*walk.judged(push, ours), *walk.model(push.model)]
    if push.run:
        run = building.run_thing(describe(archive, push.run))
        kept = settings_and_libraries(archive, push.run, parts(archive, push.run))
        run.facts |= {"settings": kept[0], "libraries": kept[1]}
        root.links.append(run)
    return Answer(f"lineage model {push.problem}/{push.version}", (root,), upstream=True)


class Upstream:
    """Walks from artifacts to what they were made of, and makes each thing once.

    Args:
        archive: The workspace.
        run: The run that is asked about; where a model is another one's, that is said.
    """

    def __init__(self, archive: Archive, run: str) -> None:
        self._archive, self._run = archive, run
        self._known: dict[int, Thing] = {}

    def model(self, number: int) -> list[Thing]:
        """Return a Model with its code, its settings, its transform, its schema and its data."""
        artifact, maker, inputs = self._made(number)
        if artifact is None:
            return []
        name = f"model {artifact.id}"
        thing = Thing(f"artifact:{number}", "model", name, artifact.uri, {"id": number, "uri": artifact.uri})
        if maker is not None:
            trained = self._archive.store.runs_of([maker.id]).get(maker.id, "")
            thing.facts["run"] = trained or None
            if trained not in ("", self._run):
                thing.detail += f"; trained by run {trained}"
            digest, settings = facts.code_hash(maker), facts.training(maker)
            if digest:
                thing.links.append(building.code_thing("model.py and what it imports", digest))
            if settings:
                tuned = {name: value for one in inputs["HyperParameters"] for name, value in facts.tuned(one).items()}
                thing.links.append(building.settings_thing(settings, f"settings:{maker.id}", tuned))
        for one in inputs["TransformGraph"]:
            thing.links.append(self.transform(one))
        if not inputs["TransformGraph"]:
            thing.links += [self.data(one) for one in inputs["Examples"]]
        thing.links += [self.schema(one) for one in inputs["Schema"]]
        thing.links += [self.tuned(one) for one in inputs["HyperParameters"]]
        for one in inputs["Model"]:
            told = {"id": one.id, "uri": one.uri}
            detail = "the weights that it started from; `lineage model` of its version says what it was made of"
            thing.links.append(Thing(f"artifact:{one.id}", "base", f"model {one.id}", detail, told))
        return [thing]

    def tuned(self, artifact: Artifact) -> Thing:
        """Return the values that a search found, with the rows that it searched on."""
        if artifact.id not in self._known:
            _, maker, inputs = self._made(artifact.id)
            thing = self._known[artifact.id] = building.tuned_thing(artifact)
            digest = facts.code_hash(maker) if maker is not None else ""
            if digest:
                thing.links.append(building.code_thing("model.py and what it imports", digest))
            thing.links += [self.transform(one) for one in inputs["TransformGraph"]]
        return self._known[artifact.id]

    def transform(self, artifact: Artifact) -> Thing:
        """Return a TransformGraph with its code, its schema and its data."""
        if artifact.id not in self._known:
            _, maker, inputs = self._made(artifact.id)
            columns = columns_of_features(artifact)
            detail = f"{len(columns)} features: {', '.join(columns)}" if columns else artifact.uri
            told = {"id": artifact.id, "uri": artifact.uri, "columns": columns}
            thing = Thing(f"artifact:{artifact.id}", "transform", f"transform {artifact.id}", detail, told)
            self._known[artifact.id] = thing
            digest = facts.code_hash(maker) if maker is not None else ""
            if digest:
                thing.links.append(building.code_thing("preprocessing.py and what it imports", digest))
            thing.links += [self.schema(one) for one in inputs["Schema"]]
            thing.links += [self.data(one) for one in inputs["Examples"]]
        return self._known[artifact.id]

    def schema(self, artifact: Artifact) -> Thing:
        """Return a Schema; one that was inferred has the data that it was inferred from."""
        if artifact.id not in self._known:
            _, maker, inputs = self._made(artifact.id)
            thing = self._known[artifact.id] = building.schema_thing(artifact, maker)
            for statistics in inputs["ExampleStatistics"]:
                _, _, read = self._made(statistics.id)
                thing.links += [self.data(one) for one in read["Examples"]]
        return self._known[artifact.id]

    def data(self, artifact: Artifact) -> Thing:
        """Return Examples with the files that they were read from."""
        if artifact.id not in self._known:
            thing = self._known[artifact.id] = building.data_thing(artifact)
            span = int(artifact.get("span", 0) or 0)
            thing.links = [building.file_thing(one, span) for one in facts.sources(artifact)]
            if not thing.links:  # another ExampleGen than ours
                _, maker, _ = self._made(artifact.id)
                place = str(maker.get("input_base", "")) if maker is not None else ""
                if place:
                    mark = str(artifact.get("input_fingerprint", ""))
                    told = {"path": place, "fingerprint": mark, "span": span}
                    thing.links = [Thing(f"file:{place}#{mark}", "file", place, mark, told)]
        return self._known[artifact.id]

    def judged(self, push: Push, ours: list[Push]) -> list[Thing]:
        """Return the verdict on a model, with what it was judged by and compared with."""
        models = self._archive.store.artifacts([push.model])
        fate = fates(self._archive, models, ours).get(push.model)
        if fate is None:
            return []
        told = {"blessed": fate.blessed, "reason": fate.reason}
        verdict = Thing(f"verdict:{push.execution}", "verdict", building.blessing_word(fate), fate.reason, told)
        if fate.evaluation is not None:
            evaluation = building.evaluation_thing(fate.evaluation)
            verdict.links.append(evaluation)
            for one in self._made(fate.evaluation.id)[2]["Model"]:
                if one.id != push.model:
                    evaluation.links.append(self._compared(one, ours))
        if fate.infra is not None:
            words = str(fate.infra.get("blessing_message", ""))
            verdict.links.append(
                Thing(f"artifact:{fate.infra.id}", "export", "tried out", words, {"id": fate.infra.id, "said": words})
            )
        return [verdict]

    def _compared(self, model: Artifact, ours: list[Push]) -> Thing:
        pushed = [one for one in ours if one.model == model.id]
        detail = f"version {pushed[-1].version}" if pushed else model.uri
        told = {"id": model.id, "uri": model.uri, "versions": [one.version for one in pushed]}
        return Thing(f"artifact:{model.id}", "compared", f"with model {model.id}", detail, told)

    def _made(self, number: int) -> tuple[Artifact | None, Execution | None, dict[str, list[Artifact]]]:
        """Return an artifact, the execution that made it, and what that took in, by type."""
        store = self._archive.store
        found = store.artifacts([number])
        made_by = producers(self._archive, [number])
        makers = store.executions(made_by.values())
        events = store.events_of_executions(made_by.values())
        used: dict[str, list[Artifact]] = defaultdict(list)
        for one in store.artifacts(event.artifact for event in events if not event.output):
            used[one.type].append(one)
        return (found[0] if found else None), (makers[0] if makers else None), used
