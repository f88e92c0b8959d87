"""A push is there completely or not at all: pushed twice, raced, killed at each step, refused by the disk."""

import errno
import os
import resource
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from components.pusher.protocol import STEPS, Pushed, push, sweep
from components.pusher.versions import RECORD, hash_model, read_versions
from pipeline.errors import InfrastructureError, PipelineError

MakeModel = Callable[[str], Path]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def assert_complete(serving: Path, models: list[Path]) -> None:
    """Each version holds just the files of a model, and nothing else has a number for a name."""
    known = {hash_model(model) for model in models}
    for version in read_versions(serving):
        assert version.model_hash in known
        assert hash_model(version.path) == version.model_hash


def test_a_first_push_is_version_1(make_model: MakeModel, tmp_path: Path) -> None:
    serving = tmp_path / "serving" / "housing"
    pushed = push(make_model("a"), serving, model_uri="artifacts/Trainer/model/7")
    assert pushed == Pushed(1, serving / "1", hash_model(make_model("b").parent / "a"), reused=False)
    assert names(serving) == ["1"]
    (version,) = read_versions(serving)
    assert version.model_uri == "artifacts/Trainer/model/7"
    assert version.pushed_at.endswith("+00:00")
    # Another user's server has to be able to read it.
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE((serving / "1").stat().st_mode) == 0o777 & ~umask
    assert stat.S_IMODE((serving / "1" / "saved_model.pb").stat().st_mode) == 0o666 & ~umask


def test_the_same_model_twice_is_one_version(make_model: MakeModel, tmp_path: Path) -> None:
    model, serving = make_model("a"), tmp_path / "serving"
    first = push(model, serving)
    record = (first.path / RECORD).read_text()
    second = push(model, serving)
    assert second == Pushed(1, first.path, first.model_hash, reused=True)
    assert names(serving) == ["1"]
    assert (first.path / RECORD).read_text() == record


def test_an_older_model_again_is_a_new_version(make_model: MakeModel, tmp_path: Path) -> None:
    old, new, serving = make_model("old"), make_model("new"), tmp_path / "serving"
    assert [push(model, serving).version for model in (old, new, old)] == [1, 2, 3]
    assert read_versions(serving)[-1].model_hash == hash_model(old)


def test_numbers_go_on_from_the_highest(make_model: MakeModel, tmp_path: Path) -> None:
    serving = tmp_path / "serving"
    for name in ("1", "20240229", "next", ".30000000"):
        (serving / name).mkdir(parents=True)
    assert push(make_model("a"), serving).version == 20240230


def test_a_version_that_stock_pushed_is_known(make_model: MakeModel, tmp_path: Path) -> None:
    import shutil

    model, serving = make_model("a"), tmp_path / "serving"
    shutil.copytree(model, serving / "1700000000")
    assert push(model, serving) == Pushed(1700000000, serving / "1700000000", hash_model(model), reused=True)


def test_a_damaged_version_is_not_taken_for_the_model(make_model: MakeModel, tmp_path: Path) -> None:
    model, serving = make_model("a"), tmp_path / "serving"
    first = push(model, serving)
    (first.path / "saved_model.pb").unlink()
    assert push(model, serving).version == 2


def test_a_copy_that_its_check_refuses_is_taken_away(make_model: MakeModel, tmp_path: Path) -> None:
    serving = tmp_path / "serving"
    push(make_model("a"), serving)

    def refuse(copy: Path) -> None:
        assert (copy / "saved_model.pb").exists()
        assert not copy.name.isdigit()
        raise PipelineError("does not load")

    with pytest.raises(PipelineError, match="does not load"):
        push(make_model("b"), serving, check=refuse)
    assert names(serving) == ["1"]


def race(models: list[Path], serving: Path) -> list[Pushed]:
    """Let every pusher choose its number before the first of them takes one."""
    ready = threading.Barrier(len(models))
    ended: list[Pushed] = []

    def run(model: Path) -> None:
        waited: list[str] = []

        def wait(step: str) -> None:
            if step == "numbered" and not waited:
                waited.append(step)
                ready.wait(30)

        ended.append(push(model, serving, on_step=wait))

    threads = [threading.Thread(target=run, args=(model,)) for model in models]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return ended


def test_pushers_that_race_each_get_a_number(make_model: MakeModel, tmp_path: Path) -> None:
    models, serving = [make_model(f"m{n}") for n in range(6)], tmp_path / "serving"
    ended = race(models, serving)
    assert sorted(pushed.version for pushed in ended) == [1, 2, 3, 4, 5, 6]
    assert names(serving) == ["1", "2", "3", "4", "5", "6"]
    assert_complete(serving, models)


