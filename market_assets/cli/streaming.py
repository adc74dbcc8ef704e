"""What `stream` does: one session of the sidecar on this terminal, with its progress."""

from __future__ import annotations

import signal
import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import click

from market_assets.cli.errors import NotDoneError
from market_assets.cli.stores import open_store, publish_what_was_written
from market_assets.code_version import code_version
from market_assets.streams.registry import stream_of
from market_assets.tables import HYPERLIQUID_CANDLES

if TYPE_CHECKING:
    from market_assets.settings import Settings
    from market_assets.storage.api import Store
    from market_assets.streams.core.options import Report, SessionEnd

_TRACKED: Final = "select count(*) as n from polymarket_tracked_universe"
_BOOKS: Final = "book"
_MIDS: Final = "allMids"
"""The channel whose frames come every second, whoever trades."""


def stream_for(settings: Settings, source: str, seconds: float) -> None:
    """Stream for so long, or until Ctrl-C; everything received is published when it returns.

    Args:
        settings: the project's.
        source: whose stream.
        seconds: how long.

    Raises:
        LeaseHeldError: a session streams already.
        NotDoneError: the sockets brought nothing, or not what was asked for, or what they brought
            is not yet in the database.
    """
    store = open_store(settings, upstream=settings.upstream)
    store.prepare()
    stop = threading.Event()
    for which in (signal.SIGINT, signal.SIGTERM):
        signal.signal(which, lambda *_: stop.set())
    session = stream_of(source).assemble(
        store,
        settings,
        code_version=code_version(),
        run_id="market-assets stream",
        duration=timedelta(seconds=seconds),
        report_interval=timedelta(seconds=10),
    )
    click.echo(f"streaming {_where(settings, source)} for {seconds:g} s …", err=True)
    if (look := _NEEDED.get(source)) and (lacking := look(store)):
        click.echo(f"{lacking}. Waiting for that", err=True)
    end = session.run(stop, report=_say)
    for table, rows in end.rows.items():
        healed = end.healed_rows if table == HYPERLIQUID_CANDLES.name else 0
        click.echo(f"{table}: {rows} rows{f', {healed} of them from REST' if healed else ''}")
    if end.is_drained:
        publish_what_was_written(store)
        click.echo(f"published {settings.market_db}")
    elif end.data_frames:
        raise NotDoneError(
            f"not yet in the database: {end.error}; what came is safe in the spool, and the next "
            "session drains it"
        )
    if lacking := _LACKING[source](settings, store, end):
        raise NotDoneError(lacking)


def _where(settings: Settings, source: str) -> str:
    """The address of a source's sockets."""
    return str(getattr(settings, f"{source}_ws_url"))


def _lacking_universe(store: Store) -> str:
    """What to do where no market is tracked; empty where one is."""
    if store.read(_TRACKED)["n"].item():
        return ""
    return (
        "no market is tracked yet: `dagster asset materialize --select "
        "polymarket_tracked_universe -m market_assets.definitions` chooses them"
    )


def _lacking_books(settings: Settings, store: Store, end: SessionEnd) -> str:
    """What Polymarket's stream did not bring; empty if nothing lacks."""
    where = settings.polymarket_ws_url
    if untracked := _lacking_universe(store):
        return untracked
    tracked = store.read(_TRACKED)["n"].item()
    why = end.error or "is the venue there, and are the tracked markets open?"
    if not end.data_frames:
        return f"nothing came from {where} ({tracked} markets): {why}"
    if not end.frames.get(_BOOKS):
        return f"no book came from {where} ({tracked} markets): {why}"
    return ""


def _lacking_prices(settings: Settings, store: Store, end: SessionEnd) -> str:
    """What Hyperliquid's stream did not bring though it was asked for; empty if nothing lacks.

    What was read from REST meanwhile proves nothing: the sockets are what was asked for.
    """
    where = settings.hyperliquid_ws_url
    wanted = ", ".join(settings.wanted_symbols) or "all symbols"
    why = end.error or "is the venue there, and are these symbols listed?"
    if not end.data_frames:
        return f"nothing came from {where} ({wanted}): {why}"
    if not end.frames.get(_MIDS):  # they come all the time; a candle comes when somebody trades
        return f"no mid came from {where} ({wanted}): {why}"
    if missing := sorted(set(settings.symbols) - _symbols_of(store)):
        return f"no row of {', '.join(missing)}: listed, and trading?"
    return ""


_NEEDED: Final = {"polymarket": _lacking_universe}
"""What a stream cannot do without, and may get while it waits; asked before it begins."""
_LACKING: Final = {"hyperliquid": _lacking_prices, "polymarket": _lacking_books}


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
