"""How much history features ask for: what is read for them, and what retention keeps at the least.

A window is counted back from the close of its newest candle, which may itself be some minutes old.
A return or a true range needs the candle before the window as well. Of minutes both come on top of
what stands here (`derived/inputs.py`, and `Retention.slack` of the table).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

MINUTES_OF_A_DAY: Final = 1440
"""Candles of `1m` in the 24-hour window of the volatility."""
INDICATOR_CANDLES: Final = 34
"""From so many candles on the slowest technical indicator (MACD with its signal) has a value."""
LOOK_BACK: Final = {"1m": timedelta(minutes=MINUTES_OF_A_DAY), "1h": timedelta(days=7)}
"""How far back candles are used, by interval. Indicators over `1h` use all that there are."""
LEAST: Final = {"1m": LOOK_BACK["1m"], "1h": timedelta(hours=INDICATOR_CANDLES + 3)}
"""With candles of a shorter time some feature would not always have its window, by interval: for
`1h` with the candle before, and a newest one that opened up to two hours ago."""
CONTEXTS: Final = timedelta(hours=25)
"""A change over 24 hours is measured against a context of so long ago at most."""
FUNDING_RATES: Final = timedelta(hours=172)
"""A week of hourly rates before a newest one that may be four hours old."""
BOOK_TOPS: Final = timedelta(hours=25)
"""A spread is held against the median of 24 hours before a top that may be some minutes old."""
MARKET_METRICS: Final = timedelta(hours=2)
"""Changes of open interest within an hour, of each instant of the last hour."""
POLYMARKET_TRADES: Final = timedelta(hours=170)
"""A week before the hour that is held against it, of each minute of the last hour."""
