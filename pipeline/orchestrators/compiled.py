"""A compiled pipeline: what ``runner.py compile`` writes and ``runner.py node --pipeline FILE.json`` reads.

The contract between the compiler, the targets and the node:

- The file holds the **definition**: the problem, all of its settings as they were when it was compiled, where the
  workspace is, and the chain. It holds no password, and nothing of any run.
- A **run** takes the settings from it (with the ``--set`` of its nodes) and the code from the problem's folder as it is
  when the run begins, as a local run does; from then on all its nodes use what was recorded then. The chain is compiled
  anew as the run begins, since the cache key of a node holds the code that it runs. ``ir`` is what that comes to with
  the code and settings of the day of compiling: for targets that want TFX's own terms, for readers and for tests.
- ``nodes`` is the chain: a target makes one task of each, with an edge from each of ``upstream``. A run whose settings
  lead to other nodes (``tuning.use``, say) is refused: compile it again.
- Paths within the project begin with ``$PROJECT`` (:data:`PROJECT`): the project may lie elsewhere on the machine or
  in the image where the nodes run. :func:`here` puts the place of this machine into them.
- A **target** is a module with ``render(compiled, options) -> str``; see :mod:`pipeline.orchestrators.targets`.

A node's command, for a target, made by :func:`node_command`::

    python runner.py node NODE --run RUN --pipeline FILE.json [--set key=value ...]

``RUN`` is unique in its workspace, among all problems (``housing.{{ run_id }}``, not ``{{ run_id }}``), and of the
characters in :data:`RUN_ID`. Exit codes: 0 done (also if it was done before), 1 the machine failed, 2 wrong use or
settings, 3 data refused, 4 user code failed, 5 the model was not blessed (of the Pusher, which then pushes nothing),
143 ended by SIGTERM, 137 killed. Another attempt is worth its time after 1, 137 and 143 alone. Of two copies of one
task the second waits for the first, and then finds the node done.

Importable without TFX.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from components.whole import write_whole
from pipeline.errors import SettingsError

FORMAT = 1
"""The version of the file's format."""

PROJECT = "$PROJECT"
"""What stands for the project's folder at the beginning of a path."""

RUN_ID = r"[A-Za-z0-9][A-Za-z0-9_.~:+=-]{0,199}"
"""A run's name, as a regular expression: Airflow's own (``allowed_run_id_pattern``), but no longer than a file's."""

_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class CompiledNode:
    """A node of the chain.

    Attributes:
        id: Its name in the chain, as ``Trainer``; the name of its log, too.
        type: What TFX knows it as, as ``tfx.components.trainer.component.Trainer``.
        upstream: The nodes that it waits for.
        heavy: Whether it goes through all rows or trains: few of these fit on a machine at once.
        doc: What it does, in one sentence.
    """

    id: str
    type: str
    upstream: tuple[str, ...]
    heavy: bool
    doc: str


@dataclass(frozen=True)
class Compiled:
    """A compiled pipeline.

    Attributes:
        problem: The problem's name; TFX's pipeline name as well.
        folder: The problem's folder.
        workspace: The workspace that its runs work in.
        pipeline_root: Where artifacts go.
        serving: The folder that versions of the model are pushed to.
        metadata_url: The metadata store on a server, without a password; None for what the workspace has.
        given: The options that made the settings what they are, as ``("--set", "training.train_steps=20")``.
        settings: All settings of the problem; see :class:`pipeline.config.Settings`.
        nodes: The chain, in topological order.
        ir: TFX's pipeline IR (``tfx.proto.orchestration.pipeline_pb2.Pipeline``) as JSON.
        format: The version of the file's format.
    """

    problem: str
    folder: str
    workspace: str
    pipeline_root: str
    serving: str
    metadata_url: str | None
    given: tuple[str, ...]
    settings: Mapping[str, Any]
    nodes: tuple[CompiledNode, ...]
    ir: Mapping[str, Any] = field(repr=False)
    format: int = FORMAT

    @property
    def upstream(self) -> dict[str, tuple[str, ...]]:
        """For each node the nodes that it waits for, in topological order."""
        return {node.id: node.upstream for node in self.nodes}

    def text(self) -> str:
        """Return the file's text."""
        value = {
            **{"format": self.format, "problem": self.problem, "folder": self.folder, "workspace": self.workspace},
            **{"pipeline_root": self.pipeline_root, "serving": self.serving, "metadata_url": self.metadata_url},
            **{"given": list(self.given), "settings": self.settings},
            "nodes": [{**vars(node), "upstream": list(node.upstream)} for node in self.nodes],
            "ir": self.ir,
        }
        return json.dumps(value, indent=1, ensure_ascii=False) + "\n"

    def write(self, path: Path) -> None:
        """Write the file, whole or not at all.

        Raises:
            OSError: If it cannot be written.
        """
        write_whole(path, self.text())


