"""Starts the processes of a training cluster on this machine, keeps them going, and leaves none behind.

Who ends before its time is started again, at its old address; the others wait for it, as the Estimator's protocol has
it: a parameter server comes back empty, so the chief restores the last checkpoint; a chief that comes back restores it,
too; workers and the evaluator are not missed. When the chief is done the workers have seen the last step as well, the
evaluator looks at the last checkpoint, and the parameter servers, which never end by themselves, are ended.

Who tells nothing any more is ended, and started again just so. Each tells every second that it is there; the chief, its
step. If all are there and the chief makes no step, all but the evaluator are started again.

This process does nothing else meanwhile, so that it can fork. What it starts stays in its process group and asks the
kernel to be killed when it dies (:mod:`components.cluster.member`).
"""

import contextlib
import json
import os
import select
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from components.cluster.account import Account, Loss, ending
from components.cluster.member import TOLD
from components.cluster.messages import PIPE
from components.cluster.roles import VARIABLE, Role, local_cluster, tf_config
from components.progress import report
from pipeline.config.model import Cluster
from pipeline.errors import InfrastructureError, PipelineError, TransientError, from_json

Starter = Callable[[Mapping[str, str], Path, int], int]
"""Starts a process with these variables, this log and this pipe to tell us things; returns its number."""

FOLDER = "cluster"
"""The folder of a training's that holds the logs of its processes and what happened."""

_GRACE = 20.0  # seconds that workers have to see that training is over
_UNMISSED = 3.0  # seconds after which a chief that still tells its step has not missed what was lost
_SILENT = 5.0  # seconds without a pulse that are worth a word
_LAST_WORD = 2.0  # seconds that a process's last sign of life may come after the last step that it told
_TICK = 0.05
_PROXIES = ("grpc_proxy", "http_proxy", "https_proxy", "all_proxy")


@dataclass
class _Member:
    role: Role
    process: int | None = None
    restarts: int = 0
    code: int | None = None
    doing: str = ""
    heard: float | None = None  # by our clock; None until it has told that it is there
    why: str = ""  # we have ended it
    losses: list[Loss] = field(default_factory=list)

    @property
    def done(self) -> bool:
        return self.process is None and self.code == 0


def supervise(settings: Cluster, model_dir: Path, start: Starter) -> Account:
    """Train in a cluster of our own; returns when all its processes have ended.

    Args:
        settings: How many processes, and how patient to be with them.
        model_dir: The training's folder.
        start: Starts one of the processes.

    Raises:
        PipelineError: What one of them told before it ended, a mistake in the user's code say.
        InfrastructureError: If the cluster does not form, or does not go on, or one of them ends again and again.
    """
    return _Supervisor(settings, model_dir, start).run()


class _Clock:
    """Seconds that this process was awake in: while it was stopped, or its machine, it could not hear the others."""

    def __init__(self) -> None:
        self._at, self._passed = time.monotonic(), 0.0

    def now(self) -> float:
        before, self._at = self._at, time.monotonic()
        self._passed += min(self._at - before, 1.0)
        return self._passed


