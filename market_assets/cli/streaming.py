"""What `stream` does: one session of the sidecar on this terminal, with its progress."""

from __future__ import annotations

import signal
import threading
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from market_assets.cli.data import open_store
from market_assets.code_version import code_version
from market_assets.sidecar.assembly import hyperliquid_session
from market_assets.sidecar.draining import STREAMED

if TYPE_CHECKING:
    from market_assets.settings import Settings
    from market_assets.sidecar.options import Report
    from market_assets.storage.store import Store


class NothingCameError(RuntimeError):
    """The stream ended without a row: the venue was not there, or lists none of the symbols."""


def stream_for(settings: Settings, seconds: float) -> None:
    """Stream for so long, or until Ctrl-C; everything received is published when it returns.

    Raises:
        LeaseHeldError: a session streams already.
        NothingCameError: not a row was received.
    """
    store = open_store(settings)
    store.prepare()
    stop = threading.Event()
    for which in (signal.SIGINT, signal.SIGTERM):
        signal.signal(which, lambda *_: stop.set())
    session = hyperliquid_session(
        store,
        settings,
        code_version=code_version(),
        run_id="market-assets stream",
        duration=timedelta(seconds=seconds),
        report_interval=timedelta(seconds=10),
    )
    click.echo(f"streaming {settings.hyperliquid_ws_url} for {seconds:g} s …", err=True)
    end = session.run(stop, report=_say)
    store.publish(force=True)
    if not any(end.rows.get(table.name) for table in STREAMED):
        why = end.error or "is the venue there, and are these symbols listed?"
        wanted = ", ".join(settings.wanted_symbols) or "all symbols"
        raise NothingCameError(f"nothing came from {settings.hyperliquid_ws_url} ({wanted}): {why}")
    if missing := sorted(set(settings.symbols) - _symbols_of(store)):
        click.echo(f"no row of {', '.join(missing)}: listed, and trading?", err=True)
    for table, rows in end.rows.items():
        click.echo(f"{table}: {rows} rows")
    if not end.is_drained:
        click.echo(f"not yet in the database, safe in the spool: {end.error}", err=True)
    click.echo(f"published {settings.market_db}")


def _symbols_of(store: Store) -> set[str]:
    """Symbols that have a mid or a candle."""
    found = store.read(
        "select symbol from hyperliquid_mid_prices union select symbol from hyperliquid_candles"
    )
    return set(found["symbol"].to_list())


def _say(report: Report) -> None:
    lag, healed = report.metrics.get("lag_s", 0.0), report.metrics.get("healed_rows", 0)
    click.echo(
        f"{report.table}: +{report.rows} rows, lag {lag:.1f} s, {healed:.0f} healed", err=True
    )
