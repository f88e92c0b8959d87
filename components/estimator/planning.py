"""What a training is about to do, written down before it begins; what an earlier attempt wrote of it is kept."""

import os

from components.cluster.account import read_sentences
from components.cluster.roles import part_of
from components.cluster.supervisor import FOLDER
from components.estimator.mirroring import in_words
from components.estimator.task import Task
from components.progress import report
from components.trainer.record import TrainingRecord, counted, read_record
from components.transform.records import count_records_of
from pipeline.config.model import Training


def planned(task: Task, leads: bool = True) -> TrainingRecord:
    """Work out the last step; what an earlier attempt has written of this training is kept.

    Args:
        task: What is trained.
        leads: Whether this process writes the record.
    """
    settings = task.settings
    rows = count_records_of(task.train_files) if settings.num_epochs is not None else None
    steps = settings.steps(rows or 0)
    if settings.num_epochs is not None and leads:
        passes = f"{counted(settings.num_epochs, 'epoch')} of {rows:,} rows"
        report(note=f"{passes}: {counted(steps, 'step')} of {settings.batch_size:,}")
    task.model_dir.mkdir(parents=True, exist_ok=True)
    before = read_record(task.model_dir)
    cluster = {"workers": before.workers, "ps": before.ps} if before and before.workers else _cluster_of(settings)
    record = TrainingRecord(
        train_steps=steps,
        batch_size=settings.batch_size,
        num_epochs=settings.num_epochs,
        rows=rows,
        export=settings.export,
        warm_start=before.warm_start if before else (),
        losses=read_sentences(task.model_dir / FOLDER),
        workers=cluster.get("workers", 0),
        ps=cluster.get("ps", 0),
        tuned=None if task.tuned is None else dict(task.tuned),
        mirrored=in_words() if settings.distribute == "mirrored" and not cluster else None,
    )
    if not leads:
        return record
    if record.mirrored:
        report(line=record.mirrored)
    if settings.warm_start and task.start is None:
        said = ("warm start: no blessed model yet, so the weights begin from scratch",)
        report(note=said[0])
        record = record.but(warm_start=said)
    return record.write(task.model_dir)


def _cluster_of(settings: Training) -> dict[str, int]:
    """Return how many processes train this: what ``TF_CONFIG`` says, or the settings."""
    part = part_of(os.environ)
    if part is not None:
        trainers = (len(part.cluster.get(kind, ())) for kind in ("chief", "master", "worker"))
        return {"workers": sum(trainers), "ps": len(part.cluster.get("ps", ()))}
    return {"workers": settings.cluster.workers, "ps": settings.cluster.ps} if settings.cluster else {}
