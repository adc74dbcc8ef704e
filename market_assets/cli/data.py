"""`stream`, `maintain` and `publish`: work on the database without Dagster."""

from __future__ import annotations

import click

from market_assets.cli.stores import open_store, publish_what_was_written
from market_assets.settings import load
from market_assets.streams.registry import STREAMS

STREAMED = tuple(stream.name for stream in STREAMS)


@click.command()
@click.argument("source", metavar="SOURCE", type=click.Choice(STREAMED))
@click.option(
    "--duration",
    type=click.FloatRange(min=1),
    required=True,
    metavar="SECONDS",
    help="How long to stream.",
)
def stream(source: str, duration: float) -> None:
    """Stream a venue into the database for a while, without Dagster, for a quick look."""
    from market_assets.cli.streaming import stream_for  # noqa: PLC0415 - imports the sidecar

    stream_for(load(), source, duration)


@click.command()
@click.option(
    "--anyway",
    is_flag=True,
    help="Delete rows past their retention also where that is nearly all of a table.",
)
def maintain(*, anyway: bool) -> None:
    """Roll 1-hour candles up and delete what is past its retention, once; then publish."""
    from market_assets.cli.errors import NotDoneError  # noqa: PLC0415 - `--help` need not pay
    from market_assets.clock import SystemClock  # noqa: PLC0415 - these import polars and duckdb
    from market_assets.operations.maintenance.upkeep import keep_up  # noqa: PLC0415

    settings = load()
    store = open_store(settings)
    now = SystemClock().now()
    done = keep_up(store, retention=settings.retention, now=now, anyway=anyway)
    click.echo(f"rolled up {done.rolled_up} candles")
    for table, rows in done.deleted.items():
        click.echo(f"deleted {rows} rows of {table}")
    for table, rows in done.archived.items():
        click.echo(f"archived {rows} rows of {table}")
    for day, size in done.dropped:
        click.echo(f"dropped {day} from the archive, {size / 1e6:.1f} MB: it had grown too large")
    if done.compaction_error:
        click.echo(f"space was not given back: {done.compaction_error}", err=True)
    publish_what_was_written(store)
    if done.refused:
        why = "; ".join(done.refused.values())
        raise NotDoneError(f"{why}. If it is, `market-assets maintain --anyway` deletes them")


@click.command()
def publish() -> None:
    """Bring the published database up to date now."""
    settings = load()
    open_store(settings).publish(force=True)
    click.echo(f"published {settings.market_db}")
