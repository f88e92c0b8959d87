"""Ctrl-C, SIGTERM and SIGHUP: the first one asks a run to end in order, the second one ends it at once.

A terminal that is closed sends SIGHUP more than once (its shell does, and then the kernel): any but the first does
nothing.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from pipeline.errors import CancelledError, HungUpError, TerminatedError

_NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_KINDS = {signal.SIGTERM: TerminatedError, signal.SIGHUP: HungUpError}


class StoppedAtOnce(KeyboardInterrupt):
    """Raised wherever the runner is, when a run is not to be ended in order.

    Attributes:
        number: The signal.
        way_on: The line that says how to go on, where more is known than the command that was given.
    """

    def __init__(self, number: int, way_on: str | None = None) -> None:
        super().__init__(number)
        self.number = number
        self.way_on = way_on


class Stop:
    """Whether the run is to end, and why."""

    def __init__(self) -> None:
        self.number: int | None = None
        self._in_order = False

    @property
    def error(self) -> CancelledError | None:
        """What a person is told; None as long as nobody wants the run to end."""
        if self.number is None:
            return None
        kind = _KINDS.get(signal.Signals(self.number), CancelledError)
        return kind(f"The run was cancelled by {self.name}", hint="the command below goes on where it was")

    @property
    def name(self) -> str:
        """How a person calls the signal."""
        if self.number == signal.SIGHUP:
            return "SIGHUP: its terminal was closed"
        return "Ctrl-C" if self.number == signal.SIGINT else signal.Signals(self.number or signal.SIGTERM).name

    @contextmanager
    def heeded(self) -> Iterator[None]:
        """Take the signals; what was there to take them before does so again at the end."""
        ours = threading.current_thread() is threading.main_thread()  # others can take no signals
        before: dict[int, Any] = {one: signal.getsignal(one) for one in _NUMBERS} if ours else {}
        for one, handler in before.items():
            # A shell that starts us in the background has us ignore Ctrl-C, and nohup has us ignore SIGHUP.
            if handler != signal.SIG_IGN:
                signal.signal(one, self._take)
        try:
            yield
        finally:
            for one, handler in before.items():
                again = one == signal.SIGHUP == self.number  # it may still come while the run writes down its end
                signal.signal(one, signal.SIG_IGN if again else handler)

    @contextmanager
    def in_order(self) -> Iterator[None]:
        """Where the code looks at :attr:`number` again and again, the first signal only sets it.

        Elsewhere, and from the second one on, a signal raises :class:`StoppedAtOnce`.
        """
        self._in_order = True
        try:
            yield
        finally:
            self._in_order = False

    def _take(self, number: int, frame: FrameType | None) -> None:
        del frame
        if self._in_order and self.number is None:
            self.number = number
            return
        if number == signal.SIGHUP and self.number is not None:
            return
        raise StoppedAtOnce(number)
