"""Dagster's services: code server, daemon and web server, as `dagster dev` would start them.

`python -m market_assets.cli.services` starts the three and ends when one of them does. It is light
(`dagster dev` holds Dagster itself, 100 MB) and puts nothing in front of the code server. The web
server is the project's own (`web_server.py`).

The web server and the daemon reach the code server through a link to its socket. On SIGHUP another
code server is started, on a socket of its own; when it listens, the link is put over to it, and the
old one ends with the last run that it launched. Whoever is connected to the old one connects again.
"""

from __future__ import annotations

import argparse
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from types import FrameType

ENTRANCE: Final = "code.sock"
"""The link to the socket of the code server that is asked, in the folder of those sockets."""
_OURS: Final = "market_assets.definitions"
_LISTENS_WITHIN_S: Final = 60.0
_ENDS_WITHIN_S: Final = 10.0
_LOOK_EVERY_S: Final = 0.5
_POLL_S: Final = 0.05


class ServiceError(RuntimeError):
    """A service did not start, or has ended by itself."""


class Services:
    """The three processes.

    Attributes:
        wanted: whether they are to go on.
        renew: whether another code server is asked for.
    """

    def __init__(self, chosen: argparse.Namespace, folder: Path) -> None:
        """Start nothing yet.

        Args:
            chosen: the command line.
            folder: holds the sockets; short, for the path of a socket has at most 100 bytes.
        """
        self.wanted = True
        self.renew = False
        self._chosen = chosen
        self._folder = folder
        self._location = code_location(chosen.workspace)
        self._generation = 0
        self._code: subprocess.Popen[bytes] | None = None
        self._others: dict[str, subprocess.Popen[bytes]] = {}
        self._leaving: list[subprocess.Popen[bytes]] = []

    def run(self) -> None:
        """Start them, and stay while they live.

        Raises:
            ServiceError: one did not start, or has ended by itself.
        """
        workspace = Path(self._chosen.workspace)
        if self._location is not None:
            self._code = self._started_code_server()
            workspace = self._folder / "workspace.yaml"
            served = {"socket": str(self._folder / ENTRANCE), "location_name": self._location}
            # JSON is YAML too.
            workspace.write_bytes(msgspec.json.encode({"load_from": [{"grpc_server": served}]}))
        told = ["--log-format", self._chosen.log_format, "--workspace", str(workspace)]
        told += ["--code-server-log-level", self._chosen.log_level]
        level = self._chosen.log_level
        address = ["--host", self._chosen.host, "--port", str(self._chosen.port)]
        self._others = {
            "web server": _module(
                "market_assets.cli.web_server", *address, "--dagster-log-level", level, *told
            ),
            "daemon": _module("dagster._daemon", "run", "--log-level", level, *told),
        }
        while self.wanted:
            self._look()
            time.sleep(_LOOK_EVERY_S)

    def end(self) -> None:
        """Interrupt what lives, wait for it, and kill what does not end."""
        living = [*self._others.values(), *self._leaving]
        living += [] if self._code is None else [self._code]
        for process in living:
            process.send_signal(signal.SIGINT)
        deadline = time.monotonic() + _ENDS_WITHIN_S
        for process in living:
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))
            process.kill()
            process.wait()

    def _look(self) -> None:
        """Whether all live; another code server where one is asked for."""
        self._leaving = [one for one in self._leaving if one.poll() is None]
        named = {"code server": self._code, **self._others}
        for name, process in named.items():
            if process is not None and process.poll() is not None:
                raise ServiceError(f"the {name} has ended with exit code {process.returncode}")
        if self.renew and self._code is not None:
            self.renew = False
            old, self._code = self._code, self._started_code_server()
            old.send_signal(signal.SIGINT)
            self._leaving.append(old)

    def _started_code_server(self) -> subprocess.Popen[bytes]:
        """A code server that listens, and that the link leads to.

        Raises:
            ServiceError: it ended, or did not listen in time.
        """
        self._generation += 1
        path = self._folder / f"code-{self._generation}.sock"
        process = _module(
            "market_assets.cli.code_server",
            *("api", "grpc", "--lazy-load-user-code", "--socket", str(path)),
            *("--module-name", _OURS, "--location-name", str(self._location)),
            *("--use-python-environment-entry-point", "--inject-env-vars-from-instance"),
            *("--log-level", self._chosen.log_level, "--log-format", self._chosen.log_format),
        )
        deadline = time.monotonic() + _LISTENS_WITHIN_S
        while not listens(path):
            if process.poll() is not None:
                raise ServiceError(f"the code server has ended with exit code {process.returncode}")
            if not self.wanted or time.monotonic() >= deadline:
                process.kill()
                process.wait()
                raise ServiceError(f"no code server within {_LISTENS_WITHIN_S:.0f} s")
            time.sleep(_POLL_S)
        draft = self._folder / "draft"
        draft.symlink_to(path.name)
        draft.replace(self._folder / ENTRANCE)
        return process


def code_location(workspace: str) -> str | None:
    """The name of the code location, where the file has the project's definitions and no others.

    With others in it, the web server and the daemon load them all by themselves.

    Args:
        workspace: the path of a `workspace.yaml`.
    """
    found: Any = msgspec.yaml.decode(Path(workspace).read_bytes())
    loads = found.get("load_from") if isinstance(found, dict) else None
    if not isinstance(loads, list) or len(loads) != 1 or not isinstance(loads[0], dict):
        return None
    module = loads[0].get("python_module")
    if not isinstance(module, dict) or not set(module) <= {"module_name", "location_name"}:
        return None
    if module.get("module_name") != _OURS:
        return None
    return str(module.get("location_name") or _OURS)


def listens(path: Path) -> bool:
    """Whether somebody takes connections at a socket."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
        return True


def _module(name: str, *arguments: str) -> subprocess.Popen[bytes]:
    """A process of a module of ours or of Dagster's."""
    return subprocess.Popen([sys.executable, "-m", name, *arguments], stdin=subprocess.DEVNULL)  # noqa: S603 - our own commands


def main() -> None:
    """Run the services until a signal, or until one of them ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workspace", required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--log-level", default="warning")
    parser.add_argument("--log-format", default="colored")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="market-assets-") as folder:
        services = Services(chosen, Path(folder))

        def stop(_number: int, _frame: FrameType | None) -> None:
            services.wanted = False

        def renew(_number: int, _frame: FrameType | None) -> None:
            services.renew = True

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, stop)
        signal.signal(signal.SIGHUP, renew)
        try:
            services.run()
        except ServiceError as error:
            if services.wanted:
                sys.exit(f"Dagster: {error}")
        finally:
            services.end()


if __name__ == "__main__":
    main()
