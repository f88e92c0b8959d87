"""From a column through the transform to the models whose answers depend on it."""

import difflib
from collections.abc import Iterable
from pathlib import Path

from pipeline.errors import SettingsError
from pipeline.lineage import building, facts
from pipeline.lineage.archive import Archive
from pipeline.lineage.fates import Fate, fates
from pipeline.lineage.pushes import live, producers, pushes
from pipeline.lineage.saved_model import signature_reach, transform_reach
from pipeline.lineage.store import Artifact
from pipeline.lineage.things import Answer, Thing


def feature_lineage(archive: Archive, name: str) -> Answer:
    """Answer ``lineage feature NAME``.

    Args:
        archive: The workspace.
        name: A column of the data, or a feature that the transform makes.

    Raises:
        SettingsError: If no transform has such a column or feature.
    """
    graphs = sorted(archive.store.artifacts_of_type("TransformGraph"), key=lambda one: -one.id)
    made_of = {one.id: columns_of_features(one) for one in graphs}
    columns = {column for features in made_of.values() for used in features.values() for column in used}
    features = {feature for one in made_of.values() for feature in one}
    if name not in columns | features:
        raise _unknown(archive, name, columns, features, unread=bool(graphs) and not any(made_of.values()))
    pushed = pushes(archive)
    served = {(one.problem, one.push.execution) for one in live(pushed) if one.push}
    trained = _models(archive, (one.id for one in graphs))
    ends = fates(archive, {one.id: one for group in trained.values() for one in group}.values(), pushed)
    roots = []
    for column in [name] if name in columns else _columns_behind(name, made_of.values()):
        root = Thing(f"column:{column}", "column", f"column {column}", "", {"column": column})
        for graph in graphs:
            mine = sorted(feature for feature, used in made_of[graph.id].items() if column in used)
            if mine and (name in columns or name in mine):
                root.links.append(
                    _transform(graph, column, features=mine, models=trained[graph.id], ends=ends, served=served)
                )
        roots.append(root)
    if name in columns:
        models = [one for root in roots for graph in root.links for one in graph.links]
        learned = {one.facts["id"] for one in models if one.facts["label"]}
        note = _count([None if one in learned else _depends(ends[one], name) for one in ends], len(learned))
    else:
        note = f"feature {name}, made of " + ", ".join(str(one.facts["column"]) for one in roots)
    return Answer(f"lineage feature {name}", tuple(roots), upstream=False, notes=(note,))


def columns_of_features(graph: Artifact) -> dict[str, list[str]]:
    """Return which columns each transformed feature is made of: as recorded by the node, else from the graph's file."""
    recorded = facts.json_of(graph.get("columns"))
    if isinstance(recorded, dict):
        return recorded
    try:
        return transform_reach(Path(graph.uri) / "transform_fn")
    except (OSError, ValueError):
        return {}


def _count(answers: list[bool | None], learned: int) -> str:
    """Say how many models use a column.

    Args:
        answers: Whether each does; None where that is not known, and where it is made into the label.
        learned: How many models it is made into the label of.
    """
    models = "1 model" if len(answers) == 1 else f"{len(answers)} models"
    used, unused, unknown = answers.count(True), answers.count(False), answers.count(None) - learned
    words = [f"{used} of {models} {'uses' if used == 1 else 'use'} it"] if learned < len(answers) or not answers else []
    words += [f"{unused} {'does' if unused == 1 else 'do'} not"] if unused else []
    of = "" if words else f" of {models}"
    words += [f"{learned}{of} {'was' if learned == 1 else 'were'} trained to predict it"] if learned else []
    return ", ".join([*words, *([f"of {unknown} it is not known"] if unknown else [])])


def _transform(
    graph: Artifact,
    column: str,
    *,
    features: list[str],
    models: list[Artifact],
    ends: dict[int, Fate],
    served: set[tuple[str, int]],
) -> Thing:
    detail = f"makes {', '.join(features)} of it"
    told = {"id": graph.id, "uri": graph.uri, "features": features}
    thing = Thing(f"artifact:{graph.id}", "transform", f"transform {graph.id}", detail, told)
    for model in models:
        fate = ends[model.id]
        one = building.model_thing(fate, served)
        depends = _depends(fate, column)
        one.facts |= {"depends": depends, "label": fate.label in features}
        words = {
            True: "its answers depend on it",
            False: "its answers do not depend on it",
            None: "whether its answers depend on it is not recorded",
        }[depends]
        if fate.label in features:  # no answer is made of it: that is not worth telling
            made = "it" if fate.label == column else f"{fate.label}, made of it"
            words = f"trained to predict {made}" + (f"; {words}" if depends else "")
        one.detail = f"{words}; {one.detail}"
        thing.links.append(one)
    return thing


def _depends(fate: Fate, column: str) -> bool | None:
    """Say whether a model's answers depend on a column: as recorded, else from the export's graph; None if unknown."""
    columns = fate.columns
    if columns is None:
        try:
            reached = signature_reach(Path(fate.model.uri) / "Format-Serving", "raw")
        except (OSError, ValueError):
            return None
        columns = sorted({one for used in reached.values() for one in used}) if reached else None
        fate.columns = columns
    return None if columns is None else column in columns


def _models(archive: Archive, graphs: Iterable[int]) -> dict[int, list[Artifact]]:
    """Return the models that were trained on what each transform made, newest first."""
    store = archive.store
    wanted = list(graphs)
    events = [event for event in store.events_of_artifacts(wanted) if not event.output]
    takers = {event.execution: event.artifact for event in events}
    made = [event for event in store.events_of_executions(takers) if event.output]
    first = producers(archive, (event.artifact for event in made))
    found: dict[int, set[int]] = {one: set() for one in wanted}
    for event in made:
        if first.get(event.artifact) == event.execution:
            found[takers[event.execution]].add(event.artifact)
    return {
        graph: sorted((one for one in store.artifacts(ids) if one.type == "Model"), key=lambda one: -one.id)
        for graph, ids in found.items()
    }


def _columns_behind(feature: str, made_of: Iterable[dict[str, list[str]]]) -> list[str]:
    return list(dict.fromkeys(column for one in made_of for column in one.get(feature, ())))


def _unknown(archive: Archive, name: str, columns: set[str], features: set[str], *, unread: bool) -> SettingsError:
    if unread:
        return SettingsError(
            f"No transform of this workspace says what {name!r} is used for",
            got="transforms that were recorded without their columns, and whose files are gone",
            where=str(archive.root),
            hint="run the problem again: each run records it now",
        )
    close = difflib.get_close_matches(name, sorted(columns | features), n=1)
    return SettingsError(
        f"There is no column {name!r}",
        expected="one of: " + ", ".join(sorted(columns)) if columns else "a column that a transform takes in",
        where=str(archive.root),
        hint=f"did you mean {close[0]}?" if close else "the problem's schema.pbtxt names the columns",
    )