class _Supervisor:
    def __init__(self, settings: Cluster, model_dir: Path, start: Starter) -> None:
        self._settings = settings
        self._model_dir = model_dir
        self._folder = model_dir / FOLDER
        self._folder.mkdir(parents=True, exist_ok=True)
        self._starter = start
        self._cluster = local_cluster(settings.workers, settings.ps)
        roles = [Role(kind, index) for kind in ("ps", "chief", "worker") for index in range(self._count(kind))]
        self._members = {role: _Member(role) for role in [*roles, Role("evaluator")]}
        self._account = Account(self._folder)
        self._reading, self._writing = os.pipe()
        self._unread = b""
        self._step = 0
        self._newest: str | None = None  # the latest checkpoint, when somebody was last started again
        self._clock = _Clock()
        self._waiting: float | None = 0.0  # since when the chief has to begin (again); None while it trains
        self._heard = 0.0  # when the chief last told that it trains, or is at something else
        self._formed = False

    def _count(self, kind: str) -> int:
        return len(self._cluster.get(kind, ()))

    def run(self) -> Account:
        workers, servers = self._settings.workers, self._settings.ps
        training = "1 worker (the chief)" if workers == 1 else f"{workers} workers (one of them the chief)"
        servers_ = "1 parameter server" if servers == 1 else f"{servers} parameter servers"
        report(note=f"a cluster of {training}, {servers_} and an evaluator starts")
        self._account.note("forming", cluster=self._cluster)
        try:
            for member in self._members.values():
                self._start(member)
            self._train()
            self._finish()
        except BaseException:
            with contextlib.suppress(OSError):  # there is a better reason to fail
                self._account.note("given up", step=self._step)
            raise
        finally:
            self._end()
        self._account.note("ended", codes=self._account.codes)
        return self._account

    def _train(self) -> None:
        chief = self._members[Role("chief")]
        while not chief.done:
            self._look()
            if self._end_silent():
                continue
            waited = self._clock.now() - (self._heard if self._waiting is None else self._waiting)
            # The last word of a chief that hangs came a little later than its last step: it is found silent, then.
            if waited > self._settings.timeout_secs + (_LAST_WORD if self._waiting is None else 0):
                self._unstick(chief, waited)

    def _finish(self) -> None:
        """Wait for the workers, which end by themselves, end the servers, and wait for the last evaluation."""
        self._waiting = None
        until = time.monotonic() + _GRACE
        while any(one.process for one in self._of("worker")) and time.monotonic() < until:
            self._look(restart=("evaluator",))
        for kind in ("worker", "ps"):
            for member in self._of(kind):
                self._stop(member)
        [evaluator] = self._of("evaluator")
        if evaluator.process is not None:
            report(note="waiting for the last evaluation")
        while evaluator.process is not None:
            self._look(restart=("evaluator",))
            self._end_silent()

    def _of(self, kind: str) -> list[_Member]:
        return [member for member in self._members.values() if member.role.kind == kind]

    def _start(self, member: _Member) -> None:
        variables = {
            VARIABLE: tf_config(self._cluster, member.role),
            PIPE: str(self._writing),
            # A proxy is not meant for this machine, and gRPC would ask one.
            **{name: "" for one in _PROXIES for name in (one, one.upper()) if name in os.environ},
        }
        log = self._folder / f"{member.role.file}.log"
        member.process, member.code = self._starter(variables, log, self._writing), None
        member.heard, member.why = None, ""
        self._account.note("started", role=member.role.file, process=member.process)

    def _look(self, restart: tuple[str, ...] = ("ps", "chief", "worker", "evaluator")) -> None:
        """Hear what the processes tell, and see to those that have ended."""
        if select.select([self._reading], [], [], _TICK)[0]:
            *lines, self._unread = (self._unread + os.read(self._reading, 1 << 16)).split(b"\n")
            for line in lines:
                self._hear(json.loads(line))
        for member in self._members.values():
            if member.process is None:
                continue
            process, status = os.waitpid(member.process, os.WNOHANG)
            if process:
                self._ended(member, os.waitstatus_to_exitcode(status), restart)

    def _hear(self, message: dict[str, Any]) -> None:
        now, step, role = time.monotonic(), message.get("step"), Role(message["kind"], message["index"])
        member, awake = self._members[role], self._clock.now()
        if message.get("alive") or member.heard is not None:
            member.heard = awake
        if message.get("alive"):
            if role.kind == "chief" and message.get("busy"):
                self._heard = awake
            return
        member.doing = message.get("doing", "")
        if message.get("at_work"):
            self._account.note("at work", role=role.file, step=step)
            for loss in member.losses:
                if loss.back is None:
                    loss.back = now - loss.at
                    self._account.note("came back", role=role.file, process=member.process, back=round(loss.back, 2))
        if role.kind != "chief" or step is None:
            return
        # What it told before a server was missed says nothing; with another session it begins anew. Or it never needed
        # that server, and goes on.
        begins = bool(message.get("at_work")) or (self._waiting is not None and awake - self._waiting > _UNMISSED)
        if begins or self._waiting is None:
            self._formed, self._waiting, self._heard, self._step = True, None, awake, step
            for loss in self._account.losses:
                if loss.seconds is None and (begins or loss.role.kind in ("worker", "evaluator")):
                    loss.seconds, loss.resumed = now - loss.at, step
                    self._account.note("went on", **loss.as_json())
                    if loss.role.kind in ("chief", "ps"):
                        report(line=f"training went on from step {step:,} after {loss.seconds:.1f} s")

    def _ended(self, member: _Member, code: int, restart: tuple[str, ...]) -> None:
        process, member.process, member.code = member.process or 0, None, code
        self._account.codes[member.role.file] = code
        self._account.note("process ended", role=member.role.file, process=process, code=code, step=self._step)
        if code == TOLD:
            raise self._told(member.role)
        if code == 0 or member.role.kind not in restart:
            return
        loss = Loss(member.role, process, code, self._step, time.monotonic(), why=member.why)
        self._account.note("lost", **loss.as_json())
        member.losses.append(loss)
        self._account.losses.append(loss)
        if member.role.kind in ("chief", "ps"):
            self._waiting = self._clock.now()
        newest = self._checkpoint()
        if newest != self._newest:
            self._newest = newest
            for one in self._members.values():
                one.restarts = 0
        if member.restarts >= self._settings.max_restarts:
            if member.role.kind == "evaluator" and self._members[Role("chief")].done:
                return  # the last evaluation is made by this process, then
            raise self._again_and_again(member)
        member.restarts += 1
        report(line=f"{member.role} {member.why or ending(code)} at step {self._step:,}: it is started again")
        self._start(member)

    def _end_silent(self) -> bool:
        """End those that tell nothing any more, which is then seen as any other loss; return whether there were any."""
        now, most = self._clock.now(), self._settings.timeout_secs
        silent = [one for one in self._members.values() if one.heard is not None and now - one.heard > most]
        for member in silent:
            self._end_it(member, f"hung (it told nothing for {now - (member.heard or 0.0):.0f} s) and was ended")
        return bool(silent)

    def _end_it(self, member: _Member, why: str) -> None:
        member.heard = None
        if member.process is not None:
            member.why = why
            os.kill(member.process, signal.SIGKILL)

    def _unstick(self, chief: _Member, waited: float) -> None:
        """Start all but the evaluator anew, if they do not go on by themselves; give up a cluster that never formed."""
        if not self._formed or chief.restarts >= self._settings.max_restarts:
            raise self._stuck(waited)
        report(line=f"nobody has trained for {waited:.0f} s: all that train or serve are started again")
        for member in self._members.values():
            if member.role.kind != "evaluator":
                self._end_it(member, f"was ended, since nobody had trained for {waited:.0f} s,")
        self._waiting = self._clock.now()

    def _stuck(self, waited: float) -> PipelineError:
        lines = []
        for member in self._members.values():
            if member.role.kind == "evaluator":
                continue
            waits = ", ".join(member.doing.splitlines()) or "runs, but does not train"
            state = "runs" if member.role.kind == "ps" else waits
            silent = self._clock.now() - (member.heard or 0.0)
            if member.heard is not None and silent > _SILENT:
                state = f"runs, but has told nothing for {silent:.0f} s"
            if member.process is None:
                state = ending(member.code or 0)
            lines.append(
                f"{member.role}: {state}" + (f"; started again {member.restarts} times" * (member.restarts > 0))
            )
        return InfrastructureError(
            "The training cluster did not form" if not self._formed else "The training cluster did not go on",
            got=f"nobody trained for {waited:.0f} s (training.cluster.timeout_secs)\n" + "\n".join(lines),
            expected="the chief trains",
            where=str(self._folder),
            hint="the log of the chief in that folder says what it waits for; a large model needs more timeout_secs",
        )

    def _again_and_again(self, member: _Member) -> PipelineError:
        log = self._folder / f"{member.role.file}.log"
        last = [line for line in log.read_text(errors="replace").splitlines() if line.strip()][-2:]
        times, at_last = len(member.losses), member.why or ending(member.code or 0)
        return TransientError(
            f"{member.role} of the training cluster ended " + ("again and again" if times > 1 else "before its time"),
            got="\n".join(
                [f"{times} time{'' if times == 1 else 's'}; at last it {at_last}", *(line[:300] for line in last)]
            ),
            expected=f"a new checkpoint after at most {self._settings.max_restarts} restarts",
            where=str(log),
            hint="what was trained is kept: a run that goes on begins at the last checkpoint",
        )

    def _told(self, role: Role) -> PipelineError:
        file = self._folder / f"{role.file}.error.json"
        return from_json(json.loads(file.read_text(encoding="utf-8")))

    def _checkpoint(self) -> str | None:
        with contextlib.suppress(OSError):
            return (self._model_dir / "checkpoint").read_text(encoding="utf-8", errors="replace").partition("\n")[0]
        return None

    def _stop(self, member: _Member) -> None:
        if member.process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(member.process, signal.SIGTERM)
        until = time.monotonic() + 2.0
        process = 0
        while not process and time.monotonic() < until:
            process, status = os.waitpid(member.process, os.WNOHANG)
            if not process:
                time.sleep(0.01)
        if not process:
            self._kill(member)
            return
        self._note_stopped(member, os.waitstatus_to_exitcode(status))

    def _note_stopped(self, member: _Member, code: int) -> None:
        self._account.codes[member.role.file] = code
        self._account.note("stopped", role=member.role.file, process=member.process, code=code)
        member.process = None

    def _kill(self, member: _Member) -> None:
        if member.process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(member.process, signal.SIGKILL)
        _, status = os.waitpid(member.process, 0)
        self._note_stopped(member, os.waitstatus_to_exitcode(status))

    def _end(self) -> None:
        for member in self._members.values():
            self._kill(member)
        os.close(self._reading)
        os.close(self._writing)
