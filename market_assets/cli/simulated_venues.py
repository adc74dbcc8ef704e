"""The simulated venues of a `run`: started, and made known to other shells."""

from __future__ import annotations

import subprocess
import sys
import threading
from queue import Empty, Queue
from typing import TYPE_CHECKING, Final

from market_assets.cli.errors import RunError
from market_assets.cli.ports import is_free
from market_assets.cli.processes import start
from market_assets.cli.venues import VENUES_ARE_UP
from market_assets.process_identity import ProcessIdentity
from market_assets.settings import ROOT
from market_assets.settings.endpoints import write_endpoints

if TYPE_CHECKING:
    from collections.abc import Mapping
    from threading import Event

    from market_assets.cli.processes import Group
    from market_assets.settings import Settings

_POLL_S: Final = 0.25


class SimulatedVenues:
    """One process for all of them.

    Attributes:
        addresses: the variables that lead to them; empty if they were not waited for.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        book_changes: float,
        groups: list[Group],
        env: Mapping[str, str],
        log: int,
        stop: Event,
    ) -> None:
        """Start them, and wait until they say where they are.

        Args:
            settings: which port they are to take, if it is free, and whose database they fill.
            book_changes: how often a second each order book changes.
            groups: takes the process, for whoever stops everything.
            env: its environment.
            log: the descriptor that takes what it says on stderr.
            stop: ends the waiting.

        Raises:
            RunError: they did not start.
        """
        port = settings.simulator_port if is_free(settings.simulator_port) else 0
        command = [sys.executable, "-m", "market_assets.cli.main", "simulate"]
        command += ["--port", str(port), "--book-changes", str(book_changes)]
        self._process, group = start(
            "simulator", command, env=env, cwd=ROOT, stdout=subprocess.PIPE, stderr=log
        )
        groups.append(group)
        self.addresses: dict[str, str] = {}
        for line in self._lines(stop):
            if line.startswith("export "):
                name, _, value = line.removeprefix("export ").partition("=")
                self.addresses[name] = value
        venues = ProcessIdentity.of(self._process.pid)
        if not stop.is_set() and venues is not None:
            write_endpoints(settings.market_db, venues, self.addresses)

    @property
    def exit_code(self) -> int | None:
        """None while they are up."""
        return self._process.poll()

    def _lines(self, stop: Event) -> list[str]:
        """What they print until they are up."""
        said: Queue[str | None] = Queue()

        def read() -> None:
            assert self._process.stdout is not None
            for line in self._process.stdout:
                said.put(line.strip())
            said.put(None)

        threading.Thread(target=read, daemon=True).start()
        lines: list[str] = []
        while not stop.is_set():
            try:
                line = said.get(timeout=_POLL_S)
            except Empty:
                continue
            if line is None:
                raise RunError("the simulated venues did not start; the log says why")
            if line == VENUES_ARE_UP:
                break
            lines.append(line)
        return lines
