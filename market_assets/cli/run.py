"""`run` (behind `make run`) and `setup` (behind `make setup`)."""

from __future__ import annotations

import os
from contextlib import closing
from typing import TYPE_CHECKING, Literal

import click

from market_assets.cli.instance import (
    close_what_was_cut_off,
    initialise,
    prepare_dagster_home,
)
from market_assets.cli.remembered import only_one, process_groups
from market_assets.cli.run_log import RunLog
from market_assets.cli.stopping import Stop
from market_assets.cli.stores import open_store
from market_assets.cli.supervising import Supervisor
from market_assets.cli.venues import book_changes_option
from market_assets.settings import ROOT, ROOT_VARIABLE, Settings, dotenv_file, load

if TYPE_CHECKING:
    from pathlib import Path


@click.command()
@click.option(
    "--simulated",
    is_flag=True,
    envvar="MARKET_SIMULATED",
    help="Against simulated venues; `UPSTREAM=simulated make run` says this.",
)
@book_changes_option
def run(*, simulated: bool, book_changes: float) -> None:
    """Start everything: UI, daemon, schedules, sensors, stream. Ctrl-C stops everything."""
    settings = load(joins=False)
    stop = Stop()
    stop.listen()
    _prepare(settings)
    log = RunLog(settings.market_db.parent / "logs" / "run.log")
    env = {
        **os.environ,
        ROOT_VARIABLE: str(ROOT),
        "DAGSTER_HOME": str(settings.dagster_home),
        "MARKET_DB": str(settings.market_db),
        "PYTHONUNBUFFERED": "1",
    }
    with closing(log), only_one(settings, stop.hurry):
        click.echo(f"everything is logged in {log.path}", err=True)
        with process_groups(settings, stop.hurry) as groups:
            supervisor = Supervisor(settings, groups=groups, log=log, stop=stop, env=env)
            supervisor.run(
                simulated=simulated or settings.wanted_upstream == "simulated",
                book_changes=book_changes,
            )


@click.command()
@click.option("--nothing-is-up", is_flag=True, hidden=True, help="Close runs that were cut off.")
@click.option(
    "--upstream",
    type=click.Choice(["live", "simulated"]),
    hidden=True,
    help="Whose rows the database is to take.",
)
def setup(*, nothing_is_up: bool, upstream: Literal["live", "simulated"] | None) -> None:
    """Make the data folder, Dagster's home and the line of .env that names it."""
    settings = load(joins=not nothing_is_up)
    _prepare(settings)
    initialise(settings.dagster_home)
    if upstream is not None:
        open_store(settings, upstream=upstream).prepare()
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
    lines = dotenv_file.read_text(dotenv).splitlines()
    if any(line.startswith("DAGSTER_HOME=") for line in lines):
        return
    lines.append(f"DAGSTER_HOME=${{DAGSTER_HOME:-{home}}}")
    dotenv.write_text("\n".join(lines) + "\n", "utf-8")
