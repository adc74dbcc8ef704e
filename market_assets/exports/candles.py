"""Candles of one symbol and interval out of the published database, live and archived.

Closed candles only: one that is still forming is no history. They are read month by month, so that
whoever waits can be told how far it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from difflib import get_close_matches
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

import duckdb
import polars as pl

from market_assets.exports.errors import NothingToExportError
from market_assets.storage.common.connection import fetch
from market_assets.storage.common.errors import StoreError, one_line
from market_assets.tables import HYPERLIQUID_CANDLES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date

    from duckdb import DuckDBPyConnection

    from market_assets.storage.api import Reader

_DAY: Final = timedelta(days=1)
_CLOSE_ONES: Final = 3


@dataclass(frozen=True)
class Wanted:
    """Which candles.

    Attributes:
        symbol: the exchange's own name.
        interval: as the exchange names it.
        since: the first UTC day; None: from the oldest candle on.
        until: the last UTC day, included; None: up to the newest candle.
    """

    symbol: str
    interval: str
    since: date | None = None
    until: date | None = None

    @property
    def params(self) -> dict[str, object]:
        """The values of the queries; a span is [since, until)."""
        return {
            "symbol": self.symbol,
            "interval": self.interval,
            "since": None if self.since is None else _midnight(self.since),
            "until": None if self.until is None else _midnight(self.until) + _DAY,
        }

    def __str__(self) -> str:
        since = "" if self.since is None else f" since {self.since}"
        until = "" if self.until is None else f" until {self.until}"
        return f"{self.interval} candles of {self.symbol}{since}{until}"


def read_candles(
    reader: Reader, wanted: Wanted, on_progress: Callable[[int, int], None] = lambda *_: None
) -> pl.DataFrame:
    """The candles, oldest first; `date` is when a candle opens, and `close_at` its exclusive end.

    Args:
        reader: what is published.
        wanted: which ones.
        on_progress: told how many of how many are read, after each month.

    Raises:
        NothingToExportError: there are none; says why.
        StoreError: rows cannot be read, of a damaged file of the archive for instance.
    """
    try:
        return _read(reader.native, wanted, on_progress)
    except duckdb.Error as error:
        raise StoreError(f"{reader.place}: {one_line(str(error))}") from error


def _read(
    connection: DuckDBPyConnection, wanted: Wanted, on_progress: Callable[[int, int], None]
) -> pl.DataFrame:
    params = wanted.params
    months = _rows(connection, "months", params)
    if not months:
        raise NothingToExportError(_why_none(connection, wanted))
    total = sum(count for _, count in months)
    frames: list[pl.DataFrame] = []
    done = 0
    for month, count in months:
        within = _within(month, params)
        frames.append(connection.execute(_sql(connection, "candles"), within).pl())
        done += count
        on_progress(done, total)
    return pl.concat(frames)


def _within(month: datetime, params: Mapping[str, object]) -> dict[str, object]:
    """The part of the span that is in the month."""
    begins = month.astimezone(UTC)
    ends = (begins + 32 * _DAY).replace(day=1)
    since, until = params["since"], params["until"]
    return {
        **params,
        "since": max(begins, since) if isinstance(since, datetime) else begins,
        "until": min(ends, until) if isinstance(until, datetime) else ends,
    }


def _why_none(connection: DuckDBPyConnection, wanted: Wanted) -> str:
    """What there is instead of what was wanted."""
    of_symbol = {"symbol": wanted.symbol}
    spans = {interval: span for interval, *span in _rows(connection, "spans", of_symbol)}
    if not spans:
        symbols = [symbol for (symbol,) in _rows(connection, "symbols")]
        near = [] if wanted.symbol in symbols else _near(wanted.symbol, symbols)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        return f"no candles of {wanted.symbol!r} are published{hint}"
    if wanted.interval not in spans:
        return (
            f"no {wanted.interval} candles of {wanted.symbol} are published; there are "
            f"{', '.join(spans)}"
        )
    first, last = spans[wanted.interval]
    return f"no {wanted}: there are some from {_in_words(first)} to {_in_words(last)} UTC"


def _near(symbol: str, symbols: list[str]) -> list[str]:
    """Names that somebody may have meant who typed another one."""
    by_small = {name.lower(): name for name in reversed(symbols)}
    close = get_close_matches(symbol.lower(), by_small, n=_CLOSE_ONES, cutoff=0.6)
    return [by_small[name] for name in close]


def _rows(
    connection: DuckDBPyConnection, name: str, params: Mapping[str, object] | None = None
) -> list[Any]:
    return fetch(connection, _sql(connection, name), params or {})


def _sql(connection: DuckDBPyConnection, name: str) -> str:
    """A query, over live and archived rows where there is a view of both."""
    table = HYPERLIQUID_CANDLES.name
    both = fetch(
        connection,
        "select view_name from duckdb_views() where view_name = ? "
        "and database_name = current_database()",
        [f"{table}_all"],
    )
    file = resources.files("market_assets.exports").joinpath("sql", f"{name}.sql")
    return file.read_text("utf-8").replace("{candles}", both[0][0] if both else table)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _in_words(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M}"
