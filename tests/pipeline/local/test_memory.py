"""How much memory there is, in a container too, and who holds how much."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.local import memory

GB = 1 << 30


def machine(root: Path, files: dict[str, str]) -> Path:
    """Write files of proc and sys as a kernel would show them."""
    shown = {"proc/meminfo": "MemTotal: 25000000 kB\nMemAvailable:   16777216 kB\n", **files}
    for name, text in shown.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


V2 = {
    "proc/self/cgroup": "0::/user.slice/app\n",
    "sys/fs/cgroup/user.slice/app/memory.max": "max\n",
    "sys/fs/cgroup/user.slice/app/memory.current": "999\n",
    "sys/fs/cgroup/user.slice/memory.max": f"{4 * GB}\n",
    "sys/fs/cgroup/user.slice/memory.current": f"{3 * GB}\n",
    "sys/fs/cgroup/user.slice/memory.stat": f"anon 1\ninactive_file {GB}\n",
    "sys/fs/cgroup/user.slice/memory.events": "oom 5\noom_kill 2\n",
    "proc/vmstat": "nr_free_pages 7\noom_kill 3\n",
}
V1 = {
    "proc/self/cgroup": "5:cpu,cpuacct:/\n4:memory:/docker/abc\n0::/\n",
    # In a container its own group is mounted at the top, and the path is one of the machine's.
    "sys/fs/cgroup/memory/memory.limit_in_bytes": f"{3 * GB}\n",
    "sys/fs/cgroup/memory/memory.usage_in_bytes": f"{2 * GB}\n",
    "sys/fs/cgroup/memory/memory.stat": f"inactive_file 0\ntotal_inactive_file {GB // 2}\n",
    "sys/fs/cgroup/memory/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n",
}
V1_UNLIMITED = {
    "proc/self/cgroup": "4:memory:/\n",
    "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
    "sys/fs/cgroup/memory/memory.usage_in_bytes": f"{2 * GB}\n",
}


@pytest.mark.parametrize(
    ("files", "expected"), [({}, 16 * GB), (V2, 2 * GB), (V1, 3 * GB // 2), (V1_UNLIMITED, 16 * GB)]
)
def test_what_is_available_is_the_least_of_machine_and_control_groups(
    tmp_path: Path, files: dict[str, str], expected: int
) -> None:
    assert memory.available(machine(tmp_path, files)) == expected


def test_kills_of_the_kernel_are_counted_wherever_they_are_written(tmp_path: Path) -> None:
    assert memory.kills(machine(tmp_path / "v2", V2)) == 5
    assert memory.kills(machine(tmp_path / "v1", V1)) == 1
    assert memory.kills(tmp_path / "none") == 0


def test_nodes_are_bounded_by_cores_and_by_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)))
    assert memory.default_nodes(machine(tmp_path / "much", {})) == 8
    assert memory.default_nodes(machine(tmp_path / "container", V2)) == 1
    little = {"proc/meminfo": "MemAvailable: 100000 kB\n"}
    assert memory.default_nodes(machine(tmp_path / "little", little)) == 1
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0})
    assert memory.default_nodes(machine(tmp_path / "one", {})) == 1


def test_this_machine_has_memory() -> None:
    assert 0 < memory.available() < 1 << 50
    assert memory.kills() >= 0


def test_a_group_holds_what_all_its_processes_hold() -> None:
    code = "import os, time; kept = bytearray(b'x') * (64 << 20); os.fork(); time.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", code], process_group=0)
    try:
        end = time.monotonic() + 20
        while memory.held(process.pid) < (2 * 64 << 20) and time.monotonic() < end:
            time.sleep(0.05)
        assert 2 * 64 << 20 < memory.held(process.pid) < 2 * 128 << 20
    finally:
        os.killpg(process.pid, 9)
        process.wait()
    end = time.monotonic() + 20  # its child is not ours to wait for
    while memory.held(process.pid) and time.monotonic() < end:
        time.sleep(0.02)
    assert memory.held(process.pid) == 0
