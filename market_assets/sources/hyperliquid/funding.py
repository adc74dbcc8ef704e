"""Funding payments of one perp, page by page.

A page has 500 rows at most, and `startTime` is inclusive. A payment's time is its hour and some
jitter (tens of milliseconds; once 24 minutes), so it is floored to the hour. Until June 2023 the
exchange paid every eight hours.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from market_assets.clock import floor_ms, to_ms
from market_assets.sources.errors import VenueNonsense
from market_assets.sources.hyperliquid import weights
from market_assets.sources.hyperliquid.endpoint import VENUE
from market_assets.sources.hyperliquid.market_wire import decode_payments
from market_assets.sources.hyperliquid.model import FundingRate

if TYPE_CHECKING:
    from market_assets.sources.hyperliquid.endpoint import InfoEndpoint

HOUR: Final = timedelta(hours=1)
_HOUR_MS: Final = 3_600_000
_LAST_OF_EIGHT_HOURS_MS: Final = to_ms(datetime(2023, 6, 8, tzinfo=UTC))
"""The last payment for eight hours; the next one was an hour later."""


class FundingHistory(NamedTuple):
    """Payments of one perp as they were answered.

    Attributes:
        rates: ascending, one per hour.
        unreadable: payments that made no sense: some hour without a rate may have been theirs.
    """

    rates: list[FundingRate]
    unreadable: int


def read_funding(info: InfoEndpoint, symbol: str, start: datetime, end: datetime) -> FundingHistory:
    """Payments of the hours that begin in `[start, end)`.

    Raises:
        VenueRejected: the symbol is not known.
        VenueNonsense: rows came, and none of them makes sense.
    """
    start_ms, end_ms = floor_ms(max(0, to_ms(start)), HOUR), to_ms(end)
    rates: dict[int, FundingRate] = {}
    faults: list[str] = []
    page_ms = start_ms
    while page_ms < end_ms:
        expected = -(-(end_ms - page_ms) // _HOUR_MS)
        rows = info.ask(
            {
                "type": "fundingHistory",
                "coin": symbol,
                "startTime": page_ms,
                "endTime": end_ms - 1,
            },
            weights.funding(expected),
            decode_payments,
        )
        faults += [fault.reason for fault in rows.faults]
        newest_ms = 0
        for row in rows.items:
            if row is None:
                continue
            hour_ms = floor_ms(row.time, HOUR)
            if start_ms <= hour_ms < end_ms:  # a time that cannot be must not end the walk
                newest_ms = max(newest_ms, row.time)
            if row.coin != symbol:
                faults.append(f"a payment of {row.coin}")
            elif not math.isfinite(row.funding_rate) or not start_ms <= hour_ms < end_ms:
                faults.append(f"rate {row.funding_rate} at {row.time}")
            else:
                rates[hour_ms] = _rate(symbol, hour_ms, row.funding_rate, row.premium)
        if len(rows.items) < weights.FUNDING_ROWS or newest_ms < page_ms:
            break
        page_ms = newest_ms + 1
    if faults and not rates:
        raise VenueNonsense(VENUE, f"no payment of {symbol} is sound: {faults[0]}")
    info.note(f"funding of {symbol}", faults)
    return FundingHistory([rates[hour_ms] for hour_ms in sorted(rates)], len(faults))


def _rate(symbol: str, hour_ms: int, rate: float, premium: float | None) -> FundingRate:
    given = premium if premium is not None and math.isfinite(premium) else None
    return FundingRate(symbol, hour_ms, rate, given, 8 if hour_ms <= _LAST_OF_EIGHT_HOURS_MS else 1)
