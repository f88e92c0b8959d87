"""What is live for each problem, since when, made from what, and what it took the place of."""

from pipeline.errors import SettingsError
from pipeline.lineage import building
from pipeline.lineage.archive import Archive
from pipeline.lineage.facts import iso, moment, number, short
from pipeline.lineage.pushes import Live, live, pushes
from pipeline.lineage.runs import Run, describe
from pipeline.lineage.things import Answer, Thing


def serving(archive: Archive) -> Answer:
    """Answer ``serving``.

    Raises:
        SettingsError: If nothing was pushed yet.
    """
    known = pushes(archive)
    if not known:
        raise SettingsError(
            "Nothing was pushed in this workspace yet",
            where=str(archive.root),
            hint="`python runner.py runs` says how its runs ended",
        )
    return Answer("serving", tuple(_problem(archive, one) for one in live(known)), upstream=True)


def _problem(archive: Archive, one: Live) -> Thing:
    since = moment(one.push.at) if one.push else None
    told = {
        "problem": one.problem,
        "folder": str(one.folder),
        "version": one.version,
        "since": iso(one.push.at) if one.push else None,
        "run": one.push.run if one.push else None,
        "replaced": one.before.version if one.before and one.version is not None else None,
        "note": one.note or None,
    }
    title = one.problem if one.version is None else f"{one.problem} version {one.version}"
    detail = "; ".join(part for part in (f"live since {since}" if since else "", one.note) if part)
    thing = Thing(f"serving:{one.problem}:{one.folder}", "serving", title, detail, told)
    if one.push:
        run = describe(archive, one.push.run)
        place, digest = str(one.push.folder), one.push.model_hash
        folder = Thing(
            f"folder:{place}", "folder", place, f"model {short(digest)}", {"path": place, "model_hash": digest}
        )
        thing.links = [folder, building.run_thing(run), *_made_from(run)]
    if one.before:
        before = building.version_thing(one.before, live=False)
        before.kind = "replaced" if one.version is not None else "last"
        then = describe(archive, one.before.run)
        before.detail += f" by run {one.before.run}{_metric(then)}"
        thing.links.append(before)
    return thing


def _made_from(run: Run) -> list[Thing]:
    made = [building.file_thing(one, run.span) for one in run.sources]
    if run.metric:
        told = {name: run.metric[name] for name in ("metric", "value")}
        made.append(Thing(f"metric:{run.name}", "metric", told["metric"], number(told["value"]), told))
    return made


def _metric(run: Run) -> str:
    return f", {run.metric['metric']} {number(run.metric['value'])}" if run.metric else ""
