"""The system while it runs: Dagster and, where asked for, the simulated venues, kept alive.

One process that starts the others in process groups of their own, starts Dagster again when it
dies, tells the terminal what a person wants to know, and stops when it is told to.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import click

from market_assets.cli.children import run_command
from market_assets.cli.dagster_process import UP_WITHIN_S, Dagster
from market_assets.cli.errors import RunError
from market_assets.cli.ports import is_free
from market_assets.cli.remembered import remember_started
from market_assets.cli.simulated_venues import SimulatedVenues
from market_assets.cli.terminal import Terminal
from market_assets.cli.venues import BOOK_CHANGES
from market_assets.settings.endpoints import forget_endpoints

if TYPE_CHECKING:
    from collections.abc import Mapping

    from market_assets.cli.processes import Group
    from market_assets.cli.run_log import RunLog
    from market_assets.cli.stopping import Stop
    from market_assets.settings import Settings

_FREE_WITHIN_S: Final = 10.0
_RESTARTS: Final = 5
_RESTART_WINDOW_S: Final = 600.0


class Supervisor:
    """What one `run` starts, and how it keeps that up."""

    def __init__(
        self,
        settings: Settings,
        *,
        groups: list[Group],
        log: RunLog,
        stop: Stop,
        env: Mapping[str, str],
    ) -> None:
        """Begin with nothing started.

        Args:
            settings: where the database, Dagster's home and the ports are.
            groups: takes what is started, for whoever stops it.
            log: takes what everything that is started says.
            stop: set by Ctrl-C and SIGTERM.
            env: the environment of what is started.
        """
        self._settings = settings
        self._groups = groups
        self._log = log
        self._stop = stop
        self._env = dict(env)
        self._ended: list[float] = []
        self._venues: SimulatedVenues | None = None

    def run(self, *, simulated: bool, book_changes: float = BOOK_CHANGES) -> None:
        """Start everything, say where it is, and keep it up until told to stop.

        Args:
            simulated: against simulated venues.
            book_changes: how often a second each simulated order book changes.

        Raises:
            RunError: it cannot start, or keeps ending.
        """
        if not is_free(self._settings.ui_port):
            raise _taken(self._settings.ui_port)
        upstream = "simulated" if simulated else "live"
        self._command("setup", "--nothing-is-up", "--upstream", upstream)
        if simulated and not self._stop.wanted.is_set():
            self._venues = SimulatedVenues(
                self._settings,
                book_changes=book_changes,
                groups=self._groups,
                env=self._env,
                log=self._log.descriptor,
                stop=self._stop.wanted,
            )
            self._env |= self._venues.addresses
        elif not simulated:
            forget_endpoints(self._settings.market_db)
        terminal = Terminal(
            self._settings, groups=self._groups, env=self._env, log=self._log, live=not simulated
        )
        if not self._stop.wanted.is_set():
            click.echo("starting Dagster …", err=True)
        while not self._stop.wanted.is_set():
            self._one_life(terminal)
        click.echo("stopping … (Ctrl-C again: at once)", err=True)

    def _one_life(self, terminal: Terminal) -> None:
        """Dagster from its start to its end."""
        dagster = Dagster(self._settings, self._env, self._log.descriptor)
        self._groups.append(dagster.group)
        remember_started(self._settings, self._groups)
        state = dagster.wait_until_up(self._stop.wanted)
        if state == "stopped":
            return
        if state == "up":
            terminal.is_up()
            self._watch(dagster, terminal)
        if self._stop.wanted.is_set():
            return
        how = "" if state == "up" else " while starting"
        if state == "slow":
            said = f"the UI did not answer within {UP_WITHIN_S:.0f} s"
        else:
            said = f"Dagster ended with exit code {dagster.exit_code}{how}"
        self._count_or_give_up(said)
        self._clean_up_after(dagster)

    def _watch(self, dagster: Dagster, terminal: Terminal) -> None:
        """Until it ends, or is to end."""
        while not self._stop.wanted.wait(1.0) and dagster.exit_code is None:
            if self._venues is not None and self._venues.exit_code is not None:
                raise RunError(
                    f"the simulated venues ended with exit code {self._venues.exit_code}"
                )
            terminal.tell()
            self._log.rotate()

    def _count_or_give_up(self, said: str) -> None:
        """It ends when one of its services does; the stream goes on meanwhile.

        Raises:
            RunError: it keeps ending.
        """
        now = time.monotonic()
        self._ended = [at for at in self._ended if now - at < _RESTART_WINDOW_S] + [now]
        if len(self._ended) > _RESTARTS:
            often = f"{len(self._ended)} times in {_RESTART_WINDOW_S / 60:.0f} minutes"
            raise RunError(f"{said}, {often}; {self._log.path} says why")
        click.echo(f"{said}; starting it again …", err=True)

    def _clean_up_after(self, dagster: Dagster) -> None:
        """End what the dead one left behind, but for its runs, and what they did not finish.

        Raises:
            RunError: its port does not become free.
        """
        dagster.end_services()
        self._command("setup", "--nothing-is-up")
        deadline = time.monotonic() + _FREE_WITHIN_S
        while not is_free(self._settings.ui_port) and not self._stop.wanted.wait(0.2):
            if time.monotonic() >= deadline:
                raise _taken(self._settings.ui_port)

    def _command(self, *arguments: str) -> None:
        run_command(
            *arguments,
            groups=self._groups,
            env=self._env,
            log=self._log.descriptor,
            stop=self._stop.wanted,
        )


def _taken(port: int) -> RunError:
    return RunError(f"port {port} is taken by another program; set MARKET_UI_PORT to a free one")
