"""Payments of funding of a month of the past, of every perpetual."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Final

from market_assets.ingestion.hyperliquid.past_reading import PastRead, read_each
from market_assets.ingestion.past_rows import write_past
from market_assets.sources.errors import NotServed
from market_assets.sources.hyperliquid import frames
from market_assets.sources.hyperliquid.endpoint import VENUE
from market_assets.storage.common.changes import Written
from market_assets.tables import HYPERLIQUID_FUNDING_RATES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import timedelta

    from market_assets.clock import Clock
    from market_assets.sources.hyperliquid.client import HyperliquidClient
    from market_assets.sources.hyperliquid.model import FundingRate
    from market_assets.storage.api import Store
    from market_assets.storage.common.runs import IngestionRun

CHANNEL: Final = "funding_history"
_DECEMBER: Final = 12


def read_month(
    client: HyperliquidClient,
    store: Store,
    month: date,
    *,
    symbols: Sequence[str],
    retention: Mapping[str, timedelta],
    clock: Clock,
    run: IngestionRun,
    progress: Callable[[PastRead], None] = lambda _: None,
) -> PastRead:
    """Read the payments of a month, and write them where they stay.

    Args:
        client: the exchange, on the account of `backfill`: live work goes first.
        store: the database.
        month: its first day, in UTC.
        symbols: whose payments.
        retention: how long rows are kept, by setting.
        clock: for the present, and for the time of receipt.
        run: counts the rows.
        progress: is told now and then how far it is.

    Raises:
        NotServed: the month has not begun.
        VenueError: nothing could be had of the exchange.
    """
    begins = datetime(month.year, month.month, 1, tzinfo=UTC)
    year, ends_in = month.year + month.month // _DECEMBER, month.month % _DECEMBER + 1
    now = clock.now()
    if begins > now:
        raise NotServed(VENUE, f"{month:%B %Y} has not begun; it is {now:%Y-%m-%d %H:%M} UTC")
    ends = min(datetime(year, ends_in, 1, tzinfo=UTC), now)
    [rule] = HYPERLIQUID_FUNDING_RATES.retention
    read = PastRead(Written(HYPERLIQUID_FUNDING_RATES.name), "payments", symbols=len(symbols))

    def write(rates: list[FundingRate]) -> Written:
        run.left_out = {f"payments of {symbol}": why for symbol, why in read.failed.items()}
        return write_past(
            store,
            HYPERLIQUID_FUNDING_RATES,
            frames.funding_rates(rates, clock.now()),
            kept=rule.age(retention),
            now=clock.now(),
            run=run,
        )

    read_each(
        read,
        symbols,
        lambda symbol: client.funding_history(symbol, begins, ends).rates,
        write,
        clock=clock,
        progress=progress,
    )
    return read
