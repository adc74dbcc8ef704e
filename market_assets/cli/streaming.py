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

if TYPE_CHECKING:
    from market_assets.settings import Settings
    from market_assets.sidecar.options import Report


def stream_for(settings: Settings, seconds: float) -> None:
    """Stream for so long, or until Ctrl-C; everything received is published when it returns.

    Raises:
        LeaseHeldError: a session streams already.
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
    for table, rows in end.rows.items():
        click.echo(f"{table}: {rows} rows")
    if not end.is_drained:
        click.echo(f"not yet in the database, safe in the spool: {end.error}", err=True)
    click.echo(f"published {settings.market_db}")


def _say(report: Report) -> None:
    lag, healed = report.metrics.get("lag_s", 0.0), report.metrics.get("healed_rows", 0)
    click.echo(
        f"{report.table}: +{report.rows} rows, lag {lag:.1f} s, {healed:.0f} healed", err=True
    )
