"""Signals from a store: what is read for them, that a case is told once, and no look-ahead."""

from __future__ import annotations

import tempfile
from dataclasses import fields, replace
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from market_assets.derived.signals import signal_rows
from market_assets.features.polymarket_signals.events import SignalRows, signal_events
from market_assets.features.thresholds import SignalThresholds
from market_assets.storage.common.runs import IngestionRun
from market_assets.storage.files.store import FileStore
from market_assets.tables import (
    HYPERLIQUID_MID_PRICES,
    HYPERLIQUID_VOLATILITY_PROFILES,
    POLYMARKET_BOOK_TOPS,
    POLYMARKET_BOOKS,
    POLYMARKET_MARKET_ASSET_LINKS,
    POLYMARKET_MARKET_METRICS,
    POLYMARKET_MARKETS,
    POLYMARKET_SIGNAL_EVENTS,
    POLYMARKET_TRADES,
    TableSpec,
)
from market_assets.tables.polymarket_signals import SIGNAL_KINDS
from market_assets_tests.features.polymarket_signals.rows import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    SECOND,
    Row,
    book,
    frame,
    market,
    metric,
    mid,
    trade,
    volatility,
)

THRESHOLDS = SignalThresholds()
TIMES = {
    "trades": "traded_at",
    "metrics": "observed_at",
    "heads": "book_at",
    "tops": "observed_at",
    "spreads": "observed_at",
    "links": "linked_at",
    "mids": "bucket_at",
    "volatility": "as_of",
}


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "market.duckdb")


def _fill(store: FileStore, table: TableSpec, *rows: Row) -> None:
    seen = {"first_seen_at": NOW - DAY, "updated_at": NOW - DAY}
    store.merge(table, frame(table, [{**seen, **row} for row in rows]))


def _link(name: str, symbol: str, confidence: float = 0.9, ago: timedelta = DAY) -> Row:
    return {
        "condition_id": f"0x{name}",
        "symbol": symbol,
        "method": "name",
        "matched_text": "Bitcoin",
        "confidence": confidence,
        "linked_at": NOW - ago,
    }


def _run(store: FileStore, as_of: datetime = NOW) -> pl.DataFrame:
    """One run: the signals that it found; they are stored, with the run."""
    found = signal_events(signal_rows(store, as_of), THRESHOLDS, as_of=as_of)
    run = IngestionRun("polymarket", "signals", POLYMARKET_SIGNAL_EVENTS.name, as_of)
    store.merge(POLYMARKET_SIGNAL_EVENTS, found, run=run)
    return found


def _stored(store: FileStore) -> int:
    return int(store.read("select count(*) from polymarket_signal_events").item())


def _everything(store: FileStore) -> None:
    """A market of each kind: a alone for what one can have, b and c a group, d about a price."""
    usual = [
        trade(f"u{i}", HOUR * i + HOUR + 20 * MINUTE, 1000.0, token_id="a-no") for i in range(160)
    ]
    _fill(store, POLYMARKET_TRADES, *usual, trade("big", MINUTE, 20_000.0))
    _fill(store, POLYMARKET_MARKET_METRICS, metric(30 * MINUTE, 100.0), metric(MINUTE, 150.0))
    question = "Will Bitcoin be above $100k on November 21?"
    _fill(
        store,
        POLYMARKET_MARKETS,
        market("a", event_id="6", neg_risk=False),
        market("b"),
        market("c"),
        market("d", event_id="8", neg_risk=False, question=question, end_at=NOW + DAY),
    )
    tops = [book(0.49, 0.51, HOUR - MINUTE * i) for i in range(1, 58)]
    _fill(store, POLYMARKET_BOOK_TOPS, *tops)
    _fill(
        store,
        POLYMARKET_BOOKS,
        book(0.1, 0.5, SECOND, depths=(95.0, 5.0)),
        book(0.1, 0.45, SECOND, token_id="a-no"),
        book(0.1, 0.4, SECOND, token_id="b-yes"),
        book(0.1, 0.5, SECOND, token_id="c-yes"),
        book(0.1, 0.2, SECOND, token_id="d-yes"),
    )
    _fill(store, POLYMARKET_MARKET_ASSET_LINKS, _link("d", "BTC"), _link("d", "AAA", 0.5))
    _fill(store, HYPERLIQUID_MID_PRICES, mid(102_000.0, 10 * SECOND))
    rate = volatility(0.6, 2 * MINUTE)
    counted = {"candles_used": 1440, "traded_share_pct": 100.0, "realized_vol_1h_rate": 0.5}
    _fill(store, HYPERLIQUID_VOLATILITY_PROFILES, {**rate, **counted})


def test_each_kind_is_found_where_it_is(store: FileStore) -> None:
    _everything(store)
    found = _run(store)
    assert set(found["kind"]) == set(SIGNAL_KINDS)
    of = {(row["kind"], row["condition_id"]): row for row in found.iter_rows(named=True)}
    assert of["large_trade", "0xa"]["as_of"] == NOW - MINUTE
    assert of["volume_spike", "0xa"]["as_of"] == NOW - MINUTE
    assert of["open_interest_jump", "0xa"]["score"] == 50.0
    assert of["book_imbalance", "0xa"]["token_id"] == "a-yes"
    assert of["complement_arbitrage", "0xa"]["score"] == 5.0
    assert of["negative_risk_arbitrage", "0xb"]["score"] == 10.0
    assert of["asset_divergence", "0xd"]["symbol"] == "BTC"
    assert of["large_trade", "0xa"]["symbol"] is None
    for kind in ("volume_spike", "open_interest_jump", "negative_risk_arbitrage"):
        assert found.filter(kind=kind)["token_id"].is_null().all()
    for kind in ("large_trade", "spread_blowout", "book_imbalance", "price_jump"):
        assert found.filter(kind=kind)["token_id"].is_not_null().all()


