"""`spool`: received rows that are in no table yet, and why not."""

from __future__ import annotations

import sys
from functools import reduce
from typing import TYPE_CHECKING

import click

from market_assets.cli.stores import open_store, publish_what_was_written
from market_assets.clock import EPOCH, as_words
from market_assets.settings import load

if TYPE_CHECKING:
    from datetime import datetime

    from market_assets.settings import Settings
    from market_assets.storage.common.apart import Apart
    from market_assets.storage.common.spool import Spool


@click.group()
def spool() -> None:
    """Look after rows that are received and in no table yet."""


@spool.command("list")
def list_() -> None:
    """Show how much waits, and each file that no drain brings in, with the reason."""
    from market_assets.clock import SystemClock  # noqa: PLC0415 - `--help` need not pay for these
    from market_assets.storage.common.apart import apart  # noqa: PLC0415
    from market_assets.storage.common.spool import SpoolDepth  # noqa: PLC0415
    from market_assets.streams.registry import spool_folders  # noqa: PLC0415

    settings = load()
    depth = reduce(SpoolDepth.plus, (spool.depth() for spool in _spools(settings)))
    oldest = f", the oldest for {as_words(depth.oldest_age_s)}" if depth.segments else ""
    click.echo(f"{depth.segments} files ({depth.bytes:,} bytes) wait to be drained{oldest}")
    for folder in spool_folders(settings.machine):
        for one in apart(folder):
            click.echo(_line(one, SystemClock().now()))


@spool.command()
@click.option(
    "--drop-columns",
    is_flag=True,
    help="Bring files in without the columns that this version does not know; their values are "
    "lost.",
)
def retry(*, drop_columns: bool) -> None:
    """Try files that were set aside or left once more; exit with 1 where some still are."""
    from market_assets.clock import SystemClock  # noqa: PLC0415 - `--help` need not pay for these
    from market_assets.storage.common.apart import apart  # noqa: PLC0415
    from market_assets.streams.registry import spool_folders  # noqa: PLC0415

    settings = load()
    store = open_store(settings)
    for one_spool in _spools(settings):
        for written in one_spool.retry(store, drop_unknown=drop_columns).written:
            click.echo(f"{written.table}: {written.inserted + written.updated} rows")
    publish_what_was_written(store)
    still = [one for folder in spool_folders(settings.machine) for one in apart(folder)]
    for one in still:
        click.echo(_line(one, SystemClock().now()), err=True)
    sys.exit(1 if still else 0)


def _line(one: Apart, now: datetime) -> str:
    segment = one.segment
    received_s = segment.order / 1e9
    age_s = max(0.0, (now - EPOCH).total_seconds() - received_s)
    age = f", received {as_words(age_s)} ago" if received_s else ""
    of = f" of {segment.table}" if segment.table else ""
    return f"{segment.path.name}: {one.kind}{of}, {segment.size:,} bytes{age}: {one.cause}"


def _spools(settings: Settings) -> list[Spool]:
    """The spools of all streams."""
    from market_assets.storage.common.spool import Spool  # noqa: PLC0415 - `--help` need not pay
    from market_assets.streams.registry import spool_folders  # noqa: PLC0415

    limit = settings.spool_limit_bytes
    return [Spool(folder, limit_bytes=limit) for folder in spool_folders(settings.machine)]
