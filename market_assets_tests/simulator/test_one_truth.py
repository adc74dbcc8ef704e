"""Trades are the source: candles, roll-ups, books, mids, contexts and funding agree with them."""

from __future__ import annotations

import json
import subprocess
import sys
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market_simulator.hyperliquid.bars import INTERVALS, MINUTE_MS
from market_simulator.hyperliquid.market import Query
from market_simulator.hyperliquid.synthetic import tape
from market_simulator.hyperliquid.synthetic.market import SyntheticMarket
from market_simulator.hyperliquid.synthetic.universe import Size, Universe
from market_simulator.refused import Refused

START = 1_780_000_000_000
MARKET = SyntheticMarket(Universe(7, Size(main=170, builder=12, spot=40)))
FEW = SyntheticMarket(Universe(7, Size(main=10, builder=2, spot=3)))
LIVE = [a.coin for a in MARKET.universe.assets.values() if a.trades_at(START)]
BUSY = [c for c in LIVE if MARKET.universe.assets[c].blocks >= 3]
SPARSE = [c for c in LIVE if c not in BUSY]

coins = st.one_of(st.sampled_from(BUSY), st.sampled_from(SPARSE))
instants = st.integers(START, START + 400 * 86_400_000)


def of_trades(trades: list[dict], t: int, length_ms: int) -> dict | None:
    """The candle that a list of trades makes."""
    inside = [x for x in trades if t <= x["time"] < t + length_ms]
    if not inside:
        return None
    px = [Decimal(x["px"]) for x in inside]
    return {
        "o": px[0],
        "h": max(px),
        "l": min(px),
        "c": px[-1],
        "v": sum(Decimal(x["sz"]) for x in inside),
        "n": len(inside),
    }


def numbers(row: dict) -> dict:
    return {k: Decimal(row[k]) if k in "ohlcv" else row[k] for k in "ohlcvn"}


@settings(max_examples=20, deadline=None)
@given(coin=coins, now=instants, minutes=st.integers(1, 20))
def test_a_candle_is_the_candle_of_its_trades(coin: str, now: int, minutes: int) -> None:
    """Every 1m row, the forming one included, is made of exactly the trades that are told."""
    start = now - minutes * MINUTE_MS
    rows = MARKET.candles(coin, "1m", start, now, now)
    first = start // MINUTE_MS * MINUTE_MS
    trades = MARKET.trades(coin, first - 1, now)
    assert all(first <= x["time"] <= now for x in trades)
    previous = None
    for row in rows:
        made = of_trades(trades, row["t"], MINUTE_MS)
        if made is None:
            assert row["n"] == 0
            assert row["v"] == "0.0"
            assert row["o"] == row["h"] == row["l"] == row["c"]
            assert previous in (None, row["c"])
        else:
            found = numbers(row)
            assert abs(found.pop("v") - made.pop("v")) < Decimal("1e-6")
            assert found == made
        previous = row["c"]
    assert sum(r["n"] for r in rows) == len(trades)


@settings(max_examples=15, deadline=None)
@given(coin=st.sampled_from(SPARSE), now=instants)
def test_flat_rows_stand_at_the_last_price_that_traded(coin: str, now: int) -> None:
    """However long ago that was."""
    row = MARKET.candles(coin, "1m", now, now, now)[0]
    before = MARKET.recent_trades(coin, row["t"] - 1, 1)
    if row["n"] == 0:
        assert row["c"] == before[-1]["px"]
    else:
        assert row["o"] == MARKET.trades(coin, row["t"] - 1, now)[0]["px"]


