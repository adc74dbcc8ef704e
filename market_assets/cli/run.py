"""`run` (behind `make run`) and `setup` (behind `make setup`)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import click

from market_assets.cli.errors import RunError
from market_assets.cli.instance import (
    close_what_was_cut_off,
    initialise,
    prepare_dagster_home,
)
from market_assets.cli.remembered import only_one, process_groups
from market_assets.cli.supervising import supervise
from market_assets.settings import ROOT, Settings, load

if TYPE_CHECKING:
    from pathlib import Path


@click.command()
@click.option(
    "--simulated",
    is_flag=True,
    envvar="MARKET_SIMULATED",
    help="Against simulated venues; `UPSTREAM=simulated make run` says this.",
)
def run(*, simulated: bool) -> None:
    """Start everything: UI, daemon, schedules, sensors, stream. Ctrl-C stops everything."""
    upstream = os.environ.get("UPSTREAM", "")
    if upstream not in ("", "simulated", "live"):
        raise RunError(f"UPSTREAM is {upstream!r}; it may be simulated or live")
    settings = load()
    stop = threading.Event()
    for which in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(which, lambda *_: stop.set())
    _prepare(settings)
    with only_one(settings):
        # In a process of its own: Dagster would stay in the memory of this one while it runs.
        subprocess.run(
            [sys.executable, "-m", "market_assets.cli.main", "setup", "--nothing-is-up"],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        with process_groups(settings) as groups:
            supervise(settings, groups, stop, simulated=simulated or upstream == "simulated")


@click.command()
@click.option("--nothing-is-up", is_flag=True, hidden=True, help="Close runs that were cut off.")
def setup(*, nothing_is_up: bool) -> None:
    """Make the data folder, Dagster's home and the line of .env that names it."""
    settings = load()
    _prepare(settings)
    initialise(settings.dagster_home)
    if nothing_is_up:
        close_what_was_cut_off(settings)
    click.echo(f"database {settings.market_db}, Dagster's instance {settings.dagster_home}")


def _prepare(settings: Settings) -> None:
    settings.market_db.parent.mkdir(parents=True, exist_ok=True)
    prepare_dagster_home(settings.dagster_home)
    _name_home_in_dotenv(ROOT / ".env", ROOT / "data" / "dagster")


def _name_home_in_dotenv(dotenv: Path, home: Path) -> None:
    """Dagster's own commands read `.env`, and need DAGSTER_HOME as an absolute path.

    Written so that a value from the shell wins: Dagster lets `.env` override the shell.
    """
    lines = dotenv.read_text("utf-8").splitlines() if dotenv.exists() else []
    if any(line.startswith("DAGSTER_HOME=") for line in lines):
        return
    lines.append(f"DAGSTER_HOME=${{DAGSTER_HOME:-{home}}}")
    dotenv.write_text("\n".join(lines) + "\n", "utf-8")
