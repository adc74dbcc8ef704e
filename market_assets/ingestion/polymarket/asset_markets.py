"""Prices of the markets that are about a Hyperliquid asset, by horizon, and how they ended.

Gamma is asked for the markets by condition id, the CLOB for the books of their first tokens, both
in batches. Bid and ask are the book's, which is of this second; Gamma's answers may be five minutes
old and stand in where the CLOB gives no book. Each row says whose they are, and when they came.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import polars as pl

from market_assets.frames import conform
from market_assets.ingestion.polymarket.market_rows import market_rows
from market_assets.ingestion.queries import query
from market_assets.ingestion.silence import refuse_silence
from market_assets.sources.errors import VenueError
from market_assets.sources.polymarket.host import VENUE
from market_assets.storage.common.changes import Change, Delete, Merge, Written
from market_assets.tables import (
    POLYMARKET_IMMEDIATE_MARKETS,
    POLYMARKET_LATER_MARKETS,
    POLYMARKET_MARKETS,
    POLYMARKET_RECENTLY_CLOSED_MARKETS,
    TableSpec,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from market_assets.clock import Clock
    from market_assets.sources.polymarket.clob import ClobClient
    from market_assets.sources.polymarket.gamma import GammaClient
    from market_assets.sources.polymarket.model import Book, Market
    from market_assets.storage.api import Store
    from market_assets.storage.common.runs import IngestionRun

HORIZON: Final = timedelta(days=7)
"""Markets that end within it are immediate, others later; closed ones are recent so long."""
_DECIMALS: Final = 6
"""More than any tick has: the difference of two floats ends where their tick does."""
WIDEST_SPREAD: Final = 0.10
"""With a wider spread the midpoint says nothing, and the last trade stands for the price."""


@dataclass
class MarketsRead:
    """What a run brought.

    Attributes:
        written: rows of the asset's own table.
        frame: these rows.
        linked: markets about an asset that the catalogue has for this horizon.
        closed_meanwhile: those of them that are closed by now.
        without_book: those priced by Gamma's quotes, because the CLOB gave no book.
        rejected: what made no sense, with the reason.
        clob_error: why no book could be read at all; None if some could.
    """

    written: Written
    frame: pl.DataFrame
    linked: int
    closed_meanwhile: int = 0
    without_book: int = 0
    rejected: dict[str, str] = field(default_factory=dict)
    clob_error: str | None = None


def read_open_markets(
    table: TableSpec,
    gamma: GammaClient,
    clob: ClobClient,
    store: Store,
    *,
    clock: Clock,
    run: IngestionRun | None = None,
) -> MarketsRead:
    """Prices now of the markets about an asset that end within a week, or that end later.

    Args:
        table: `POLYMARKET_IMMEDIATE_MARKETS` or `POLYMARKET_LATER_MARKETS`; says which.
        gamma: the catalogue.
        clob: the books; without them Gamma's quotes are used.
        store: has the links, and takes the rows and what is newly known of the markets.
        clock: for the horizon and the time of receipt.
        run: what the rows are counted in.

    Raises:
        VenueError: Gamma could not be asked.
    """
    is_immediate = table is POLYMARKET_IMMEDIATE_MARKETS
    params = {"horizon": clock.now() + HORIZON, "is_immediate": is_immediate}
    links = store.read(query("polymarket", "open_asset_markets"), params)
    ids = links["condition_id"].unique(maintain_order=True).to_list()
    markets, rejected = _asked(gamma, ids)
    gamma_at = clock.now()
    open_markets = [market for market in markets if not market.closed]
    books, clob_error = _books(clob, open_markets, rejected)
    if run is not None and clob_error is not None:
        run.left_out = {"books": clob_error}
    now = clock.now()
    frame = _with_symbols(table, prices(open_markets, books, now, gamma_at), links)
    return MarketsRead(
        written=_write(
            store,
            table,
            frame,
            market_rows(store, markets, now, clob_says=_neg_risk(markets, books)),
            run,
        ),
        frame=frame,
        linked=len(ids),
        closed_meanwhile=len(markets) - len(open_markets),
        without_book=sum(_first_token(market) not in books for market in open_markets),
        rejected=rejected,
        clob_error=clob_error,
    )


def read_closed_markets(
    gamma: GammaClient, store: Store, *, clock: Clock, run: IngestionRun | None = None
) -> MarketsRead:
    """How the markets about an asset ended that closed within the last week.

    The table holds exactly those: one that closed longer ago, or is about the asset no more,
    leaves it. Of one that the answer leaves out nothing is said: its row stays.

    Raises:
        VenueError: Gamma could not be asked; the table stays as it was.
    """
    table = POLYMARKET_RECENTLY_CLOSED_MARKETS
    since = clock.now() - HORIZON
    params = {"since": since, "now": clock.now()}
    links = store.read(query("polymarket", "closed_asset_markets"), params)
    ids = links["condition_id"].unique(maintain_order=True).to_list()
    markets, rejected = _asked(gamma, ids)
    now = clock.now()
    seen_closed = dict(links.select("condition_id", "seen_closed_at").iter_rows())
    ended = {
        market: closed_at(market, seen_closed.get(market.condition_id) or now)
        for market in markets
        if market.closed
    }
    ended = {market: at for market, at in ended.items() if at >= since}
    frame = _with_symbols(table, endings(ended, now), links)
    silent = set(ids) - {market.condition_id for market in markets}
    stale = Delete(
        table,
        "closed_at < ? or ((condition_id, symbol) not in (select (unnest(?), unnest(?)))"
        " and condition_id not in (select unnest(?)))",
        [since, frame["condition_id"].to_list(), frame["symbol"].to_list(), sorted(silent)],
    )
    written = _write(store, table, frame, market_rows(store, markets, now), run, stale)
    return MarketsRead(
        written=written,
        frame=frame,
        linked=len(ids),
        rejected=rejected,
    )


def prices(
    markets: Sequence[Market], books: Mapping[str, Book], now: datetime, gamma_at: datetime
) -> pl.DataFrame:
    """One row per market: its price and quotes, and what Gamma says of it.

    Args:
        markets: open markets, as Gamma has them.
        books: by token, the books of their first outcomes.
        now: when the books were received.
        gamma_at: when the markets were received.
    """
    rows = []
    for market in markets:
        book = books.get(_first_token(market) or "")
        bid, ask = _quotes(market, book)
        spread = None if bid is None or ask is None else round(ask - bid, _DECIMALS)
        rows.append(
            {
                "condition_id": market.condition_id,
                "as_of": now,
                "question": market.question,
                "yes_price": yes_price(bid, ask, market.last_trade_price),
                "best_bid": bid,
                "best_ask": ask,
                "spread": spread,
                "quote_source": "gamma" if book is None else "clob",
                "observed_at": gamma_at if book is None else now,
                "liquidity_usd": market.liquidity_usd,
                "volume_24h_usd": market.volume_24h_usd,
                "hours_to_end": _hours(now, market.end_at),
                "end_at": market.end_at,
                "ingested_at": now,
            }
        )
    schema = {n: t for n, t in POLYMARKET_LATER_MARKETS.schema.items() if n != "symbol"}
    return pl.DataFrame(rows, schema=schema)


def _quotes(market: Market, book: Book | None) -> tuple[float | None, float | None]:
    """Best bid and ask of the first outcome; None for a side without orders.

    Of such a side Gamma says 0 or 1: a midpoint with it would be a price that nobody offers.
    """
    if book is not None:
        return (
            book.bids[0][0] if book.bids else None,
            book.asks[0][0] if book.asks else None,
        )
    return market.best_bid or None, None if market.best_ask == 1.0 else market.best_ask


def yes_price(bid: float | None, ask: float | None, last_trade: float | None) -> float | None:
    """The midpoint where the spread is at most 0.10, else the last trade: the website's rule.

    A crossed book has no midpoint. The last trade is Gamma's, which on recorded open markets is
    the first outcome's; the CLOB's is that of whichever token was traded last.
    """
    if bid is not None and ask is not None and 0 <= ask - bid <= WIDEST_SPREAD + 1e-9:
        return (bid + ask) / 2
    return last_trade


def endings(markets: Mapping[Market, datetime], now: datetime) -> pl.DataFrame:
    """One row per closed market: when it closed, who won, and the last price of its first outcome.

    Args:
        markets: closed markets, each with the instant at which it closed.
        now: when they were received.
    """
    rows = [
        {
            "condition_id": market.condition_id,
            "question": market.question,
            "closed_at": ended_at,
            "winning_outcome": market.winning_outcome,
            "winner_source": market.winner_source,
            "final_yes_price": market.outcome_prices[0] if market.outcome_prices else None,
            "volume_usd": market.volume_usd,
            "ingested_at": now,
        }
        for market, ended_at in markets.items()
    ]
    table = POLYMARKET_RECENTLY_CLOSED_MARKETS
    return pl.DataFrame(rows, schema={n: t for n, t in table.schema.items() if n != "symbol"})


def closed_at(market: Market, seen_closed_at: datetime) -> datetime:
    """When a closed market closed; where the venue does not say, when it was due to.

    One that was closed early is seen closed before that is due, and has closed by then.
    """
    if market.closed_at is not None:
        return market.closed_at
    return seen_closed_at if market.end_at is None else min(market.end_at, seen_closed_at)


def _with_symbols(table: TableSpec, frame: pl.DataFrame, links: pl.DataFrame) -> pl.DataFrame:
    """A row for each asset that a market is about."""
    joined = frame.join(
        links.select("condition_id", "symbol"), on="condition_id", maintain_order="left"
    )
    return conform(table, joined)


def _asked(gamma: GammaClient, ids: Sequence[str]) -> tuple[tuple[Market, ...], dict[str, str]]:
    """Markets of the catalogue as they are now, and what made no sense.

    Raises:
        VenueError: they could not be had, or the venue knows none of them.
    """
    if not ids:
        return (), {}
    answer = gamma.markets(ids)
    refuse_silence(VENUE, "/markets", known=len(ids), answered=len(answer.markets))
    return answer.markets, dict(answer.rejected)


def _books(
    clob: ClobClient, markets: Sequence[Market], rejected: dict[str, str]
) -> tuple[Mapping[str, Book], str | None]:
    """Books by token, and why there are none where the CLOB cannot be asked.

    `rejected` is given the books that made no sense and those of which nothing could be had.
    """
    tokens = [token for market in markets if (token := _first_token(market)) is not None]
    if not tokens:
        return {}, None
    try:
        answer = clob.books(tokens)
    except VenueError as error:
        return {}, str(error)
    rejected |= answer.rejected
    return answer.books, None


def _neg_risk(markets: Sequence[Market], books: Mapping[str, Book]) -> dict[str, bool]:
    """What the books say of their markets."""
    return {
        market.condition_id: book.neg_risk
        for market in markets
        if (book := books.get(_first_token(market) or "")) is not None and book.neg_risk is not None
    }


def _write(
    store: Store,
    table: TableSpec,
    frame: pl.DataFrame,
    markets: pl.DataFrame,
    run: IngestionRun | None,
    *more: Change,
) -> Written:
    """The asset's rows and the catalogue's, in one transaction."""
    return store.write(
        Merge(table, frame),
        Merge(POLYMARKET_MARKETS, markets),
        *more,
        runs=() if run is None else (run,),
    )[0]


def _first_token(market: Market) -> str | None:
    return market.token_ids[0] if market.token_ids else None


def _hours(now: datetime, end_at: datetime | None) -> float | None:
    return None if end_at is None else (end_at - now) / timedelta(hours=1)