@settings(max_examples=12, deadline=None)
@given(
    coin=coins,
    now=instants,
    interval=st.sampled_from([i for i in INTERVALS if INTERVALS[i] <= 240 and i != "1m"]),
)
def test_longer_candles_are_roll_ups_of_minutes(coin: str, now: int, interval: str) -> None:
    """Opens are the first price that traded; everything else is that of the minutes inside."""
    length = INTERVALS[interval] * MINUTE_MS
    rows = MARKET.candles(coin, interval, now - 3 * length, now, now)
    assert [r["t"] for r in rows] == sorted({now // length * length - i * length for i in range(4)})
    minutes = MARKET.candles(coin, "1m", rows[0]["t"], now, now)
    for row in rows:
        inside = [m for m in minutes if row["t"] <= m["t"] <= row["T"]]
        traded = [numbers(m) for m in inside if m["n"]]
        assert row["n"] == sum(m["n"] for m in traded)
        assert row["c"] == inside[-1]["c"]
        if traded:
            assert Decimal(row["o"]) == traded[0]["o"]
            assert Decimal(row["h"]) == max(m["h"] for m in traded)
            assert Decimal(row["l"]) == min(m["l"] for m in traded)
            assert float(row["v"]) == pytest.approx(float(sum(m["v"] for m in traded)))
        else:
            assert row["v"] == "0.0"
            assert row["o"] == row["c"] == inside[0]["c"]


@settings(max_examples=20, deadline=None)
@given(coin=coins, now=instants)
def test_trades_print_at_the_book_of_their_instant(coin: str, now: int) -> None:
    """A buy lifts the ask that `l2Book` shows at that instant or goes deeper, a sell the bid."""
    trades = MARKET.recent_trades(coin, now, 3)
    for trade in trades:
        book = MARKET.book(coin, trade["time"], levels=1, figures=None, mantissa=None)
        bid, ask = (Decimal(side[0]["px"]) for side in book["levels"])
        assert bid < ask
        price = Decimal(trade["px"])
        assert price >= ask if trade["side"] == "B" else price <= bid
        assert abs(price / (ask if trade["side"] == "B" else bid) - 1) < Decimal("0.002")


@settings(max_examples=20, deadline=None)
@given(coin=coins, now=instants)
def test_books_lie_on_ticks_in_order(coin: str, now: int) -> None:
    """Five significant figures or an integer, bids falling and asks rising, sizes in lots."""
    asset = MARKET.universe.assets[coin]
    book = MARKET.book(coin, now, levels=20, figures=None, mantissa=None)
    bids, asks = ([Decimal(level["px"]) for level in side] for side in book["levels"])
    assert len(bids) == len(asks) == 20
    assert bids == sorted(set(bids), reverse=True)
    assert asks == sorted(set(asks))
    for price in (*bids, *asks):
        _, digits, exponent = price.normalize().as_tuple()
        assert len(digits) <= 5 or exponent >= 0
        assert -exponent <= asset.scale.px_decimals
    for level in (*book["levels"][0], *book["levels"][1]):
        assert -Decimal(level["sz"]).normalize().as_tuple().exponent <= asset.scale.sz_decimals
        assert level["n"] >= 1


@settings(max_examples=5, deadline=None)
@given(now=instants)
def test_mids_contexts_and_books_tell_one_story(now: int) -> None:
    """allMids, midPx and the middle of the book are one number; the premium is the formula's."""
    mids = FEW.mids("", now)
    meta, contexts = FEW.answer(Query("metaAndAssetCtxs"), now)
    for asset, context in zip(meta["universe"], contexts, strict=True):
        coin = asset["name"]
        if asset.get("isDelisted"):
            assert context["midPx"] is context["premium"] is context["impactPxs"] is None
            assert float(context["markPx"]) > 0
            assert context["openInterest"] == context["dayNtlVlm"] == "0.0"
            assert float(mids[coin]) > 0
            continue
        book = FEW.book(coin, now, levels=20, figures=None, mantissa=None)
        bid, ask = (Decimal(side[0]["px"]) for side in book["levels"])
        assert Decimal(mids[coin]) == Decimal(context["midPx"]) == (bid + ask) / 2
        assert float(context["markPx"]) == pytest.approx(float(mids[coin]), rel=0.01)
        if context["impactPxs"] is not None:
            low, high = map(float, context["impactPxs"])
            assert low <= float(bid)
            assert high >= float(ask)
            oracle = float(context["oraclePx"])
            premium = (max(low - oracle, 0) - max(oracle - high, 0)) / oracle
            assert float(context["premium"]) == pytest.approx(premium, abs=1e-9)


def test_impact_prices_are_those_of_walking_the_book() -> None:
    """The average price of selling the impact notional into the bids that are shown."""
    asset = MARKET.universe.assets["ATOM"]
    now = START + 123_456
    book = MARKET.book("ATOM", now, levels=20, figures=None, mantissa=None)
    left, got = asset.impact_usd, 0.0
    for level in book["levels"][0]:
        value = min(float(level["px"]) * float(level["sz"]), left)
        got += value / float(level["px"])
        left -= value
    context = MARKET.contexts(["ATOM"], now)[0][2]["ctx"]
    assert left < 1e-9
    assert float(context["impactPxs"][0]) == pytest.approx(asset.impact_usd / got, rel=1e-4)


def test_day_volumes_are_sums_over_the_tape() -> None:
    """DayNtlVlm and dayBaseVlm are what the last 1,440 whole minutes traded."""
    now = START + 5_000_000
    end = now // MINUTE_MS * MINUTE_MS
    coin = SPARSE[0]
    trades = MARKET.trades(coin, end - 1440 * MINUTE_MS - 1, end - 1)
    context = MARKET.contexts([coin], now)[0][2]["ctx"]
    notional = sum(float(x["px"]) * float(x["sz"]) for x in trades)
    assert float(context["dayNtlVlm"]) == pytest.approx(notional, rel=1e-9)
    base = sum(float(x["sz"]) for x in trades)
    assert float(context["dayBaseVlm"]) == pytest.approx(base, rel=1e-9)


def test_funding_rows_follow_the_formula_and_the_calendar() -> None:
    """One row an hour, a little late; rate = (premium + clamp(interest - premium)) / 8."""
    now = START + 40 * 86_400_000
    rows = MARKET.answer(Query("fundingHistory", coin="BTC", start_ms=now - 30 * 86_400_000), now)
    assert len(rows) == 500
    hours = [row["time"] // 3_600_000 for row in rows]
    assert hours == list(range(hours[0], hours[0] + 500))
    assert all(0 <= row["time"] % 3_600_000 < 200 for row in rows)
    for row in rows:
        premium = float(row["premium"])
        expected = (premium + np.clip(1e-4 - premium, -5e-4, 5e-4)) / 8
        assert float(row["fundingRate"]) == pytest.approx(expected, abs=2e-10)
    pinned = sum(row["fundingRate"] == "0.0000125" for row in rows)
    assert 0 < pinned < 500
    page = MARKET.answer(Query("fundingHistory", coin="BTC", start_ms=rows[-1]["time"]), now)
    assert page[0] == rows[-1]


def test_the_context_s_rate_ends_as_the_hour_s_payment() -> None:
    """The running rate of the last minute of an hour is what is then paid."""
    hour = START // 3_600_000 * 3_600_000
    context = MARKET.contexts(["ETH"], hour + 3_599_999)[0][2]["ctx"]
    query = Query("fundingHistory", coin="ETH", start_ms=hour + 3_600_000)
    row = MARKET.answer(query, hour + 7_000_000)
    assert row[0]["fundingRate"] == context["funding"]


def test_only_the_newest_5000_candles_are_kept() -> None:
    """A longer range gives the newest 5,000 rows; a range before them gives nothing."""
    rows = MARKET.candles("ADA", "1m", START - 10**9, START, START)
    assert len(rows) == 5000
    assert rows[-1]["t"] <= START <= rows[-1]["T"]
    assert MARKET.candles("ADA", "1m", 0, START - 5001 * MINUTE_MS, START) == []


def test_the_candle_that_contains_the_start_is_returned() -> None:
    """A row's time may lie before startTime, as at the exchange."""
    rows = MARKET.candles("BTC", "1h", START - 5_400_000, START - 3_600_000, START)
    assert rows[0]["t"] < START - 5_400_000 <= rows[0]["T"]


def test_most_of_the_long_tail_is_flat() -> None:
    """Some symbols trade in few minutes of a day; their rows are there all the same."""
    shares = []
    for coin in SPARSE:
        rows = MARKET.candles(coin, "1m", START - 1439 * MINUTE_MS, START, START)
        assert len(rows) in (1440, 0) or rows[0]["n"]
        shares += [sum(r["n"] > 0 for r in rows) / max(len(rows), 1)]
    assert float(np.median(shares)) < 0.2


def test_an_unknown_coin_is_refused_or_null() -> None:
    """500 null for candles, plain null for books."""
    with pytest.raises(Refused) as refused:
        MARKET.candles("NOPE", "1m", 0, START, START)
    assert (refused.value.status, refused.value.body) == (500, "null")
    assert MARKET.answer(Query("l2Book", coin="NOPE"), START) is None


def test_two_processes_with_one_seed_agree() -> None:
    """The same candles, mids and contexts in another process; others with another seed."""
    script = (
        "import json,sys;"
        "from market_simulator.hyperliquid.synthetic.market import SyntheticMarket as M;"
        "from market_simulator.hyperliquid.synthetic.universe import Size, Universe;"
        "from market_simulator.hyperliquid.market import Query;"
        "m=M(Universe(int(sys.argv[1]), Size(main=5, builder=2, spot=3))); t=1790000012345;"
        "print(json.dumps([m.mids('', t), m.candles('BTC','1m',t-10**7,t,t),"
        "m.answer(Query('metaAndAssetCtxs'), t), m.recent_trades('@107', t, 30)]))"
    )

    def said(seed: int) -> str:
        run = [sys.executable, "-c", script, str(seed)]
        return subprocess.run(run, check=True, capture_output=True, text=True).stdout

    first = said(3)
    assert first == said(3)
    assert json.loads(first)[1] != json.loads(said(4))[1]


def test_history_does_not_depend_on_how_it_is_asked_for() -> None:
    """A row read alone, in a long span, or live block by block is the same row."""
    end = START // MINUTE_MS * MINUTE_MS
    whole = MARKET.candles("SOL", "1m", end - 900 * MINUTE_MS, end - 1, START)
    for row in whole[::100]:
        assert MARKET.candles("SOL", "1m", row["t"], row["T"], START) == [row]
        last = tape.minute(MARKET.universe.assets["SOL"], row["t"] // MINUTE_MS).bars[-1]
        assert MARKET.scale("SOL").price(last.close) == row["c"]
        assert last.n == row["n"]