def test_pushers_that_race_with_one_model_end_with_one_version(make_model: MakeModel, tmp_path: Path) -> None:
    serving = tmp_path / "serving"
    ended = race([make_model("a")] * 4, serving)
    assert names(serving) == ["1"]
    assert sorted(pushed.reused for pushed in ended) == [False, True, True, True]


_KILLED = """
import os, signal, sys
from components.pusher.protocol import push
model, serving, last = sys.argv[1:]
push(model, serving, on_step=lambda step: os.kill(os.getpid(), signal.SIGKILL) if step == last else None)
"""


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_any_step_it_leaves_complete_versions_only(make_model: MakeModel, tmp_path: Path, step: str) -> None:
    old, new, serving = make_model("old"), make_model("new"), tmp_path / "serving"
    push(old, serving)
    root = Path(__file__).parents[3]
    ended = subprocess.run([sys.executable, "-c", _KILLED, new, serving, step], cwd=root, check=False, timeout=60)
    assert ended.returncode == -signal.SIGKILL
    assert_complete(serving, [old, new])
    there = STEPS.index(step) >= STEPS.index("renamed")
    assert [version.number for version in read_versions(serving)] == ([1, 2] if there else [1])
    left = [name for name in names(serving) if not name.isdigit()]
    assert all(name.startswith(".push-") for name in left)
    assert bool(left) == (STEPS.index("created") <= STEPS.index(step) < STEPS.index("renamed"))
    # The next push clears up and ends with the same two versions, wherever the last one died.
    again = push(new, serving)
    assert (again.version, again.reused) == (2, there)
    assert names(serving) == ["1", "2"]
    assert_complete(serving, [old, new])


def test_a_sweep_leaves_a_living_push_alone(make_model: MakeModel, tmp_path: Path) -> None:
    serving = tmp_path / "serving"
    swept: list[Path] = []
    push(make_model("a"), serving, on_step=lambda step: swept.extend(sweep(serving)))
    assert swept == []
    (serving / ".push-dead").mkdir()
    assert sweep(serving) == [serving / ".push-dead"]


_SMALL_FILES = """
import resource, signal, sys
from components.pusher.protocol import push
from pipeline.errors import InfrastructureError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    push(*sys.argv[1:])
except InfrastructureError as error:
    sys.exit(f"{error.got}: {error.hint}")
"""


def test_a_write_that_fails_leaves_earlier_versions(make_model: MakeModel, tmp_path: Path) -> None:
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY
    old, serving = make_model("old"), tmp_path / "serving"
    push(old, serving)
    ended = subprocess.run(
        [sys.executable, "-c", _SMALL_FILES, make_model("new"), serving],
        cwd=Path(__file__).parents[3],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 1
    assert ended.stderr.startswith("File too large")
    assert names(serving) == ["1"]
    assert_complete(serving, [old])


@pytest.mark.parametrize(
    ("number", "hint"), [(errno.ENOSPC, "make room"), (errno.EROFS, "read-only"), (errno.EACCES, "writable")]
)
def test_what_the_disk_says_becomes_a_hint(make_model: MakeModel, tmp_path: Path, number: int, hint: str) -> None:
    serving = tmp_path / "serving"
    push(make_model("old"), serving)

    def fail(step: str) -> None:
        if step == "copied":
            raise OSError(number, os.strerror(number), str(serving))

    with pytest.raises(InfrastructureError) as caught:
        push(make_model("new"), serving, on_step=fail)
    assert hint in (caught.value.hint or "")
    assert caught.value.where == str(serving)
    assert names(serving) == ["1"]


def test_a_file_in_the_way_is_an_error_that_says_where(make_model: MakeModel, tmp_path: Path) -> None:
    (tmp_path / "serving").write_text("")
    with pytest.raises(InfrastructureError) as caught:
        push(make_model("a"), tmp_path / "serving" / "housing")
    assert str(tmp_path / "serving") in (caught.value.where or "")


def test_no_versions_where_there_is_no_directory(tmp_path: Path) -> None:
    assert read_versions(tmp_path / "nowhere") == []


def test_versions_are_read_without_tensorflow() -> None:
    code = (
        "import sys, components.pusher.versions, components.evaluator.verdict, components.infra_validator.verdict\n"
        "sys.exit(bool({'tensorflow', 'tfx', 'apache_beam', 'numpy'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[3], check=False).returncode == 0
