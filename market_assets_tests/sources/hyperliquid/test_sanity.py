"""What no market can have is dropped, with a reason; what is merely odd is kept."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_assets.sources.hyperliquid.sanity import candle_fault, sound_mids
from market_assets.sources.hyperliquid.wire import CandleUpdate

from .payloads import OPEN_MS

SOUND: dict[str, Any] = {
    "symbol": "BTC",
    "interval": "1m",
    "open_ms": OPEN_MS,
    "open": 10.0,
    "high": 12.0,
    "low": 9.0,
    "close": 11.0,
    "volume": 5.0,
    "trades": 3,
}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"open": 10.0, "high": 10.0, "low": 10.0, "close": 10.0, "volume": 0.0, "trades": 0},
        {"high": 1e9},
        {"interval": "1h", "open_ms": 1_785_052_800_000},
        {"volume": 0.0},
    ],
    ids=["usual", "flat", "spike", "hour", "no volume"],
)
def test_sound_candles(changes: dict[str, Any]) -> None:
    assert candle_fault(CandleUpdate(**SOUND | changes)) is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"open": math.nan}, "outside"),
        ({"close": math.nan}, "outside"),
        ({"high": math.nan}, "outside"),
        ({"low": math.nan}, "outside"),
        ({"high": math.inf}, "no price"),
        ({"low": -math.inf}, "no price"),
        ({"open": 0.0, "high": 0.0, "low": 0.0, "close": 0.0}, "no price"),
        ({"low": -1.0}, "no price"),
        ({"low": 13.0}, "outside"),
        ({"open": 12.5}, "outside"),
        ({"close": 8.5}, "outside"),
        ({"volume": -1.0}, "no count"),
        ({"trades": 2**63}, "no count"),
        ({"volume": math.nan}, "no count"),
        ({"volume": math.inf}, "no count"),
        ({"trades": -1}, "no count"),
        ({"open_ms": OPEN_MS + 1}, "grid"),
        ({"open_ms": OPEN_MS // 1000}, "grid"),
        ({"open_ms": OPEN_MS * 1000}, "grid"),
        ({"interval": "7m"}, "grid"),
        ({"interval": "1h"}, "grid"),
    ],
)
def test_impossible_candles(changes: dict[str, Any], reason: str) -> None:
    fault = candle_fault(CandleUpdate(**SOUND | changes))
    assert fault is not None
    assert reason in fault


def test_float_noise_widens_the_range() -> None:
    """So that low ≤ open, close ≤ high holds exactly in the table."""
    noisy = CandleUpdate(**SOUND | {"close": 12.0000000001, "open": 8.9999999999})
    assert candle_fault(noisy) is None
    assert (noisy.low, noisy.high) == (8.9999999999, 12.0000000001)


PRICE = st.floats(allow_nan=True, allow_infinity=True)


@given(open_=PRICE, high=PRICE, low=PRICE, close=PRICE)
def test_what_passes_is_in_order(open_: float, high: float, low: float, close: float) -> None:
    candle = CandleUpdate(**SOUND | {"open": open_, "high": high, "low": low, "close": close})
    if candle_fault(candle) is None:
        assert 0 < candle.low <= candle.open <= candle.high < math.inf
        assert candle.low <= candle.close <= candle.high


def test_mids_that_are_no_price() -> None:
    mids = {"A": 1.0, "B": 0.0, "C": -2.0, "D": math.nan, "E": math.inf, "F": 5e-324}
    sound, faults = sound_mids(mids)
    assert sound == {"A": 1.0, "F": 5e-324}
    assert set(faults) == {"B", "C", "D", "E"}
    assert "nan" in faults["D"]
    assert msgspec.json.encode(sound)  # and nothing in it that JSON could not say
