"""Rows of the tables that signals are made of, from as few words as a test needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import polars as pl

from market_assets.features.polymarket_signals.books import book_series
from market_assets.features.polymarket_signals.cases import TOLD
from market_assets.tables import (
    HYPERLIQUID_MID_PRICES,
    HYPERLIQUID_VOLATILITY_PROFILES,
    POLYMARKET_BOOK_TOPS,
    POLYMARKET_BOOKS,
    POLYMARKET_MARKET_METRICS,
    POLYMARKET_MARKETS,
    POLYMARKET_TRADES,
    TableSpec,
)
from market_assets_tests.features.rows import NOW

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOBODY = pl.DataFrame(schema=TOLD)
"""Nothing was told of yet."""

Row = dict[str, object]


def trade(key: str, ago: timedelta = timedelta(0), usd: float = 1000.0, **columns: object) -> Row:
    """A trade of so long before NOW, which arrived at once."""
    return {
        "trade_key": key,
        "condition_id": "0xa",
        "token_id": "a-yes",
        "outcome": "Yes",
        "side": "BUY",
        "price": 0.5,
        "size": usd * 2,
        "notional_usd": usd,
        "traded_at": NOW - ago,
        "ingested_at": NOW - ago,
        **columns,
    }


def metric(ago: timedelta, usd: float, **columns: object) -> Row:
    """Open interest as it was observed so long before NOW."""
    return {
        "condition_id": "0xa",
        "observed_at": NOW - ago,
        "open_interest_usd": usd,
        "ingested_at": NOW - ago,
        **columns,
    }


def book(
    bid: float | None,
    ask: float | None,
    ago: timedelta = timedelta(0),
    *,
    depths: tuple[float, float] = (100.0, 100.0),
    token_id: str = "a-yes",  # noqa: S107 - a token is an outcome
    **columns: object,
) -> Row:
    """A head and a top in one: each table takes what is its own."""
    whole = bid is not None and ask is not None
    return {
        "token_id": token_id,
        "condition_id": f"0x{token_id.split('-', maxsplit=1)[0]}",
        "observed_at": NOW - ago,
        "book_at": NOW - ago,
        "best_bid": bid,
        "best_ask": ask,
        "spread": round(ask - bid, 9) if whole else None,  # type: ignore[operator]  # whole
        "mid": (ask + bid) / 2 if whole else None,  # type: ignore[operator]  # whole
        "bid_depth_5c_usd": depths[0],
        "ask_depth_5c_usd": depths[1],
        "levels": 2,
        "is_proven": True,
        "source": "stream",
        "ingested_at": NOW - ago,
        **columns,
    }


def market(name: str = "a", **columns: object) -> Row:
    """An open market with the tokens `<name>-yes` and `<name>-no`."""
    return {
        "condition_id": f"0x{name}",
        "event_id": "7",
        "question": f"Will {name} happen?",
        "outcomes": ["Yes", "No"],
        "token_ids": [f"{name}-yes", f"{name}-no"],
        "closed": False,
        "neg_risk": True,
        "ingested_at": NOW,
        **columns,
    }


def trades(*rows: Row) -> pl.DataFrame:
    return frame(POLYMARKET_TRADES, rows)


def metrics(*rows: Row) -> pl.DataFrame:
    return frame(POLYMARKET_MARKET_METRICS, rows)


def markets(*rows: Row) -> pl.DataFrame:
    return frame(POLYMARKET_MARKETS, rows)


def tops(*rows: Row) -> pl.DataFrame:
    return frame(POLYMARKET_BOOK_TOPS, rows)


def heads(*rows: Row) -> pl.DataFrame:
    return frame(POLYMARKET_BOOKS, rows)


def series(
    *history: Row, now: Sequence[Row] = (), as_of: datetime = NOW, known: Sequence[Row] = ()
) -> pl.DataFrame:
    """Books over time: tops, and the present heads.

    Args:
        history: the tops.
        now: the heads.
        as_of: now.
        known: further rows that say of which market a token is.
    """
    tokens = pl.DataFrame(
        [
            {"token_id": r["token_id"], "condition_id": r["condition_id"]}
            for r in (*history, *known)
        ],
        schema={"token_id": pl.String, "condition_id": pl.String},
    )
    return book_series(heads(*now), tops(*history), tokens, as_of=as_of)


def mid(price: float, ago: timedelta = timedelta(0), symbol: str = "BTC") -> Row:
    """A Hyperliquid mid."""
    at = NOW - ago
    return {"symbol": symbol, "bucket_at": at, "mid": price, "samples": 1, "ingested_at": at}


def mids(*rows: Row) -> pl.DataFrame:
    return frame(HYPERLIQUID_MID_PRICES, rows)


def volatility(rate: float, ago: timedelta = timedelta(0), symbol: str = "BTC") -> Row:
    """A day's realised volatility."""
    return {"symbol": symbol, "as_of": NOW - ago, "realized_vol_24h_rate": rate}


def profiles(*rows: Row) -> pl.DataFrame:
    return frame(HYPERLIQUID_VOLATILITY_PROFILES, rows)


def told(
    kind: str, ago: timedelta, token_id: str | None, condition_id: str = "0xa"
) -> pl.DataFrame:
    """A signal that is stored."""
    row = {
        "kind": kind,
        "condition_id": condition_id,
        "token_id": token_id,
        "told_at": NOW - ago,
    }
    return pl.DataFrame([row], schema=TOLD)


def frame(table: TableSpec, rows: Sequence[Mapping[str, object]]) -> pl.DataFrame:
    return pl.DataFrame(
        {name: [row.get(name) for row in rows] for name in table.column_names},
        schema=table.schema,
        strict=False,
    )


def last_score(points: pl.DataFrame) -> float | None:
    """The score of the newest point of the only market."""
    assert points.select("condition_id", "token_id").n_unique() <= 1
    found = points.sort("at", maintain_order=True)["score"].to_list()
    return found[-1] if found else None
