"""Where a feature's words and NULLs begin: every threshold, with what it means.

The defaults are stated here once; `defs/` may pass others. A word (a regime, a pressure) is a
reading of figures that stand beside it in the row, so whoever disagrees can read them anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, kw_only=True)
class VolatilityThresholds:
    """When a day of 1-minute candles is enough, and what its volatility is called.

    Attributes:
        minimum_candles_24h: of the day's 1440, without a hole up to the last: with fewer, what
            speaks of 24 hours is NULL. Below 1440, so that a hole of almost a day ago does not
            silence it for the rest of that day.
        thin_traded_share_pct: with a smaller share of bars that traded, prices stood still for
            want of trades, not of volatility: `thin`.
        calm_below_rate: an annualised 24 h volatility below this is `calm`.
        elevated_from_rate: from here on `elevated`; between the two it is `normal`.
        extreme_from_rate: from here on `extreme`.
    """

    minimum_candles_24h: int = 1380
    thin_traded_share_pct: float = 10.0
    calm_below_rate: float = 0.3
    elevated_from_rate: float = 0.8
    extreme_from_rate: float = 1.5


@dataclass(frozen=True, kw_only=True)
class FundingThresholds:
    """When there is enough history of funding, and when it says that one side pays.

    The rate alone says little: while the premium is between -4 and +6 bps, the exchange pins it
    at 0.00125 % an hour, and half of all hours are exactly that. So a side pays when the rate has
    its sign, and the premium, its rank in a week or the rate's z-score stands out.

    Attributes:
        minimum_rates_24h: of the last 24 hourly rates; with fewer their mean is NULL.
        minimum_rates_7d: of the last 168 hourly rates; with fewer rank and z-score are NULL.
        newest_within: if the newest rate is older than this, nothing is said about the last day
            or week. Rates are fetched hourly: one missed turn is forgiven.
        longs_premium_bps: a premium from here on pushes the rate above its pin.
        shorts_premium_bps: a premium down to here pushes it below.
        high_percentile: a premium that ranks from here on stands out, if it is positive.
        low_percentile: a premium that ranks down to here stands out, if it is negative.
        zscore: a rate this many standard deviations from its mean stands out.
    """

    minimum_rates_24h: int = 22
    minimum_rates_7d: int = 152
    newest_within: timedelta = timedelta(hours=3)
    longs_premium_bps: float = 6.0
    shorts_premium_bps: float = -4.0
    high_percentile: float = 95.0
    low_percentile: float = 5.0
    zscore: float = 2.0


@dataclass(frozen=True, kw_only=True)
class PositioningThresholds:
    """Which earlier contexts a change may be measured against, and when it is a change at all.

    Attributes:
        tolerance_1h: the context of an hour earlier is the latest one at or before that instant,
            if it is not older than this on top; else the change is NULL.
        tolerance_24h: the same for 24 hours.
        quiet_oi_pct: open interest that changed by less within the hour did not change.
        quiet_mark_pct: a mark price that changed by less within the hour did not change.
    """

    tolerance_1h: timedelta = timedelta(minutes=10)
    tolerance_24h: timedelta = timedelta(minutes=30)
    quiet_oi_pct: float = 0.5
    quiet_mark_pct: float = 0.2


@dataclass(frozen=True, kw_only=True)
class LiquidityThresholds:
    """How a pair of books is read.

    Attributes:
        books_within: precise and coarse book of a symbol are of one market only if their instants
            are no further apart; else the coarse one is not used.
    """

    books_within: timedelta = timedelta(seconds=30)


@dataclass(frozen=True, kw_only=True)
class SignalThresholds:
    """From which score on something in a Polymarket market is a signal, by kind.

    Attributes:
        large_trade: a trade's price × size, in USD.
        volume_spike: the last hour's notional over the mean hour's of the week before.
        open_interest_jump: change of open interest within an hour, per cent.
        spread_blowout: the spread over its median of 24 hours.
        book_imbalance: difference of the two sides' depths over their sum, 0 to 1.
        price_jump: change of the mid within five minutes, cents.
        complement_arbitrage: what buying both outcomes leaves of a dollar, cents.
        negative_risk_arbitrage: what buying Yes of all outcomes leaves of a dollar, cents.
        asset_divergence: distance of Yes from the price's own probability, percentage points.
    """

    large_trade: float = 10_000.0
    volume_spike: float = 5.0
    open_interest_jump: float = 10.0
    spread_blowout: float = 5.0
    book_imbalance: float = 0.8
    price_jump: float = 5.0
    complement_arbitrage: float = 0.5
    negative_risk_arbitrage: float = 0.5
    asset_divergence: float = 10.0
