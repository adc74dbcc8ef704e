"""The variables that say where features' words begin: regimes, pressures and signals.

Read by `settings.py` with all others; what each threshold means is said in
`features/thresholds.py`, and the defaults are those.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Final

from market_assets.features import windows
from market_assets.features.thresholds import (
    FundingThresholds,
    PositioningThresholds,
    SignalThresholds,
    VolatilityThresholds,
)
from market_assets.settings.values import SettingError
from market_assets.tables.polymarket_signals import SIGNAL_KINDS

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

_RATE: Final = (0.0, 100.0)
_PERCENT: Final = (0.0, 100.0)
_RATIO: Final = (0.0, 1e6)
_CENTS: Final = (0.0, 100.0)
_BPS: Final = (-10_000.0, 10_000.0)

_VARIABLES: Final[dict[str, tuple[str, tuple[float, float], str]]] = {
    "MARKET_VOLATILITY_THIN_BELOW_TRADED_PCT": (
        "volatility.thin_traded_share_pct",
        _PERCENT,
        "regime thin: fewer 1-minute candles than this traded, per cent",
    ),
    "MARKET_VOLATILITY_CALM_BELOW": (
        "volatility.calm_below_rate",
        _RATE,
        "regime calm: annualised 24 h volatility below this (0.3 is 30 %)",
    ),
    "MARKET_VOLATILITY_ELEVATED_FROM": (
        "volatility.elevated_from_rate",
        _RATE,
        "regime elevated: from this on; normal between",
    ),
    "MARKET_VOLATILITY_EXTREME_FROM": (
        "volatility.extreme_from_rate",
        _RATE,
        "regime extreme: from this on",
    ),
    "MARKET_FUNDING_LONGS_PREMIUM_BPS": (
        "funding.longs_premium_bps",
        _BPS,
        "longs_pay: from this premium on",
    ),
    "MARKET_FUNDING_SHORTS_PREMIUM_BPS": (
        "funding.shorts_premium_bps",
        _BPS,
        "shorts_pay: down to this premium",
    ),
    "MARKET_FUNDING_HIGH_PERCENTILE": (
        "funding.high_percentile",
        _PERCENT,
        "longs_pay: from this rank of the premium in a week on",
    ),
    "MARKET_FUNDING_LOW_PERCENTILE": (
        "funding.low_percentile",
        _PERCENT,
        "shorts_pay: down to this rank of the premium in a week",
    ),
    "MARKET_FUNDING_ZSCORE": (
        "funding.zscore",
        (0.0, 100.0),
        "either: a rate so many standard deviations from its week's mean",
    ),
    "MARKET_POSITIONING_QUIET_OI_PCT": (
        "positioning.quiet_oi_pct",
        _PERCENT,
        "pressure quiet: open interest changed by less within an hour, per cent",
    ),
    "MARKET_POSITIONING_QUIET_MARK_PCT": (
        "positioning.quiet_mark_pct",
        _PERCENT,
        "pressure quiet: the mark price changed by less within an hour, per cent",
    ),
    "MARKET_SIGNAL_LARGE_TRADE": (
        "signals.large_trade",
        (0.0, 1e12),
        "signal: a trade of so many USD that is among the market's largest hundredth of a week",
    ),
    "MARKET_SIGNAL_VOLUME_SPIKE": (
        "signals.volume_spike",
        _RATIO,
        "signal: an hour's trades, by the mean hour of the week before",
    ),
    "MARKET_SIGNAL_OPEN_INTEREST_JUMP": (
        "signals.open_interest_jump",
        _RATIO,
        "signal: change of open interest within an hour, per cent",
    ),
    "MARKET_SIGNAL_SPREAD_BLOWOUT": (
        "signals.spread_blowout",
        _RATIO,
        "signal: a spread, by its median of 24 hours",
    ),
    "MARKET_SIGNAL_BOOK_IMBALANCE": (
        "signals.book_imbalance",
        (0.0, 1.0),
        "signal: difference of a book's two depths by their sum",
    ),
    "MARKET_SIGNAL_PRICE_JUMP": (
        "signals.price_jump",
        _CENTS,
        "signal: change of a mid within 5 minutes, cents",
    ),
    "MARKET_SIGNAL_COMPLEMENT_ARBITRAGE": (
        "signals.complement_arbitrage",
        _CENTS,
        "signal: what buying both outcomes leaves of a dollar, cents",
    ),
    "MARKET_SIGNAL_NEGATIVE_RISK_ARBITRAGE": (
        "signals.negative_risk_arbitrage",
        _CENTS,
        "signal: what buying Yes of all outcomes leaves of a dollar, cents",
    ),
    "MARKET_SIGNAL_ASSET_DIVERGENCE": (
        "signals.asset_divergence",
        _PERCENT,
        "signal: distance of Yes from the probability of the asset's price, points",
    ),
}
SIGNAL_ALERTS: Final = "MARKET_SIGNAL_ALERTS"


@dataclass(frozen=True)
class FeatureThresholds:
    """Where the words of each feature begin."""

    volatility: VolatilityThresholds = field(default_factory=VolatilityThresholds)
    funding: FundingThresholds = field(default_factory=FundingThresholds)
    positioning: PositioningThresholds = field(default_factory=PositioningThresholds)
    signals: SignalThresholds = field(default_factory=SignalThresholds)

    def disorder(self) -> str | None:
        """What is wrong with the order of the thresholds; None if nothing is."""
        volatility, funding = self.volatility, self.funding
        rates = (
            volatility.calm_below_rate,
            volatility.elevated_from_rate,
            volatility.extreme_from_rate,
        )
        if list(rates) != sorted(rates):
            return f"volatility regimes begin at {rates}, which does not rise"
        if funding.shorts_premium_bps >= funding.longs_premium_bps:
            return "MARKET_FUNDING_SHORTS_PREMIUM_BPS is not below the longs' one"
        if funding.low_percentile >= funding.high_percentile:
            return "MARKET_FUNDING_LOW_PERCENTILE is not below the high one"
        return None


LEAST_RETENTION: Final[dict[str, timedelta]] = {
    "MARKET_KEEP_CANDLES_1M_HOURS": windows.LEAST["1m"],
    "MARKET_KEEP_CANDLES_1H_HOURS": windows.LEAST["1h"],
    "MARKET_KEEP_CONTEXTS_HOURS": windows.CONTEXTS,
    "MARKET_KEEP_FUNDING_RATES_HOURS": windows.FUNDING_RATES,
    "MARKET_KEEP_BOOK_TOPS_HOURS": windows.BOOK_TOPS,
    "MARKET_KEEP_MARKET_METRICS_HOURS": windows.MARKET_METRICS,
    "MARKET_KEEP_POLYMARKET_TRADES_HOURS": windows.POLYMARKET_TRADES,
}
"""How long rows must be kept for every feature to have its window, by the variable that says so."""


def variables() -> tuple[tuple[str, str, str], ...]:
    """Name, default and meaning of each variable."""
    defaults = FeatureThresholds()
    found = []
    for name, (path, _, doc) in _VARIABLES.items():
        group, attribute = path.split(".")
        found.append((name, f"{getattr(getattr(defaults, group), attribute):g}", doc))
    return tuple(found)


def read(number: Callable[[str, float, float], float]) -> FeatureThresholds:
    """The thresholds as the variables have them.

    Args:
        number: the value of a variable that lies between a least and a most.
    """
    chosen: dict[str, dict[str, float]] = {f.name: {} for f in fields(FeatureThresholds)}
    for name, (path, (least, most), _) in _VARIABLES.items():
        group, attribute = path.split(".")
        chosen[group][attribute] = number(name, least, most)
    return FeatureThresholds(
        volatility=VolatilityThresholds(**chosen["volatility"]),  # type: ignore[arg-type]  # all of them floats
        funding=FundingThresholds(**chosen["funding"]),  # type: ignore[arg-type]  # all of them floats
        positioning=PositioningThresholds(**chosen["positioning"]),  # type: ignore[arg-type]  # all of them floats
        signals=SignalThresholds(**chosen["signals"]),
    )


def signal_alerts(names: Callable[[str], tuple[str, ...]]) -> tuple[str, ...]:
    """The kinds of signals that are posted, from the value of `MARKET_SIGNAL_ALERTS`.

    Args:
        names: the value of a variable that is a comma-separated list.

    Raises:
        SettingError: one of them is no kind.
    """
    kinds = tuple(dict.fromkeys(name.lower() for name in names(SIGNAL_ALERTS)))
    for kind in kinds:
        if kind not in SIGNAL_KINDS:
            raise SettingError(
                f"{SIGNAL_ALERTS} names {kind!r}, which is no kind of signal; it may name "
                f"{', '.join(SIGNAL_KINDS)}"
            )
    return kinds
