"""Candles of a day of the past, of every symbol, as far back as the exchange keeps them.

The exchange keeps the newest 5,000 candles of an interval: of 1-minute ones three and a half days.
Where a day was broken off, the next run leaves out the symbols that are complete.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Final

from market_assets.clock import floor, interval_length
from market_assets.ingestion.hyperliquid.past_reading import PastRead, read_each
from market_assets.ingestion.past_rows import write_past
from market_assets.sources.errors import NotServed
from market_assets.sources.hyperliquid import frames, weights
from market_assets.sources.hyperliquid.endpoint import VENUE
from market_assets.storage.common.changes import Written
from market_assets.tables import HYPERLIQUID_CANDLES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from market_assets.clock import Clock
    from market_assets.sources.hyperliquid.client import HyperliquidClient
    from market_assets.sources.hyperliquid.model import Candle
    from market_assets.storage.api import Store
    from market_assets.storage.common.runs import IngestionRun

CHANNEL: Final = "candles_history"
_DAY: Final = timedelta(days=1)
_STORED: Final = (
    "select symbol, open_at from hyperliquid_candles"
    " where interval = $interval and open_at >= $begins and open_at < $ends and is_closed"
)
_LISTED: Final = (
    "select symbol from hyperliquid_assets where not is_delisted and (kind = 'perp' or not $perps)"
    " order by kind = 'spot', dex, symbol"
)


@dataclass
class CandleDay(PastRead):
    """What was read of a day.

    Attributes:
        complete: symbols that were complete already.
        from_at: from when on the exchange has candles, where that is later than the day's begin.
    """

    complete: int = 0
    from_at: datetime | None = None


def oldest_served(interval: str, now: datetime) -> datetime:
    """The opening of the oldest candle of an interval that the exchange still has."""
    length = interval_length(interval)
    return floor(now, length) - (weights.MAX_CANDLES - 1) * length


def check_served(day: date, interval: str, now: datetime) -> None:
    """Nothing, where the exchange has something of the day.

    Raises:
        NotServed: it is too long ago, or has not begun.
    """
    begins = _midnight(day)
    if begins > now:
        raise NotServed(VENUE, f"{day} has not begun; it is {now:%Y-%m-%d %H:%M} UTC")
    oldest = oldest_served(interval, now)
    if begins + _DAY <= oldest:
        first = _midnight(oldest.date())
        whole = first if first == oldest else first + _DAY
        raise NotServed(
            VENUE,
            f"the exchange no longer has {interval} candles of {day}: it keeps the newest "
            f"{weights.MAX_CANDLES:,}, from {oldest:%Y-%m-%d %H:%M} UTC on; days that it has whole "
            f"are {whole.date()} to {now.date()}",
        )


def read_day(
    client: HyperliquidClient,
    store: Store,
    day: date,
    interval: str,
    *,
    symbols: Sequence[str],
    retention: Mapping[str, timedelta],
    clock: Clock,
    run: IngestionRun,
    progress: Callable[[PastRead], None] = lambda _: None,
) -> CandleDay:
    """Read the candles of a day that are over, and write them where they stay.

    Args:
        client: the exchange, on the account of `backfill`: live work goes first.
        store: the database.
        day: in UTC.
        interval: of the exchange's own.
        symbols: whose candles.
        retention: how long rows are kept, by setting.
        clock: for what is over, and for the time of receipt.
        run: counts the rows.
        progress: is told now and then how far it is.

    Raises:
        NotServed: the exchange has nothing of the day.
        VenueError: nothing could be had of it.
    """
    now = clock.now()
    check_served(day, interval, now)
    begins, ends = _midnight(day), min(_midnight(day) + _DAY, now)
    oldest = oldest_served(interval, now)
    read = CandleDay(
        Written(HYPERLIQUID_CANDLES.name),
        "candles",
        symbols=len(symbols),
        from_at=oldest if oldest > begins else None,
    )
    whole = complete(store, day, interval, until=ends)
    read.complete = read.done = sum(symbol in whole for symbol in symbols)

    def write(candles: list[Candle]) -> Written:
        run.left_out = {f"candles of {symbol}": why for symbol, why in read.failed.items()}
        return write_past(
            store,
            HYPERLIQUID_CANDLES,
            frames.candles(candles, "rest", clock.now()),
            kept=kept(interval, retention),
            now=clock.now(),
            run=run,
        )

    read_each(
        read,
        [symbol for symbol in symbols if symbol not in whole],
        lambda symbol: [
            candle for candle in client.candles(symbol, interval, begins, ends) if candle.is_closed
        ],
        write,
        clock=clock,
        progress=progress,
    )
    return read


def complete(store: Store, day: date, interval: str, *, until: datetime) -> frozenset[str]:
    """Symbols that have every candle of the day that is over by an instant, live or archived."""
    begins = _midnight(day)
    expected = int((until - begins) / interval_length(interval))
    params: dict[str, object] = {"interval": interval, "begins": begins, "ends": until}
    live = store.read(_STORED, params)
    past = store.kept(HYPERLIQUID_CANDLES, day, ("symbol", "interval", "open_at", "is_closed"))
    past = past.filter((past["interval"] == interval) & past["is_closed"])
    both = live.vstack(past.select(live.columns)).unique().group_by("symbol").len("candles")
    return frozenset(both.filter(both["candles"] >= expected)["symbol"].to_list())


def listed_symbols(store: Store, *, perps_only: bool = False) -> list[str]:
    """What the exchange lists now, perpetuals first."""
    found: list[str] = store.read(_LISTED, {"perps": perps_only})["symbol"].to_list()
    return found


def kept(interval: str, retention: Mapping[str, timedelta]) -> timedelta | None:
    """How long the table keeps candles of an interval; None: for ever.

    Args:
        interval: the exchange's name of it.
        retention: by setting; without one, the table's default.
    """
    for rule in HYPERLIQUID_CANDLES.retention:
        if rule.only in (None, ("interval", interval)):
            return rule.age(retention)
    return None


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
