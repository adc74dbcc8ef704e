"""Polymarket's values as frames of their tables, ready to be merged.

Every function takes the instant that counts as the time of receipt. A list that the venue did not
give is NULL, and so is a name in a list that it left empty; an event without tags has none: [].

Not here: keys of trades, and tables that are made of several answers or of other tables
(`ingestion/polymarket/`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import polars as pl

from market_assets.frames import at, conform, listed
from market_assets.tables import (
    POLYMARKET_EVENTS,
    POLYMARKET_MARKETS,
    POLYMARKET_TAGS,
    POLYMARKET_TRADES,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from market_assets.sources.polymarket.model import Event, Market, Sport, Tags, Trade
    from market_assets.tables import TableSpec

_EVENT_COLUMNS: Final = (
    "event_id",
    "slug",
    "title",
    "category",
    "start_at",
    "end_at",
    "closed_at",
    "active",
    "closed",
    "neg_risk",
    "liquidity_usd",
    "volume_usd",
    "volume_24h_usd",
    "open_interest_usd",
)
"""Columns that an `Event` has as they are."""
_MARKET_COLUMNS: Final = (
    "condition_id",
    "market_id",
    "question_id",
    "event_id",
    "slug",
    "question",
    "active",
    "closed",
    "accepting_orders",
    "order_book_enabled",
    "neg_risk",
    "liquidity_usd",
    "volume_usd",
    "volume_24h_usd",
    "best_bid",
    "best_ask",
    "last_trade_price",
    "tick_size",
    "min_order_size",
    "taker_fee_rate",
    "end_at",
    "closed_at",
    "resolution_status",
    "winning_outcome",
    "winner_source",
)
_MARKET_LISTS: Final = ("outcomes", "outcome_prices", "token_ids")
_TRADE_COLUMNS: Final = (
    "transaction_hash",
    "wallet",
    "condition_id",
    "token_id",
    "outcome",
    "side",
    "price",
    "size",
    "traded_at",
)


def events(found: Iterable[Event], now: datetime) -> pl.DataFrame:
    """One row per event; the last one counts where one comes twice. Storage keeps
    `first_seen_at`, and `updated_at` where nothing has changed.
    """
    rows = list({event.event_id: event for event in found}.values())
    columns = _columns(rows, _EVENT_COLUMNS) | {
        "tag_ids": _lists([event.tag_ids for event in rows], pl.String()).fill_null([]),
        "tag_slugs": _lists(
            [[slug or None for slug in event.tag_slugs] for event in rows], pl.String()
        ).fill_null([]),
        "market_count": [len(event.markets) for event in rows],
    }
    return _catalogued(POLYMARKET_EVENTS, columns, now)


def markets(found: Iterable[Market], now: datetime) -> pl.DataFrame:
    """One row per market, `neg_risk` as Gamma says it; otherwise as `events`."""
    rows = list({market.condition_id: market for market in found}.values())
    columns = _columns(rows, _MARKET_COLUMNS)
    for name in _MARKET_LISTS:
        dtype = pl.Float64() if name == "outcome_prices" else pl.String()
        columns[name] = _lists([getattr(market, name) for market in rows], dtype)
    columns["neg_risk_source"] = [None if row.neg_risk is None else "gamma" for row in rows]
    return _catalogued(POLYMARKET_MARKETS, columns, now)


def tags(found: Tags, sports: Iterable[Sport], now: datetime) -> pl.DataFrame:
    """One row per tag; `is_sport` where one of the sports names it."""
    of_sports = {tag_id for sport in sports for tag_id in sport.tag_ids}
    columns = _columns(found.tags, ("tag_id", "label", "slug"))
    columns["is_sport"] = [tag.tag_id in of_sports for tag in found.tags]
    return _frame(POLYMARKET_TAGS, columns, [_at("ingested_at", now)])


def trades(keyed: Iterable[tuple[str, Trade]], now: datetime) -> pl.DataFrame:
    """One row per fill.

    Args:
        keyed: fills with their `trade_key`, which is made where more than one page is known.
        now: when they were received.
    """
    rows = list(keyed)
    columns = _columns([trade for _, trade in rows], _TRADE_COLUMNS) | {
        "trade_key": [key for key, _ in rows],
        "notional_usd": [trade.price * trade.size for _, trade in rows],
    }
    return _frame(POLYMARKET_TRADES, columns, [_at("ingested_at", now)])


def _lists(rows: Sequence[Sequence[object]], dtype: pl.DataType) -> pl.Series:
    """A list per row, NULL for an empty one.

    Grouped out of one long column: Polars takes ten times as long for a Python list of lists
    (40,000 markets have three of them: 0.65 s of CPU).
    """
    flat = pl.DataFrame(
        {
            "row": [position for position, row in enumerate(rows) for _ in row],
            "value": [value for row in rows for value in row],
        },
        schema={"row": pl.Int64, "value": dtype},
    )
    grouped = flat.group_by("row", maintain_order=True).agg("value")
    every = pl.DataFrame({"row": range(len(rows))}, schema={"row": pl.Int64})
    return every.join(grouped, on="row", how="left", maintain_order="left")["value"]


def _columns(rows: Sequence[object], names: Iterable[str]) -> dict[str, list[Any] | pl.Series]:
    return {name: [getattr(row, name) for row in rows] for name in names}


def _catalogued(
    spec: TableSpec, columns: dict[str, list[Any] | pl.Series], now: datetime
) -> pl.DataFrame:
    """The frame of a table of what the venue lists."""
    received = [_at(name, now) for name in ("first_seen_at", "updated_at", "ingested_at")]
    return _frame(spec, columns, [*listed(now), *received])


def _frame(
    spec: TableSpec, columns: dict[str, list[Any] | pl.Series], added: Iterable[pl.Expr]
) -> pl.DataFrame:
    """The frame of a table, with columns that are the same in every row."""
    schema = {name: spec.schema[name] for name in columns}
    return conform(spec, pl.DataFrame(columns, schema=schema).with_columns(added))


def _at(name: str, now: datetime) -> pl.Expr:
    return at(now).alias(name)
