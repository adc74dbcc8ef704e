"""Values into frames of their tables: columns, types, times, categories."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest

from market_assets.frames import FrameError, conform
from market_assets.sources.hyperliquid import frames
from market_assets.sources.hyperliquid.categories import files as kept
from market_assets.sources.hyperliquid.model import Candle, Listing, Universe
from market_assets.tables import (
    HYPERLIQUID_ASSET_CATEGORIES,
    HYPERLIQUID_ASSET_CATEGORY_TAXONOMY,
    HYPERLIQUID_ASSETS,
    HYPERLIQUID_CANDLES,
    HYPERLIQUID_MID_PRICES,
)

from .payloads import MINUTE_MS, OPEN_MS

NOW = datetime(2026, 11, 20, 12, 0, 7, 250_000, tzinfo=UTC)

BTC = Listing("BTC", "perp", "", "BTC", 5, 40, False, False, 1e9, 66371.5)
HYPE = Listing("@107", "spot", "", "HYPE/USDC", 2, None, False, False, None, None)


def test_assets() -> None:
    frame = frames.assets(Universe((BTC, HYPE), {}, {}), NOW)
    assert dict(frame.schema) == HYPERLIQUID_ASSETS.schema
    assert frame.row(1, named=True) == {
        "symbol": "@107",
        "kind": "spot",
        "dex": "",
        "display_name": "HYPE/USDC",
        "sz_decimals": 2,
        "max_leverage": None,
        "only_isolated": False,
        "is_delisted": False,
        "is_listed": True,
        "last_listed_at": NOW,
        "missing_since": None,
        "times_missed": 0,
        "first_seen_at": NOW,
        "updated_at": NOW,
        "ingested_at": NOW,
    }
    assert frames.assets(Universe((), {}, {}), NOW).is_empty()


def test_mids_fall_into_the_bucket_of_their_receipt() -> None:
    frame = frames.mids({"BTC": 1.5, "ETH": 2.0}, NOW)
    assert dict(frame.schema) == HYPERLIQUID_MID_PRICES.schema
    assert frame["bucket_at"].unique().to_list() == [datetime(2026, 11, 20, 12, 0, 5, tzinfo=UTC)]
    assert frame.select("symbol", "mid", "samples").rows() == [("BTC", 1.5, 1), ("ETH", 2.0, 1)]
    assert frames.mids({}, NOW).schema == frame.schema


def test_candles_of_several_intervals() -> None:
    """The end is exclusive: one interval after the beginning."""
    rows = [
        Candle("BTC", "1m", OPEN_MS, 1.0, 2.0, 0.5, 1.5, 3.0, 7, is_closed=True),
        Candle("BTC", "1h", OPEN_MS - OPEN_MS % 3_600_000, 1, 2, 0.5, 1.5, 3, 7, is_closed=False),
    ]
    frame = frames.candles(rows, "rest", NOW)
    assert dict(frame.schema) == HYPERLIQUID_CANDLES.schema
    first = frame.row(0, named=True)
    assert first["open_at"] == datetime(2026, 7, 26, 8, 9, tzinfo=UTC)
    assert first["close_at"] == datetime(2026, 7, 26, 8, 10, tzinfo=UTC)
    lengths = (frame["close_at"] - frame["open_at"]).dt.total_minutes().to_list()
    assert lengths == [1, 60]
    assert frame["is_closed"].to_list() == [True, False]
    assert frame["source"].unique().to_list() == ["rest"]
    assert frame.select("open", "high", "low", "close", "volume", "trades").row(0) == (
        *(1.0, 2.0, 0.5, 1.5, 3.0, 7),
    )
    assert frames.candles([], "rest", NOW).schema == frame.schema


def test_an_unknown_interval_makes_no_frame() -> None:
    row = Candle("BTC", "7m", OPEN_MS, 1.0, 2.0, 0.5, 1.5, 3.0, 7, is_closed=True)
    with pytest.raises(ValueError, match="7m"):
        frames.candles([row], "rest", NOW)


def test_categories_of_registered_assets_only() -> None:
    """The exchange's own words become short names; it goes before the curated list."""
    frame = frames.categories(
        ["BTC", "xyz:TSLA", "xyz:HOOD", "xyz:GOLD"],
        [
            ("xyz:TSLA", "Stocks"),
            ("xyz:TSLA", "stocks "),
            ("xyz:HOOD", "Pre-IPO & new"),
            ("xyz:HOOD", "???"),
            ("xyz:GOLD", "commodities"),
            ("nq:TEST", "ai"),
        ],
        NOW,
    )
    assert dict(frame.schema) == HYPERLIQUID_ASSET_CATEGORIES.schema
    assert frame.select("symbol", "category", "source").rows() == [
        ("BTC", "bitcoin_ecosystem", "curated"),
        ("BTC", "layer_1", "curated"),
        ("xyz:GOLD", "commodities", "exchange"),
        ("xyz:GOLD", "gold", "curated"),
        ("xyz:HOOD", "pre_ipo_new", "exchange"),
        ("xyz:TSLA", "stocks", "exchange"),
    ]
    assert frames.categories([], [], NOW).schema == frame.schema


