"""What ``TF_CONFIG`` says: who this process is in which cluster, and words for what cannot be."""

import json
import socket
from typing import Any

import pytest

from components.cluster.roles import Part, Role, local_cluster, part_of, refuse_replica, tf_config
from components.cluster.waiting import wait_for
from pipeline.errors import InfrastructureError, SettingsError

CLUSTER = {"chief": ["a:1"], "worker": ["b:1", "c:1"], "ps": ["d:1"]}


def given(cluster: Any, kind: str | None, index: Any = 0) -> dict[str, str]:
    return {"TF_CONFIG": json.dumps({"cluster": cluster, "task": {"type": kind, "index": index}})}


@pytest.mark.parametrize(
    ("kind", "index", "leads"), [("chief", 0, True), ("worker", 1, False), ("ps", 0, False), ("evaluator", 0, False)]
)
def test_a_process_of_a_cluster(kind: str, index: int, leads: bool) -> None:
    part = part_of(given(CLUSTER, kind, index))
    assert part is not None
    assert part.role == Role(kind, index)
    assert part.leads is leads
    assert part.servers == {"ps 0": "d:1"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        json.dumps({"environment": "cloud"}),
        given({"chief": ["a:1"]}, "chief")["TF_CONFIG"],  # one process, as Vertex AI says it of a single replica
        json.dumps({"task": {"type": "worker", "index": 0}}),
    ],
)
def test_what_is_no_cluster(text: str) -> None:
    assert part_of({"TF_CONFIG": text}) is None


def test_an_evaluator_need_not_be_in_the_cluster_nor_told_of_it() -> None:
    part = part_of(given({}, "evaluator"))
    assert part == Part({}, Role("evaluator"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("chief", "it cannot be read"),
        ('["chief"]', "it cannot be read"),
        (given(CLUSTER, None)["TF_CONFIG"], "does not say which task"),
        (given(CLUSTER, "worker", "x")["TF_CONFIG"], "does not say which task"),
        (given(CLUSTER, "boss")["TF_CONFIG"], "no kind of task 'boss'"),
        (given(CLUSTER, "worker", 2)["TF_CONFIG"], "worker 2 is not in its cluster"),
        (given({"worker": ["a:1", "b:1"], "ps": ["c:1"]}, "worker")["TF_CONFIG"], "no chief"),
        (given({**CLUSTER, "chief": ["a:1", "e:1"]}, "chief")["TF_CONFIG"], "2 chiefs"),
        (given({**CLUSTER, "chief": "localhost:2222"}, "chief")["TF_CONFIG"], "addresses of chief have to be a list"),
        (given({**CLUSTER, "ps": {"0": "d:1"}}, "chief")["TF_CONFIG"], "the addresses of ps have to be a list"),
        (given({**CLUSTER, "worker": [1]}, "chief")["TF_CONFIG"], "the addresses of worker have to be a list"),
        (given({"chief": ["a:1"], "worker": ["b:1"]}, "chief")["TF_CONFIG"], "a model of its own"),
    ],
)
def test_what_cannot_be(text: str, said: str) -> None:
    with pytest.raises(SettingsError, match="TF_CONFIG") as caught:
        part_of({"TF_CONFIG": text})
    assert said in caught.value.headline
    assert caught.value.hint


@pytest.mark.parametrize("kind", ["worker", "ps", "evaluator"])
def test_a_whole_run_is_the_chiefs(kind: str) -> None:
    with pytest.raises(SettingsError, match=f"makes this process {kind}") as caught:
        refuse_replica(given(CLUSTER, kind))
    assert "training.cluster.workers=2" in str(caught.value.hint)
    refuse_replica(given(CLUSTER, "chief"))
    refuse_replica({})


def test_a_cluster_on_this_machine() -> None:
    cluster = local_cluster(3, 2)
    assert {kind: len(found) for kind, found in cluster.items()} == {"chief": 1, "worker": 2, "ps": 2}
    addresses = [one for found in cluster.values() for one in found]
    assert len(set(addresses)) == 5
    assert part_of({"TF_CONFIG": tf_config(cluster, Role("ps", 1))}) == Part(cluster, Role("ps", 1))
    assert "worker" not in local_cluster(1, 1)


def test_a_server_that_does_not_answer_is_named() -> None:
    with socket.socket() as there, socket.socket() as closed:
        for one in (there, closed):
            one.bind(("127.0.0.1", 0))
        there.listen()
        addresses = [f"127.0.0.1:{one.getsockname()[1]}" for one in (there, closed)]
        wait_for({"ps 0": addresses[0]}, 5)
        told: list[str] = []
        with pytest.raises(InfrastructureError) as caught:
            wait_for(dict(zip(("ps 0", "ps 1"), addresses, strict=True)), 0.3, told.append)
    assert caught.value.got == f"ps 1 at {addresses[1]}: connection refused"
    assert told == [caught.value.got]
