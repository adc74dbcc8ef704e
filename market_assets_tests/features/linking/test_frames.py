"""Links as a frame."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
from polars.testing import assert_frame_equal

from market_assets.features.linking.frames import link_markets
from market_assets.tables import (
    HYPERLIQUID_ASSETS,
    POLYMARKET_EVENTS,
    POLYMARKET_MARKET_ASSET_LINKS,
    POLYMARKET_MARKETS,
    TableSpec,
)

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)


def frame(spec: TableSpec, *rows: dict[str, object]) -> pl.DataFrame:
    """Rows of a table; columns that a row does not give are NULL."""
    return pl.DataFrame([*rows], schema=spec.schema)


def perp(symbol: str) -> dict[str, object]:
    return {"symbol": symbol, "kind": "perp", "dex": "", "display_name": symbol}


REGISTRY = frame(
    HYPERLIQUID_ASSETS,
    *({**perp(symbol), "is_delisted": False} for symbol in ("BTC", "ETH", "SOL")),
)


def test_markets_take_tags_and_title_from_their_event() -> None:
    """A market without an event, one with NULLs, one that comes twice, one about nothing."""
    markets = frame(
        POLYMARKET_MARKETS,
        {"condition_id": "0xa", "event_id": "1", "question": "Which one wins?"},
        {"condition_id": "0xb", "event_id": "9", "question": "Bitcoin and $ETH in May"},
        {"condition_id": "0xc", "event_id": None, "question": None},
        {"condition_id": "0xb", "event_id": "1", "question": "Solana"},
        {"condition_id": "0xd", "event_id": "2", "slug": "120k"},
    )
    events = frame(
        POLYMARKET_EVENTS,
        {"event_id": "1", "tag_ids": ["818", None], "tag_slugs": ["crypto", None]},
        {"event_id": "2", "title": "How high will Bitcoin go?"},
    )
    found = link_markets(markets, events, REGISTRY, NOW)
    expected = pl.DataFrame(
        {
            "condition_id": ["0xa", "0xb", "0xb", "0xd"],
            "symbol": ["SOL", "BTC", "ETH", "BTC"],
            "method": ["tag", "name", "cashtag", "name"],
            "matched_text": ["818", "Bitcoin", "$ETH", "Bitcoin"],
        }
    )
    assert_frame_equal(found.drop("confidence", "linked_at"), expected)
    assert found["linked_at"].unique().to_list() == [NOW]
    assert found["confidence"].is_between(0, 1).all()


def test_markets_of_an_event_explain_each_other_wherever_they_stand() -> None:
    """In the order of the markets, whatever the order of events; `others` get no links."""
    markets = frame(
        POLYMARKET_MARKETS,
        {"condition_id": "0xd", "event_id": "2", "question": "New album before the film?"},
        {"condition_id": "0xc", "event_id": "1", "question": "A war before the game?"},
        {"condition_id": "0xb", "event_id": "2", "question": "↑ $90"},
        {"condition_id": "0xa", "event_id": "1", "question": "Bitcoin at $1m before the game?"},
    )
    events = frame(
        POLYMARKET_EVENTS,
        *({"event_id": n, "title": "First?", "tag_slugs": ["bitcoin"]} for n in ("1", "2")),
    )
    others = frame(
        POLYMARKET_MARKETS, {"condition_id": "0xe", "event_id": "2", "question": "Bitcoin first?"}
    )
    found = link_markets(markets, events, REGISTRY, NOW)
    assert found["condition_id"].to_list() == ["0xd", "0xb", "0xa"]
    found = link_markets(markets, events, REGISTRY, NOW, others=others)
    assert found["condition_id"].to_list() == ["0xb", "0xa"]


def test_nothing_to_link_is_an_empty_frame_of_the_table() -> None:
    """Empty markets, empty events, empty registry."""
    found = link_markets(
        frame(POLYMARKET_MARKETS), frame(POLYMARKET_EVENTS), frame(HYPERLIQUID_ASSETS), NOW
    )
    assert found.is_empty()
    assert dict(found.schema) == POLYMARKET_MARKET_ASSET_LINKS.schema