def read(path: Path) -> Compiled:
    """Read what :meth:`Compiled.write` wrote.

    Raises:
        SettingsError: If it is no such file, or one of another version of this project.
    """
    hint = f"compile it: python runner.py compile PROBLEM --target ir --out {path}"
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        missing = isinstance(error, FileNotFoundError)
        raise SettingsError(
            "There is no compiled pipeline here" if missing else "The compiled pipeline cannot be read",
            got="no such file" if missing else str(error),
            where=str(path),
            hint=hint,
        ) from None
    version = value.get("format") if isinstance(value, dict) else None
    if version != FORMAT:
        raise SettingsError(
            "This is no compiled pipeline" if version is None else "The compiled pipeline is of another version",
            got="JSON without a format" if version is None else f"format {version}",
            expected=f"format {FORMAT}, as `python runner.py compile` writes it",
            where=str(path),
            hint=hint,
        )
    try:
        nodes = tuple(
            CompiledNode(one["id"], one["type"], tuple(one["upstream"]), one["heavy"], one["doc"])
            for one in value.pop("nodes")
        )
        return Compiled(**{**value, "given": tuple(value["given"]), "nodes": nodes})
    except (KeyError, TypeError) as error:
        raise SettingsError("The compiled pipeline is damaged", got=str(error), where=str(path), hint=hint) from None


def tell(mistakes: Sequence[SettingsError], whole: str) -> None:
    """Raise what is wrong, if anything is: the one mistake, or all of them as parts of one.

    Args:
        mistakes: What is wrong.
        whole: What several of them come to, after ``N reasons why``.

    Raises:
        SettingsError: If there are any.
    """
    if len(mistakes) == 1:
        raise mistakes[0]
    if mistakes:
        raise SettingsError(f"{len(mistakes)} reasons why {whole}", parts=list(mistakes))


def not_folders(compiled: Compiled) -> list[SettingsError]:
    """Return what is wrong with the places that a node would write to: it knows folders alone."""
    return [
        SettingsError(
            f"{option} is no folder",
            got=place,
            expected="a folder: nodes read and write files, not an object store",
            where=option,
            hint="compile without it, or with a folder that all see who run nodes; a bucket can be mounted as one",
        )
        for option, place in (("--pipeline-root", compiled.pipeline_root), ("--serving", compiled.serving))
        if "://" in place
    ]


def here(text: str) -> str:
    """Return a path with the place of the project on this machine."""
    return str(_ROOT) + text.removeprefix(PROJECT) if _within(text, PROJECT) else text


def here_in(value: Any) -> Any:
    """Return JSON with the place of the project on this machine in all of its texts, as ``settings``."""
    return _moved(value, PROJECT, str(_ROOT))


def portable_in(value: Any) -> Any:
    """Return JSON, its keys sorted, with :data:`PROJECT` wherever a path in a text begins with the project's folder.

    A path begins where the text does, after ``file://``, or after a quotation mark: so in JSON within a text.
    """
    return _moved(json.loads(json.dumps(value, sort_keys=True)), str(_ROOT), PROJECT)


def _moved(value: Any, old: str, new: str) -> Any:
    """Return JSON whose paths in ``old`` are in ``new``."""
    if isinstance(value, Mapping):
        return {key: _moved(one, old, new) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_moved(one, old, new) for one in value]
    if not isinstance(value, str):
        return value
    if _within(value, old):
        return new + value.removeprefix(old)
    quoted_old, quoted_new = (json.dumps(one)[1:-1] for one in (old, new))
    text = value.replace(f"file://{old}/", f"file://{new}/")
    return re.sub(rf"([\"']){re.escape(quoted_old)}(?=[/\\\"'])", lambda found: found[1] + quoted_new, text)


def portable(path: str | Path) -> str:
    """Return an absolute path as it is written down: from the project, if it lies within."""
    text = str(path)
    return PROJECT + text.removeprefix(str(_ROOT)) if _within(text, str(_ROOT)) else text


def _within(text: str, folder: str) -> bool:
    return text == folder or text.startswith(folder + "/")


def node_command(node: str, run: str, pipeline: str, overrides: Sequence[str] = ()) -> list[str]:
    """Return the arguments after ``python`` that run one node, from the project's folder.

    Args:
        node: The node.
        run: The run's name.
        pipeline: The compiled pipeline's file.
        overrides: ``key=value`` of settings that this run has otherwise; the same for all of its nodes.
    """
    sets = [word for one in overrides for word in ("--set", one)]
    return ["runner.py", "node", node, "--run", run, "--pipeline", pipeline, *sets]
