"""Polymarket's rules: each finds what breaks it, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from market_assets.checks.rules import broken_by, rules
from market_assets.storage.files.store import FileStore
from market_assets.tables import (
    HYPERLIQUID_ASSETS,
    INGESTION_GAPS,
    POLYMARKET_EVENTS,
    POLYMARKET_IMMEDIATE_MARKETS,
    POLYMARKET_MARKET_ASSET_LINKS,
    POLYMARKET_MARKET_METRICS,
    POLYMARKET_MARKETS,
    POLYMARKET_SIGNAL_EVENTS,
    POLYMARKET_TRACKED_UNIVERSE,
    POLYMARKET_TRADES,
    TableSpec,
)

NOW = datetime(2026, 11, 20, 12, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)

GOOD: dict[str, tuple[TableSpec, dict[str, object]]] = {
    "event": (
        POLYMARKET_EVENTS,
        {"market_count": 1, "closed": False, "first_seen_at": NOW, "updated_at": NOW},
    ),
    "market": (
        POLYMARKET_MARKETS,
        {
            "outcomes": ["Yes", "No"],
            "outcome_prices": [0.4, 0.6],
            "token_ids": ["1", "2"],
            "best_bid": 0.39,
            "best_ask": 0.41,
            "last_trade_price": 0.4,
            "closed": False,
            "first_seen_at": NOW,
            "updated_at": NOW,
        },
    ),
    "link": (
        POLYMARKET_MARKET_ASSET_LINKS,
        {
            "symbol": "BTC",
            "method": "name",
            "matched_text": "Bitcoin",
            "confidence": 0.9,
            "linked_at": NOW,
        },
    ),
    "price": (
        POLYMARKET_IMMEDIATE_MARKETS,
        {
            "symbol": "BTC",
            "as_of": NOW,
            "yes_price": 0.4,
            "best_bid": 0.39,
            "best_ask": 0.41,
            "spread": 0.02,
        },
    ),
    "tracked": (
        POLYMARKET_TRACKED_UNIVERSE,
        {"token_ids": ["1", "2"], "rank": 1, "reason": "volume", "selected_at": NOW},
    ),
    "metric": (POLYMARKET_MARKET_METRICS, {"observed_at": NOW, "open_interest_usd": 5.0}),
    "fill": (
        POLYMARKET_TRADES,
        {
            "condition_id": "0x1",
            "token_id": "1",
            "side": "BUY",
            "price": 0.4,
            "size": 10.0,
            "notional_usd": 4.0,
            "traded_at": NOW - HOUR,
        },
    ),
    "signal": (
        POLYMARKET_SIGNAL_EVENTS,
        {
            "kind": "price_jump",
            "condition_id": "0x1",
            "token_id": "1",
            "as_of": NOW,
            "score": 5.0,
            "threshold": 5.0,
            "found_at": NOW,
            "detail": '{"mid": 0.4}',
        },
    ),
    "gap": (
        INGESTION_GAPS,
        {
            "source": "polymarket",
            "channel": "trades",
            "symbol": "",
            "gap_from_at": NOW - 3 * HOUR,
            "gap_to_at": NOW - 2 * HOUR,
            "cause": "page cap",
            "detected_at": NOW - 2 * HOUR,
            "healed_at": NOW - HOUR,
        },
    ),
}


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "market.duckdb")


def put(store: FileStore, what: str, id_: str, **changes: object) -> None:
    """A good row with that id, changed."""
    table, row = GOOD[what]
    key = table.key[0] if what != "gap" else "symbol"
    full = {key: id_, "ingested_at": NOW, **row, **changes}
    full[key] = id_
    chosen = {name: full.get(name) for name in table.column_names}
    store.merge(table, pl.DataFrame([chosen], schema=table.schema))


def broken(store: FileStore, name: str) -> list[object]:
    """The first column of the rows that break a rule."""
    (rule,) = (one for one in rules() if one.name == name)
    return broken_by(store, rule, NOW).to_series(0).to_list()


@pytest.mark.parametrize(
    ("rule", "what", "wrong"),
    [
        ("open_events_were_seen_lately", "event", {"ingested_at": NOW - 2 * HOUR}),
        ("market_prices_are_probabilities", "market", {"best_ask": 1.7}),
        ("market_prices_are_probabilities", "market", {"best_bid": -0.1}),
        ("market_prices_are_probabilities", "market", {"last_trade_price": 2.0}),
        ("market_prices_are_probabilities", "market", {"outcome_prices": [0.4, 1.6]}),
        ("each_outcome_has_its_token", "market", {"token_ids": ["1"]}),
        ("each_outcome_has_its_token", "market", {"outcome_prices": [1.0]}),
        ("winners_are_resolved", "market", {"winning_outcome": "Yes"}),
        (
            "winners_are_resolved",
            "market",
            {"winning_outcome": "Yes", "closed": True, "resolution_status": "proposed"},
        ),
        (
            "winners_are_resolved",
            "market",
            {"winning_outcome": "Up", "closed": True, "resolution_status": "resolved"},
        ),
        ("winners_are_resolved", "market", {"winning_outcome": "Yes", "closed": True}),
        ("yes_prices_lie_between_the_quotes", "price", {"yes_price": 0.5}),
        ("yes_prices_lie_between_the_quotes", "price", {"best_bid": 0.6}),
        ("tracked_markets_are_open", "tracked", {"rank": 7}),
        ("open_interest_is_not_negative", "metric", {"open_interest_usd": -1.0}),
        ("fills_make_sense", "fill", {"price": 1.7, "notional_usd": 17.0}),
        ("fills_make_sense", "fill", {"size": -10.0, "notional_usd": -4.0}),
        ("fills_make_sense", "fill", {"notional_usd": 400.0}),
        ("fills_make_sense", "fill", {"side": "HOLD"}),
        ("no_gap_stays_open", "gap", {"healed_at": None}),
        ("signals_reach_their_threshold", "signal", {"score": 4.9}),
        ("signals_reach_their_threshold", "signal", {"kind": "moon"}),
        ("signals_reach_their_threshold", "signal", {"detail": "[]"}),
        ("signals_reach_their_threshold", "signal", {"detail": "mid 0.4"}),
    ],
    ids=str,
)
def test_what_breaks_a_rule_is_found(
    store: FileStore, rule: str, what: str, wrong: dict[str, object]
) -> None:
    """And the good row beside it is not."""
    put(store, what, "0xgood")
    put(store, "market", "0xgood")
    if what == "tracked":
        put(store, "market", "0xzbad")
    put(store, what, "0xzbad", **({"rank": 2} if what == "tracked" else {}) | wrong)
    assert broken(store, rule) == ["0xzbad"]


def test_a_hole_that_the_venue_cannot_serve_is_told_for_a_day(store: FileStore) -> None:
    """It stays on record, open: nothing can ever fill it."""
    for hours in (2, 23, 25):
        put(
            store,
            "gap",
            f"{hours} h",
            cause="unreadable",
            healed_at=None,
            detected_at=NOW - hours * HOUR,
        )
    assert sorted(map(str, broken(store, "no_gap_stays_open"))) == ["2 h", "23 h"]


def test_a_winner_of_a_resolved_market_and_a_wide_spread_are_fine(store: FileStore) -> None:
    put(
        store,
        "market",
        "0x1",
        winning_outcome="Yes",
        closed=True,
        resolution_status="resolved",
        outcome_prices=[1.0, 0.0],
    )
    put(store, "market", "0x2", winning_outcome="Yes", closed=True, closed_at=NOW)
    put(store, "price", "0x1", best_bid=0.1, best_ask=0.9, spread=0.8, yes_price=0.95)
    assert broken(store, "winners_are_resolved") == []
    assert broken(store, "yes_prices_lie_between_the_quotes") == []


def test_a_link_to_what_nobody_lists_is_found(store: FileStore) -> None:
    put(store, "market", "0x1")
    put(store, "link", "0x1")
    put(store, "link", "0x2")
    assert broken(store, "links_are_of_listed_assets") == ["0x1", "0x2"]
    listed = {
        "symbol": "BTC",
        "kind": "perp",
        "dex": "",
        "display_name": "BTC",
        "sz_decimals": 1,
        "only_isolated": False,
        "is_delisted": False,
        "first_seen_at": NOW,
        "updated_at": NOW,
        "ingested_at": NOW,
    }
    row = {name: listed.get(name) for name in HYPERLIQUID_ASSETS.column_names}
    store.merge(HYPERLIQUID_ASSETS, pl.DataFrame([row], schema=HYPERLIQUID_ASSETS.schema))
    assert broken(store, "links_are_of_listed_assets") == ["0x2"]


def test_a_tracked_market_that_closed_or_has_no_token_is_found(store: FileStore) -> None:
    """Unless somebody asked for it."""
    put(store, "market", "0x1", closed=True, updated_at=NOW - HOUR)
    put(store, "market", "0x2")
    put(store, "tracked", "0x1", rank=1)
    put(store, "tracked", "0x2", rank=2, token_ids=[])
    put(store, "tracked", "0x3", rank=3, token_ids=[], reason="manual")
    assert broken(store, "tracked_markets_are_open") == ["0x1", "0x2"]
