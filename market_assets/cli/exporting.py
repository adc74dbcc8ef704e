"""`export`: published rows as files for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from market_assets.clock import INTERVALS
from market_assets.settings import load

if TYPE_CHECKING:
    from datetime import date, datetime

_DAY = click.DateTime(formats=("%Y-%m-%d",))


@click.group()
def export() -> None:
    """Write published rows, live and archived, to a file for other programs."""


@export.command()
@click.option("--symbol", required=True, help="The exchange's own name: BTC, kPEPE, PURR/USDC.")
@click.option("--interval", required=True, type=click.Choice(tuple(INTERVALS)), help="Of a candle.")
@click.option("--since", type=_DAY, metavar="DAY", help="First day, UTC (2026-01-31).")
@click.option("--until", type=_DAY, metavar="DAY", help="Last day, UTC; it is included.")
@click.option(
    "--to",
    "target",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Ends with .parquet, .csv or .feather (freqtrade's layout); replaced if it is there.",
)
def candles(
    symbol: str, interval: str, since: datetime | None, until: datetime | None, target: Path
) -> None:
    """Write the closed candles of a symbol and interval, oldest first.

    All files have the columns date (when a candle opens, UTC), open, high, low, close and volume;
    Parquet and CSV also symbol, interval, close_at and trades.
    """
    first, last = _day(since), _day(until)
    if first is not None and last is not None and first > last:
        raise click.UsageError(f"--since {first} is after --until {last}")
    # `--help` need not pay for polars and duckdb.
    from market_assets.cli.progress import told  # noqa: PLC0415
    from market_assets.exports.candles import Wanted, read_candles  # noqa: PLC0415
    from market_assets.exports.files import SUFFIXES, write  # noqa: PLC0415
    from market_assets.storage.opening import open_reader  # noqa: PLC0415

    if target.suffix.lower() not in SUFFIXES:
        raise click.UsageError(f"--to {target} has to end with one of {', '.join(SUFFIXES)}")
    if not target.parent.is_dir():
        raise click.UsageError(f"--to {target}: the folder {target.parent} is missing")
    wanted = Wanted(symbol, interval, first, last)
    with open_reader(load().market_db) as reader, told(f"exporting {wanted}") as on_progress:
        found = read_candles(reader, wanted, on_progress)
        write(found, target)
    click.echo(f"wrote {found.height:,} {wanted} to {target}")


def _day(said: datetime | None) -> date | None:
    return None if said is None else said.date()