def test_a_second_run_over_the_same_rows_adds_nothing(store: FileStore) -> None:
    _everything(store)
    first = _run(store)
    assert _run(store, NOW + MINUTE).filter(pl.col("kind") != "large_trade").is_empty()
    assert _stored(store) == first.height


def test_the_same_rows_give_the_same_ids_without_what_is_stored(store: FileStore) -> None:
    _everything(store)
    first = _run(store)
    store.delete(POLYMARKET_SIGNAL_EVENTS, "true")
    assert_frame_equal(signal_events(signal_rows(store, NOW), THRESHOLDS, as_of=NOW), first)


def test_a_case_goes_on_over_new_rows_and_is_told_anew_after_it_was_over(store: FileStore) -> None:
    def top(minute: int, depths: tuple[float, float]) -> Row:
        return book(0.49, 0.51, -MINUTE * minute, depths=depths)

    heavy, even = (95.0, 5.0), (50.0, 50.0)
    _fill(store, POLYMARKET_MARKETS, market("a"))
    seen = []
    for minute, depths in enumerate((heavy, heavy, heavy, even, heavy, heavy)):
        _fill(store, POLYMARKET_BOOK_TOPS, top(minute, depths))
        seen.append(_run(store, NOW + MINUTE * minute + SECOND).height)
    assert seen == [1, 0, 0, 0, 1, 0]


def test_after_a_pause_the_trades_that_came_meanwhile_are_judged(store: FileStore) -> None:
    _fill(store, POLYMARKET_TRADES, trade("first", 2 * HOUR + MINUTE, 20_000.0))
    assert _run(store, NOW - 2 * HOUR).height == 1
    _fill(store, POLYMARKET_TRADES, trade("meanwhile", HOUR, 20_000.0))
    past = trade("of the past", 30 * HOUR, 20_000.0, ingested_at=NOW - MINUTE)
    _fill(store, POLYMARKET_TRADES, past)
    found = _run(store)
    assert ["meanwhile" in detail for detail in found["detail"]] == [True]


def test_a_failed_run_has_judged_nothing(store: FileStore) -> None:
    run = IngestionRun("polymarket", "signals", POLYMARKET_SIGNAL_EVENTS.name, NOW - HOUR)
    store.write(runs=[run.failed(ValueError("no"))])
    assert signal_rows(store, NOW).last_run_at is None


def test_an_empty_store_has_no_signals(store: FileStore) -> None:
    assert _run(store).is_empty()


def test_a_market_is_of_the_asset_that_is_surest(store: FileStore) -> None:
    _everything(store)
    _fill(store, POLYMARKET_MARKET_ASSET_LINKS, _link("a", "SOL", 0.7), _link("a", "ETH", 0.7))
    _fill(store, POLYMARKET_MARKET_ASSET_LINKS, _link("b", "SOL", 0.7, -HOUR))
    found = _run(store)
    assert set(found.filter(condition_id="0xa")["symbol"]) == {"ETH"}
    assert found.filter(condition_id="0xb")["symbol"].is_null().all()


def _rows() -> SignalRows:
    with tempfile.TemporaryDirectory() as folder:
        store = FileStore(Path(folder) / "market.duckdb")
        _everything(store)
        return signal_rows(store, NOW)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 3600), st.integers(1, 1000))
def test_rows_after_an_instant_change_nothing(back: int, wild: int) -> None:
    """Whether the frames end at the instant, go on, or go on wildly."""
    as_of = NOW - timedelta(seconds=back)
    rows = ROWS
    known = {name: getattr(rows, name).filter(pl.col(at) <= as_of) for name, at in TIMES.items()}
    later = {
        name: pl.concat(
            [
                getattr(rows, name),
                getattr(rows, name).with_columns(
                    pl.col(at).dt.offset_by("14d"),
                    (pl.selectors.float() if name != "trades" else pl.col("notional_usd")) * wild,
                ),
            ]
        )
        for name, at in TIMES.items()
    }
    until = signal_events(replace(rows, **known), THRESHOLDS, as_of=as_of)
    assert_frame_equal(signal_events(rows, THRESHOLDS, as_of=as_of), until)
    assert_frame_equal(signal_events(replace(rows, **later), THRESHOLDS, as_of=as_of), until)
    assert until.filter(pl.col("as_of") > as_of).is_empty()


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 10_000))
def test_the_order_of_rows_changes_nothing(seed: int) -> None:
    shuffled = {
        f.name: found.sample(fraction=1.0, shuffle=True, seed=seed)
        for f in fields(ROWS)
        if isinstance(found := getattr(ROWS, f.name), pl.DataFrame)
    }
    again = signal_events(replace(ROWS, **shuffled), THRESHOLDS, as_of=NOW)
    assert_frame_equal(again, signal_events(ROWS, THRESHOLDS, as_of=NOW))


ROWS = _rows()
"""Read once for the properties."""
