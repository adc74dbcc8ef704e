"""`/assets/{symbol}/latest`: all that is known of one symbol now, each part with its own age.

Parts come from different tables at different cadences, so no single instant holds for all of them;
a part that is not there (a spot pair has no funding, a table is not made yet) is null or empty.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from market_assets.api.errors import ApiError
from market_assets.api.listings import registry
from market_assets.api.signals import signals_of
from market_assets.api.view import View, candle_as_of, newest, sql
from market_assets.tables import (
    HYPERLIQUID_ASSET_CONTEXTS,
    HYPERLIQUID_CANDLES,
    HYPERLIQUID_FUNDING_PRESSURE,
    HYPERLIQUID_FUNDING_RATES,
    HYPERLIQUID_LIQUIDITY_PROFILES,
    HYPERLIQUID_MID_PRICES,
    HYPERLIQUID_POSITIONING_PRESSURE,
    HYPERLIQUID_TECHNICAL_INDICATORS,
    HYPERLIQUID_VOLATILITY_PROFILES,
    POLYMARKET_IMMEDIATE_MARKETS,
    POLYMARKET_LATER_MARKETS,
)
from market_assets.tables.defillama import (
    DEFILLAMA_CAPITAL_BASE,
    DEFILLAMA_CAPITAL_FLOWS,
    DEFILLAMA_ECONOMIC_THROUGHPUT,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from market_assets.api.view import Row
    from market_assets.storage.api import Snapshot
    from market_assets.tables import TableSpec

MARKETS_SHOWN: Final = 20
"""Linked prediction markets of one symbol, the most traded first."""


@dataclass(frozen=True)
class Part:
    """The newest row of a table, by the table's own time.

    Attributes:
        name: of the member that it becomes.
        table: where it is from.
        as_of: the instant by which a row's age is told, where it is not of `age_columns`.
    """

    name: str
    table: TableSpec
    as_of: Callable[[Row], datetime] | None = None

    @property
    def by_interval(self) -> bool:
        """The table has rows of several candle intervals."""
        return "interval" in self.table.key

    def of(self, view: View, key: str, *, interval: str) -> dict[str, Any] | None:
        """The member for a symbol or subject; None where there is no row."""
        rows = newest(
            view,
            self.table.name,
            time=self.table.time_column,
            key=self.table.key[0],
            interval=interval if self.by_interval else None,
        )
        row = rows.get(key)
        if row is None:
            return None
        own = min(row[name] for name in self.table.age_columns)
        as_of = own if self.as_of is None else self.as_of(row)
        return view.part(row, as_of)


PRICES: Final = (
    Part("mid", HYPERLIQUID_MID_PRICES),
    Part("candle", HYPERLIQUID_CANDLES, as_of=candle_as_of),
    Part("context", HYPERLIQUID_ASSET_CONTEXTS),
    Part("funding_rate", HYPERLIQUID_FUNDING_RATES),
)
FEATURES: Final = (
    Part("technical_indicators", HYPERLIQUID_TECHNICAL_INDICATORS),
    Part("volatility_profiles", HYPERLIQUID_VOLATILITY_PROFILES),
    Part("funding_pressure", HYPERLIQUID_FUNDING_PRESSURE),
    Part("liquidity_profiles", HYPERLIQUID_LIQUIDITY_PROFILES),
    Part("positioning_pressure", HYPERLIQUID_POSITIONING_PRESSURE),
)
MARKET_PRICES: Final = (POLYMARKET_IMMEDIATE_MARKETS.name, POLYMARKET_LATER_MARKETS.name)
CAPITAL: Final = (
    Part("capital_base", DEFILLAMA_CAPITAL_BASE),
    Part("capital_flows", DEFILLAMA_CAPITAL_FLOWS),
    Part("economic_throughput", DEFILLAMA_ECONOMIC_THROUGHPUT),
)
BOOK_COLUMNS: Final = (
    "token_id",
    "outcome",
    "best_bid",
    "best_bid_size",
    "best_ask",
    "best_ask_size",
    "spread",
    "mid",
    "bid_depth_5c_usd",
    "ask_depth_5c_usd",
    "book_at",
    "is_proven",
)
"""What is told of an order book beside its market."""


def latest(view: View, asked: Mapping[str, Any]) -> dict[str, Any]:
    """The answer for `asked["symbol"]`; candle and indicators are those of `asked["interval"]`.

    Raises:
        ApiError: nothing is known of the symbol.
    """
    symbol, interval = asked["symbol"], asked["interval"]
    asset = registry(view).get(symbol)
    prices = {part.name: part.of(view, symbol, interval=interval) for part in PRICES}
    if asset is None and not any(prices.values()):
        raise ApiError("unknown_symbol", f"no symbol {symbol!r}; /api/v1/assets lists them")
    return {
        "symbol": symbol,
        "at": view.now,
        "published_at": view.snapshot.version.at,
        "asset": None if asset is None else view.part(asset, asset["ingested_at"]),
        **prices,
        "features": {part.name: part.of(view, symbol, interval=interval) for part in FEATURES},
        "prediction_markets": _markets(view, symbol),
        "signals": signals_of(view, symbol),
        "defillama": _subjects(view, symbol, interval),
    }


def _markets(view: View, symbol: str) -> list[dict[str, Any]]:
    """Open markets about the symbol, each with its newest price where one was recorded."""
    if not view.has("polymarket_markets", "polymarket_market_asset_links"):
        return []
    links = view.snapshot.remember("linked markets", _linked)
    found = []
    for row in links.get(symbol, ()):
        prices = [
            price
            for table in MARKET_PRICES
            if (price := _price(view, table, symbol, row["condition_id"])) is not None
        ]
        price = max(prices, key=lambda one: one["as_of"], default=None)
        found.append(
            {
                **view.part(row, row["ingested_at"]),
                "price": None if price is None else view.part(price, price["as_of"]),
                "books": [
                    view.part(book, book["book_at"])
                    for book in _books(view).get(row["condition_id"], ())
                ],
            }
        )
    return found


def _books(view: View) -> dict[str, list[dict[str, Any]]]:
    """The tops of present order books, by market; none where the file has no such table."""
    if not view.has("polymarket_books"):
        return {}
    return view.snapshot.remember("tops of books", _tops)


def _tops(snapshot: Snapshot) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    columns = ", ".join(BOOK_COLUMNS)
    for row in snapshot.rows(
        f"select condition_id, {columns} from polymarket_books order by condition_id, token_id"  # noqa: S608 - own names
    ):
        found.setdefault(row.pop("condition_id"), []).append(row)
    return found


def _price(view: View, table: str, symbol: str, condition_id: str) -> dict[str, Any] | None:
    if not view.has(table):
        return None
    prices = view.snapshot.remember(("prices", table), lambda snapshot: _prices(snapshot, table))
    return prices.get((condition_id, symbol))


def _prices(snapshot: Snapshot, table: str) -> dict[tuple[str, str], dict[str, Any]]:
    rows = snapshot.rows(
        "with newest as (select condition_id, symbol, max(as_of) as as_of "  # noqa: S608 - own names
        f'from "{table}" group by condition_id, symbol) '
        f'select t.* from "{table}" t join newest using (condition_id, symbol, as_of)'
    )
    return {(row["condition_id"], row["symbol"]): row for row in rows}


def _linked(snapshot: Snapshot) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for row in snapshot.rows(sql("linked_markets"), {"most": MARKETS_SHOWN}):
        found.setdefault(row["symbol"], []).append(row)
    return found


def _subjects(view: View, symbol: str, interval: str) -> list[dict[str, Any]]:
    """DefiLlama's chain and protocols of the symbol, each with its newest figures."""
    if not view.has("defillama_subjects"):
        return []
    found = []
    for row in view.snapshot.remember("subjects", _subjects_by_symbol).get(symbol, ()):
        subject = view.part(row, row["ingested_at"])
        for part in CAPITAL:
            subject[part.name] = part.of(view, row["subject_id"], interval=interval)
        found.append(subject)
    return found


def _subjects_by_symbol(snapshot: Snapshot) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for row in snapshot.rows(
        "select * from defillama_subjects where hyperliquid_symbol is not null order by subject_id"
    ):
        found.setdefault(row["hyperliquid_symbol"], []).append(row)
    return found