def test_every_category_in_use_is_in_the_taxonomy() -> None:
    exchange = [("xyz:TSLA", "Stocks"), ("xyz:HOOD", "Pre-IPO & new"), ("xyz:A", "株式")]
    assigned = frames.categories([symbol for symbol, _ in exchange] + ["BTC"], exchange, NOW)
    taxonomy = frames.taxonomy(assigned["category"], NOW)
    assert dict(taxonomy.schema) == HYPERLIQUID_ASSET_CATEGORY_TAXONOMY.schema
    assert set(assigned["category"]) <= set(taxonomy["category"])
    unknown = taxonomy.filter(pl.col("parent") == "exchange")
    assert unknown.select("category", "label").rows() == [
        ("pre_ipo_new", "Pre ipo new"),
        ("株式", "株式"),
    ]
    parents = set(taxonomy["parent"].drop_nulls())
    assert parents <= set(taxonomy["category"]), "every parent is a category itself"
    assert taxonomy["category"].is_unique().all()


def test_the_files_kept_by_hand_agree() -> None:
    """No category without a row in the taxonomy, no row twice, labels everywhere."""
    names = [entry.category for entry in kept.taxonomy()]
    assert len(names) == len(set(names))
    pairs = kept.curated()
    assert len(pairs) == len(set(pairs))
    assert {category for _, category in pairs} <= set(names)
    assert all(entry.label and entry.description for entry in kept.taxonomy())
    assert all(kept.short_name(name) == name for name in names)
    assert len({symbol for symbol, _ in pairs}) >= 80


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("stocks", "stocks"),
        ("  Pre-IPO ", "pre_ipo"),
        ("AI_agents", "ai_agents"),
        ("A&B//C", "a_b_c"),
        ("__", ""),
        ("", ""),
    ],
)
def test_short_names(text: str, name: str) -> None:
    assert kept.short_name(text) == name


def test_a_frame_with_a_nan_is_refused() -> None:
    """`sanity` drops such values; if one slipped through, nothing would be written."""
    with pytest.raises(FrameError, match="NaN"):
        conform(HYPERLIQUID_MID_PRICES, frames.mids({"BTC": float("nan")}, NOW))


def test_minutes_are_not_shifted() -> None:
    """Milliseconds become instants without a float in between."""
    opens = [OPEN_MS + n * MINUTE_MS for n in range(1000)]
    rows = [Candle("A", "1m", at, 1, 1, 1, 1, 0, 0, is_closed=True) for at in opens]
    frame = frames.candles(rows, "rest", NOW)
    assert frame["open_at"].dt.timestamp("ms").to_list() == opens
