"""What a person who typed `make run` sees: where things are, what changes, and nothing else."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING, Final

import click

from market_assets.cli.processes import start
from market_assets.cli.reaching import nothing_is_reached
from market_assets.cli.telling import Teller
from market_assets.clock import SystemClock
from market_assets.operations.health.standing import read_standings
from market_assets.settings import ROOT
from market_assets.switches import footnote

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from market_assets.cli.processes import Group
    from market_assets.cli.run_log import RunLog
    from market_assets.operations.health.standing import Standing
    from market_assets.settings import Settings

_REACH_EVERY_S: Final = 60.0
_WORSE: Final = ("failed", "stale")


class Terminal:
    """Tells what is new; asks once in a while whether the venues can be reached."""

    def __init__(
        self,
        settings: Settings,
        *,
        groups: list[Group],
        env: Mapping[str, str],
        log: RunLog,
        live: bool,
    ) -> None:
        """Begin; what an earlier run has left behind is not told of.

        Args:
            settings: where things are.
            groups: takes what is started, for whoever stops it.
            env: the environment of what is started.
            log: takes what that says on stderr.
            live: against the real venues: they may be out of reach.
        """
        self._settings = settings
        self._groups = groups
        self._env = env
        self._log = log
        self._file = settings.machine.standings
        self._file.unlink(missing_ok=True)
        self._seen_at: int | None = None
        ui = f"http://127.0.0.1:{settings.ui_port}"
        self._teller = Teller(f"Try first: {ui}/assets, or .venv/bin/market-assets status")
        self._ui = ui
        self._up_at: float | None = None
        self._live = live
        self._reaching: tuple[subprocess.Popen[str], Group] | None = None
        self._asked_at = float("-inf")
        self._is_out_of_reach = False
        if live:
            self._ask()

    def is_up(self) -> None:
        """Dagster's UI answers: say where it is, the first time."""
        if self._up_at is not None:
            click.echo("Dagster is up again", err=True)
            return
        self._up_at = time.monotonic()
        click.echo(f"\n  UI        {self._ui}")
        click.echo(
            f"  database  {self._settings.market_db}  (open it read-only, for as long as you like)"
        )
        click.echo(f"  log       {self._log.path}")
        if off := footnote(self._settings.sources.off):
            name, _, said = off.partition(": ")
            click.echo(f"  {name:<10}{said}")
        click.echo("  stop      Ctrl-C\n")

    def tell(self) -> None:
        """Say what has changed since the last call."""
        since = time.monotonic() - (self._up_at or time.monotonic())
        news = self._teller.news(self._new_standings(), since)
        for line in news:
            _say(line)
        self._hear()
        is_worse = any(line.startswith(_WORSE) for line in news)
        if self._live and (is_worse or self._is_out_of_reach):
            self._ask()

    def _new_standings(self) -> Sequence[Standing]:
        try:
            changed_at = self._file.stat().st_mtime_ns
        except OSError:
            return []
        if changed_at == self._seen_at:
            return []
        self._seen_at = changed_at
        return read_standings(self._settings.machine)

    def _ask(self) -> None:
        """Whether the venues can be reached, in a process of its own; at most once a minute."""
        now = time.monotonic()
        if self._reaching is not None or now - self._asked_at < _REACH_EVERY_S:
            return
        self._asked_at = now
        self._reaching = start(
            "reach",
            [sys.executable, "-m", "market_assets.cli.reaching"],
            env=self._env,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=self._log.descriptor,
        )
        self._groups.append(self._reaching[1])

    def _hear(self) -> None:
        """What came of it."""
        if self._reaching is None or self._reaching[0].poll() is None:
            return
        process, group = self._reaching
        self._reaching = None
        self._groups.remove(group)
        assert process.stdout is not None
        with process.stdout as said:
            line = nothing_is_reached(said.read())
        if process.returncode != 0:
            return  # the log says why
        if (line is not None) != self._is_out_of_reach:
            _say(line or "the venues can be reached again")
        self._is_out_of_reach = line is not None


def _say(line: str) -> None:
    click.echo(f"{SystemClock().now().astimezone():%H:%M:%S}  {line}", err=True)
