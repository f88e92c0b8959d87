"""The process that is TensorBoard: ``python -m pipeline.watching.serve --logdir ... --host 127.0.0.1 --port 0``.

TensorBoard 2.16 imports ``pkg_resources``, which setuptools 81 took away, for two functions: so the ``tensorboard``
command does not start. They are given back here. It does without TensorFlow, which would cost seconds and memory and
which it needs for none of what an Estimator writes.

It serves on a socket that its parent listens on already: nobody else can have the port, neither before nor meanwhile.
"""

import ctypes
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterable
from importlib import metadata
from types import ModuleType, SimpleNamespace
from typing import Any

_PR_SET_PDEATHSIG = 1
PARENT = "ESTIMATOR_PIPELINE_TENSORBOARD_PARENT"
SOCKET = "ESTIMATOR_PIPELINE_TENSORBOARD_SOCKET"
_HERE = ("127.0.0.1", "localhost", "[::1]")

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
"""As https://peps.python.org/pep-3333/ has it."""


def main() -> None:
    """Run TensorBoard with the command line's arguments, until it is ended or its parent is."""
    _end_with_parent()
    if "pkg_resources" not in sys.modules:
        sys.modules["pkg_resources"] = _pkg_resources()
    sys.modules["tensorboard.compat.notf"] = ModuleType("tensorboard.compat.notf")
    from absl import app
    from tensorboard import default, main_lib, program

    sys.argv[0] = "tensorboard"
    main_lib.global_init()
    board = program.TensorBoard(plugins=default.get_plugins(), server_class=_server(int(os.environ[SOCKET])))
    app.run(board.main, flags_parser=board.configure)


def only_from_here(application: Application, port: int) -> Application:
    """Have an application answer only requests that name this machine as their host.

    A page of another site can have the browser ask for its own name, which leads to 127.0.0.1 by then (DNS rebinding),
    and read the answers: the ``Host`` that the browser sends with it is the other site's.

    Args:
        application: What answers.
        port: Where it listens; a host is named with it.

    Returns:
        The application; it answers other requests with 403 and the reason.
    """
    hosts = {f"{name}:{port}" for name in _HERE} | set(_HERE if port == 80 else ())
    said = (
        f"403: this TensorBoard answers at http://127.0.0.1:{port}/ and http://localhost:{port}/ only.\n"
        f"From elsewhere, with the same port on both sides: ssh -L {port}:localhost:{port} machine\n"
    ).encode()
    headers = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(said)))]

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if str(environ.get("HTTP_HOST", "")).lower() in hosts:
            return application(environ, start_response)
        start_response("403 Forbidden", headers)
        return [said]

    return answer


def _server(descriptor: int) -> Any:
    """Return TensorBoard's class of servers, serving on a socket that listens already."""
    from tensorboard.program import WerkzeugServer

    given = socket.socket(fileno=descriptor)

    class Server(WerkzeugServer):
        def __init__(self, wsgi_app: Application, flags: Any) -> None:
            super().__init__(only_from_here(wsgi_app, given.getsockname()[1]), flags)

        def server_bind(self) -> None:
            self.server_close()
            self.socket = given
            self.server_address = given.getsockname()
            self.server_name, self.server_port = self.server_address

    return Server


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    parent = os.environ.get(PARENT)
    if parent is not None and os.getppid() != int(parent):  # it died before we had asked
        sys.exit(1)


def _pkg_resources() -> ModuleType:
    from packaging import version

    def iter_entry_points(group: str) -> list[Any]:
        return [SimpleNamespace(name=one.name, resolve=one.load) for one in metadata.entry_points(group=group)]

    module: Any = ModuleType("pkg_resources")
    module.iter_entry_points = iter_entry_points
    module.parse_version = version.parse
    return module


if __name__ == "__main__":
    main()
