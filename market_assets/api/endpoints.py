"""The routes: what is answered where, from which parameters, in which shape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from market_assets.api import parameters as ask
from market_assets.api import schemas as shape
from market_assets.api.books import book
from market_assets.api.dashboard import dashboard
from market_assets.api.latest import latest
from market_assets.api.listings import MOST_CANDLES, assets, candles
from market_assets.api.searches import search_markets, search_subjects
from market_assets.api.signals import MOST_SIGNALS, signals
from market_assets.tables import (
    HYPERLIQUID_ASSETS,
    HYPERLIQUID_CANDLES,
    POLYMARKET_BOOKS,
    POLYMARKET_MARKETS,
    POLYMARKET_ORDERBOOK_LEVELS,
)
from market_assets.tables.defillama import DEFILLAMA_SUBJECTS
from market_assets.tables.polymarket_signals import SIGNAL_KINDS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from market_assets.api.parameters import Parameter
    from market_assets.api.view import View

PAGE: Final = "/"
COMPLETENESS: Final = "/completeness"
PAGES: Final = (PAGE, COMPLETENESS)
"""Routes for people in a browser: what goes wrong there is a page too."""
HEALTH: Final = "/api/v1/ingestion/health"
METRICS: Final = "/metrics"
OPENAPI: Final = "/openapi.json"


@dataclass(frozen=True)
class Endpoint:
    """A route that is answered from the published file.

    Attributes:
        path: with the path parameters in braces.
        name: unique; `operationId` of the document.
        summary: one line for people.
        answer: makes the answer; it is JSON when `msgspec` has encoded it.
        schema: the answer's shape.
        parameters: what may be asked.
        doc: what the summary leaves open.
        by_the_minute: the answer changes with the minute, not only with the file.
        by_index: it is made from the index of markets, by threads of its own.
    """

    path: str
    name: str
    summary: str
    answer: Callable[[View, Mapping[str, Any]], dict[str, Any]]
    schema: Callable[[], dict[str, Any]]
    parameters: tuple[Parameter, ...] = ()
    doc: str = ""
    by_the_minute: bool = False
    by_index: bool = False


def _level() -> dict[str, Any]:
    """One price of a side."""
    return shape.row(POLYMARKET_ORDERBOOK_LEVELS, only=("price", "size"))


ENDPOINTS: Final = (
    Endpoint(
        "/api/v1/ingestion/dashboard",
        "dashboard",
        "Counts, newest instants, gaps and the last day's runs of each source",
        dashboard,
        shape.dashboard,
        by_the_minute=True,
    ),
    Endpoint(
        "/api/v1/assets",
        "assets",
        "The Hyperliquid registry with categories",
        assets,
        lambda: shape.members(
            as_of=shape.nullable(shape.INSTANT),
            age_s=shape.AGE,
            count=shape.INTEGER,
            assets=shape.listed(shape.row(HYPERLIQUID_ASSETS, categories=shape.TEXTS)),
        ),
    ),
    Endpoint(
        "/api/v1/assets/{symbol}/latest",
        "latest",
        "All that is known of a symbol now",
        latest,
        shape.latest,
        (
            ask.symbol(),
            ask.interval("Which candle and indicators."),
        ),
        "The latest mid, candle, context, funding rate, features, linked prediction markets (the "
        "20 most traded), their 10 newest signals and DefiLlama rows, each with its own `as_of` "
        "and age. A part that is not there is null or an empty list.",
    ),
    Endpoint(
        "/api/v1/assets/{symbol}/candles",
        "candles",
        "Candles, oldest first",
        candles,
        lambda: shape.members(
            symbol=shape.TEXT,
            interval=shape.TEXT,
            as_of=shape.nullable(shape.INSTANT),
            age_s=shape.AGE,
            count=shape.INTEGER,
            next_from=shape.nullable(shape.INSTANT),
            candles=shape.listed(shape.row(HYPERLIQUID_CANDLES)),
        ),
        (
            ask.symbol(),
            ask.interval("Length of a candle."),
            ask.instant(
                "from",
                "Candles that open at or after it. Default: the newest before `to`.",
            ),
            ask.instant("to", "Candles that open before it. Default: the newest ones there are."),
            ask.limit(default=500, most=MOST_CANDLES, of="candles"),
        ),
        f"`from` and `to` are RFC 3339 or Unix times, at most {MOST_CANDLES} intervals apart; "
        "`from` alone may lie as far back as one likes. Where `from` is given and there are more "
        "than `limit`, `next_from` says where to go on.",
    ),
    Endpoint(
        "/api/v1/polymarket/markets/search",
        "search_markets",
        "Prediction markets by the words of their question",
        search_markets,
        lambda: shape.members(
            q=shape.TEXT,
            count=shape.INTEGER,
            markets=shape.listed(shape.part(POLYMARKET_MARKETS, symbols=shape.TEXTS)),
        ),
        (
            ask.words(
                most=100,
                doc="Words that the question or slug has, in any order.",
                example="bitcoin",
            ),
            ask.limit(default=20, most=100, of="markets"),
        ),
        "Open markets first, then by what was traded. Case does not matter; no wildcards.",
        by_index=True,
    ),
    Endpoint(
        "/api/v1/polymarket/books/{token_id}",
        "book",
        "The present order book of a token",
        book,
        lambda: shape.part(
            POLYMARKET_BOOKS, bids=shape.listed(_level()), asks=shape.listed(_level())
        ),
        (ask.token(),),
        "The head and the levels of both sides, best first, of one state. `is_proven` says whether "
        "the venue's hash is that of exactly this book.",
    ),
    Endpoint(
        "/api/v1/polymarket/signals",
        "signals",
        "What stood out in prediction markets, newest first",
        signals,
        lambda: shape.members(count=shape.INTEGER, signals=shape.listed(shape.signal())),
        (
            ask.instant("since", "Signals of that instant or later. Default: all that are kept."),
            ask.chosen("kind", "Signals of this kind. Default: of every kind.", SIGNAL_KINDS),
            ask.of_symbol("Signals of markets about this Hyperliquid symbol. Default: of all."),
            ask.limit(default=100, most=MOST_SIGNALS, of="signals"),
        ),
        "One signal for each case that a score came to its threshold. `detail` has the figures "
        "behind the score. A case is told of once; a signal may come a minute or more after its "
        "`as_of`.",
    ),
    Endpoint(
        "/api/v1/defillama/subjects/search",
        "search_subjects",
        "DefiLlama's chains and protocols by id, name or token",
        search_subjects,
        lambda: shape.members(
            q=shape.TEXT,
            count=shape.INTEGER,
            subjects=shape.listed(shape.part(DEFILLAMA_SUBJECTS)),
        ),
        (
            ask.words(most=100, doc="Words that an id, name or token has.", example="aave"),
            ask.limit(default=20, most=100, of="subjects"),
        ),
        "Exact hits first, then those that are tracked. Case does not matter; no wildcards.",
    ),
)
