"""Dagster under `run`: started, watched, and cleaned up after when a part of it has died.

A parent (`services.py`) has a daemon, a web server and a code server; runs are children of the
daemon's warm process, or of the code server. When the parent dies, its children live on, hold the
port and schedule; a second daemon beside them would start everything twice. So they are ended
first, but for the runs, of which the stream is one: it goes on meanwhile.
"""

from __future__ import annotations

import sys
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Final, Literal

from market_assets.cli.processes import command_of, start
from market_assets.project_files import WORKSPACE, project_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from threading import Event

    from market_assets.settings import Settings

UP_WITHIN_S: Final = 120.0
_POLL_S: Final = 0.5
_SERVICES: Final = (
    " market_assets.cli.services ",
    " market_assets.cli.code_server ",
    " market_assets.cli.web_server ",
    " dagster._daemon ",
)
"""What the command lines of Dagster's services have in them; the rest are processes of runs."""

Start = Literal["up", "ended", "slow", "stopped"]


def is_run_worker(pid: int) -> bool:
    """Whether the process executes a run of Dagster's: it has rows in its hands."""
    command = command_of(pid)
    return bool(command) and not any(part in command for part in _SERVICES)


def dagster_command(settings: Settings) -> list[str]:
    """Dagster's services as `run` starts them."""
    return [
        sys.executable,
        "-m",
        "market_assets.cli.services",
        "--workspace",
        str(project_file(WORKSPACE)),
        "--host",
        "127.0.0.1",
        "--port",
        str(settings.ui_port),
        "--log-level",
        settings.service_log_level,
        "--log-format",
        "json" if settings.log_format == "json" else "colored",
    ]


class Dagster:
    """Dagster's services and all that they started."""

    def __init__(self, settings: Settings, env: Mapping[str, str], log: int) -> None:
        """Start it.

        Args:
            settings: where its home and its port are.
            env: the environment of all of its processes.
            log: the descriptor that they write to.
        """
        self._url = f"http://127.0.0.1:{settings.ui_port}/server_info"
        self._process, self.group = start(
            "dagster",
            dagster_command(settings),
            env=env,
            cwd=settings.dagster_home,
            stdout=log,
            stderr=log,
        )

    def wait_until_up(self, stop: Event) -> Start:
        """Until its own UI answers, it has ended or was too slow, or nobody wants it any more."""
        deadline = time.monotonic() + UP_WITHIN_S
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        while not stop.is_set():
            if self._process.poll() is not None:
                return "ended"
            if time.monotonic() >= deadline:
                self._process.kill()
                self._process.wait()
                return "slow"
            try:
                with opener.open(self._url, timeout=2):
                    return "up"
            except (urllib.error.URLError, OSError):
                stop.wait(_POLL_S)
        return "stopped"

    @property
    def exit_code(self) -> int | None:
        """Of the parent; None while it lives."""
        return self._process.poll()

    def end_services(self) -> bool:
        """End what the parent left behind, but for the runs; whether it is gone.

        They are killed: on an interrupt a code server would wait for its runs, and the daemon for
        its threads. What they know is in SQLite.
        """
        self._process.poll()
        return self.group.kill(lambda pid: not is_run_worker(pid))
