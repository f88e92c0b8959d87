"""The tasks of a training cluster, and ``TF_CONFIG``, the variable by which a process knows which of them it is.

The form is that of ``tf.estimator.train_and_evaluate``: a JSON object with ``cluster``, the addresses by kind of task
(``chief``, ``worker``, ``ps``), and ``task``, the ``type`` and ``index`` of this process. The evaluator need not be in
``cluster``: nobody talks to it.
"""

import json
import os
import random
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import InfrastructureError, SettingsError

VARIABLE = "TF_CONFIG"
_TRAINERS = ("chief", "master", "worker")
_EXAMPLE = '{"cluster": {"chief": ["host:port"], "worker": [...], "ps": [...]}, "task": {"type": "worker", "index": 0}}'
_EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")


@dataclass(frozen=True, order=True)
class Role:
    """One process of a cluster: its kind (``chief``, ``worker``, ``ps``, ``evaluator``) and its number of that kind."""

    kind: str
    index: int = 0

    def __str__(self) -> str:
        return f"{self.kind} {self.index}" if self.kind in ("worker", "ps") else self.kind

    @property
    def file(self) -> str:
        """How its files are named."""
        return f"{self.kind}-{self.index}"


@dataclass(frozen=True)
class Part:
    """The part that this process takes in a cluster.

    Attributes:
        cluster: Addresses (``host:port``) by kind of task.
        role: Which one this is.
    """

    cluster: Mapping[str, tuple[str, ...]]
    role: Role

    @property
    def leads(self) -> bool:
        """Whether this is the one process that saves, reports and exports."""
        return self.role.kind in ("chief", "master")

    @property
    def servers(self) -> dict[str, str]:
        """The addresses of the parameter servers, by what they are called."""
        return {str(Role("ps", index)): address for index, address in enumerate(self.cluster.get("ps", ()))}


def tf_config(cluster: Mapping[str, tuple[str, ...]], role: Role) -> str:
    """Return what ``TF_CONFIG`` says to one process of a cluster."""
    return json.dumps({"cluster": cluster, "task": {"type": role.kind, "index": role.index}})


def part_of(environment: Mapping[str, str]) -> Part | None:
    """Return the part that ``TF_CONFIG`` gives this process; None where there is no cluster, or one of this process.

    Raises:
        SettingsError: If it is not of the Estimator's form, or is a cluster in which nothing could be shared.
    """
    text = environment.get(VARIABLE, "").strip()
    if not text:
        return None
    try:
        value = json.loads(text)
        addresses = dict(value.get("cluster", {}))
    except (ValueError, AttributeError, TypeError) as error:
        raise _wrong(f"it cannot be read: {error}", text) from None
    for kind, given in addresses.items():
        if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
            raise _wrong(f"the addresses of {kind} have to be a list of texts, also if it is one", text)
    cluster = {kind: tuple(given) for kind, given in addresses.items()}
    given = value.get("task") or {}
    kind = given.get("type") if isinstance(given, dict) else None
    if not cluster and kind != "evaluator":
        return None
    if not kind or not str(given.get("index", 0)).isdigit():
        raise _wrong("it does not say which task this process is", text)
    part = Part(cluster, Role(str(kind), int(given.get("index", 0))))
    _check(part, text)
    trains = sum(len(cluster.get(one, ())) for one in _TRAINERS)
    return None if trains == 1 and not cluster.get("ps") and part.leads else part


def _check(part: Part, text: str) -> None:
    kinds, role = part.cluster, part.role
    if role.kind not in (*_TRAINERS, "ps", "evaluator"):
        raise _wrong(f"there is no kind of task {role.kind!r}", text)
    if role.kind == "evaluator":
        return
    if role.index >= len(kinds.get(role.kind, ())):
        raise _wrong(f"{role} is not in its cluster", text)
    chiefs = len(kinds.get("chief", ())) + len(kinds.get("master", ()))
    if chiefs != 1:
        raise _wrong(f"its cluster has {chiefs or 'no'} chief{'s' if chiefs > 1 else ''}; it takes exactly one", text)
    if not kinds.get("ps") and kinds.get("worker"):
        raise _wrong("its cluster has workers, but no parameter server: each would train a model of its own", text)


def _wrong(reason: str, text: str) -> SettingsError:
    return SettingsError(
        f"{VARIABLE} does not describe a training cluster: {reason}",
        got=text[:300],
        expected=_EXAMPLE,
        where=f"the environment variable {VARIABLE}",
        hint="what sets it is the platform's training job: give it one chief, and a parameter server for its workers;"
        f" or unset {VARIABLE} to train in one process",
    )


def refuse_replica(environment: Mapping[str, str]) -> None:
    """Refuse to run a whole pipeline in a process that only takes part in its training.

    Each such run would wait for the Trainer of another one, which waits for this one's: for ever.

    Args:
        environment: Where ``TF_CONFIG`` may be.

    Raises:
        SettingsError: If it makes this process a worker, a parameter server or an evaluator; or is wrong.
    """
    part = part_of(environment)
    if part is not None and not part.leads:
        raise SettingsError(
            f"{VARIABLE} makes this process {part.role} of a training cluster; a whole run is the chief's",
            got=environment[VARIABLE][:300],
            expected=f"no {VARIABLE}, or one that makes this process the chief",
            where=f"the environment variable {VARIABLE}",
            hint=f"unset {VARIABLE}; for several processes on this machine: --set training.cluster.workers=2. On a"
            " platform the replicas run the Trainer alone (docs/distributed.md)",
        )


@contextmanager
def alone() -> Iterator[None]:
    """Be no part of any cluster within: an Estimator that is made there is one of a single process."""
    before = os.environ.pop(VARIABLE, None)
    try:
        yield
    finally:
        if before is not None:
            os.environ[VARIABLE] = before


def local_cluster(workers: int, ps: int) -> dict[str, tuple[str, ...]]:
    """Choose addresses on this machine for a cluster; an evaluator needs none.

    Args:
        workers: Processes that train, the chief among them.
        ps: Parameter servers.

    Raises:
        InfrastructureError: If there are not so many free ports.
    """
    addresses = [f"127.0.0.1:{port}" for port in _free_ports(workers + ps)]
    cluster = {"chief": (addresses[0],), "worker": tuple(addresses[1:workers]), "ps": tuple(addresses[workers:])}
    return {kind: found for kind, found in cluster.items() if found}


def _free_ports(count: int) -> list[int]:
    """Find ports that nobody listens at, below those that the kernel gives to connections.

    A process that is started again has to get its port again. One of the kernel's own choice might meanwhile have gone
    to somebody's connection; even to one that is looking for this very port, and then finds itself.
    """
    try:
        below = int(_EPHEMERAL.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        below = 32768
    low, high = (10000, below) if below > 11000 else (61000, 65536)
    found: list[int] = []
    for port in random.sample(range(low, high), min(2000, high - low)):
        with socket.socket() as one:
            try:
                one.bind(("", port))  # TensorFlow's servers listen at all addresses
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            return found
    raise InfrastructureError(
        "There are no free ports for a training cluster",
        got=f"{len(found)} of {count}, between {low} and {high}",
        hint="see what listens there (ss -ltn)",
    )
