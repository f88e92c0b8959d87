"""What became of models: the gates' answers, the columns that their answers depend on, the versions that hold them."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from pipeline.lineage.archive import Archive
from pipeline.lineage.facts import json_of
from pipeline.lineage.pushes import Push, producers
from pipeline.lineage.store import Artifact


@dataclass
class Fate:
    """What became of a model.

    Attributes:
        model: The model.
        run: The run that trained it.
        problem: Its problem.
        label: The feature that it was trained to predict; empty if that is not recorded.
        blessed: What the gates said; None if they were not asked.
        reason: Why.
        columns: The columns that its answers depend on; None if that is not recorded.
        pushes: The versions that hold it.
        evaluation: What it was judged by.
    """

    model: Artifact
    run: str = ""
    problem: str = ""
    label: str = ""
    blessed: bool | None = None
    reason: str = ""
    columns: list[str] | None = None
    pushes: list[Push] = field(default_factory=list)
    evaluation: Artifact | None = None
    infra: Artifact | None = None


def fates(archive: Archive, models: Iterable[Artifact], pushed: Iterable[Push]) -> dict[int, Fate]:
    """Return what became of each model, by its number."""
    found = {one.id: Fate(one) for one in models}
    store = archive.store
    events = store.events_of_artifacts(found)
    made_by = producers(archive, found)
    runs = store.runs_of(made_by.values())
    known = _problems_and_labels(archive, made_by.values())
    for number, execution in made_by.items():
        found[number].run = runs.get(execution, "")
        found[number].problem, found[number].label = known.get(execution, ("", ""))
    asked = {event.execution: event.artifact for event in events if not event.output and event.key == "model"}
    answers = [event for event in store.events_of_executions(asked) if event.output]
    made = {one.id: one for one in store.artifacts(event.artifact for event in answers)}
    blessings: dict[int, dict[str, Artifact]] = {}
    for event in sorted(answers, key=lambda one: one.artifact):
        artifact = made.get(event.artifact)
        if artifact is not None:
            blessings.setdefault(asked[event.execution], {})[artifact.type] = artifact  # the latest of each type
    for number, told in blessings.items():
        _judge(found[number], told)
    for push in pushed:
        if push.model in found:
            found[push.model].pushes.append(push)
    return found


def _problems_and_labels(archive: Archive, executions: Iterable[int]) -> dict[int, tuple[str, str]]:
    """Return problem and label of each execution: from its properties, which cost less to read than its context."""
    found = {}
    for one in archive.store.executions(executions):
        config = json_of(one.get("custom_config"))
        if isinstance(config, dict) and config.get("problem"):
            found[one.id] = (str(config["problem"]), str(config.get("label") or ""))
    places = archive.store.places_of(set(executions) - found.keys())
    return {number: (problem, "") for number, (problem, _) in places.items()} | found


def _judge(fate: Fate, told: dict[str, Artifact]) -> None:
    verdicts = [told[kind] for kind in ("ModelBlessing", "InfraBlessing") if kind in told]
    if "ModelBlessing" in told:
        refused = [one for one in verdicts if one.get("blessed") != 1]
        fate.blessed = not refused
        fate.reason = "; ".join(str(one.get("blessing_message", "")) for one in (refused or verdicts[:1]))
    fate.evaluation, fate.infra = told.get("ModelEvaluation"), told.get("InfraBlessing")
    columns = json_of(fate.infra.get("columns")) if fate.infra else None
    fate.columns = columns if isinstance(columns, list) else None
