"""All kinds of signals at one instant, from the rows of the tables that they are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from market_assets.channels import channel_of
from market_assets.features.polymarket_signals import arbitrage, book_moves, divergence
from market_assets.features.polymarket_signals import open_interest as interest
from market_assets.features.polymarket_signals import trades as trading
from market_assets.features.polymarket_signals.books import FRESH, book_series
from market_assets.features.polymarket_signals.cases import begun, looked_back
from market_assets.frames import conform
from market_assets.tables import POLYMARKET_SIGNAL_EVENTS

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from market_assets.features.thresholds import SignalThresholds


@dataclass(frozen=True)
class SignalRows:
    """What signals are made of; each frame may hold more than is needed, in any order.

    Attributes:
        trades: rows of `polymarket_trades`: eight days, of the markets that traded lately.
        metrics: rows of `polymarket_market_metrics`: the history (`cases.looked_back`) and an hour.
        heads: rows of `polymarket_books`.
        tops: rows of `polymarket_book_tops`: the history and five minutes.
        spreads: `token_id`, `observed_at` and `spread` of the same table: a day.
        markets: rows of `polymarket_markets`: those with books, and all of their negative-risk
            events.
        links: rows of `polymarket_market_asset_links`.
        mids: rows of `hyperliquid_mid_prices`: the history, or as far back as there are some.
        volatility: rows of `hyperliquid_volatility_profiles`: the history and more.
        told: signals that are stored (`cases.TOLD`).
        last_run_at: when signals were last looked for; None: never.
    """

    trades: pl.DataFrame
    metrics: pl.DataFrame
    heads: pl.DataFrame
    tops: pl.DataFrame
    spreads: pl.DataFrame
    markets: pl.DataFrame
    links: pl.DataFrame
    mids: pl.DataFrame
    volatility: pl.DataFrame
    told: pl.DataFrame
    last_run_at: datetime | None = None


def signal_events(
    rows: SignalRows, thresholds: SignalThresholds, *, as_of: datetime
) -> pl.DataFrame:
    """The signals that are new at an instant.

    Args:
        rows: what they are made of; what is of after `as_of` is left out.
        thresholds: from which score on there is a signal, by kind.
        as_of: now.

    Returns:
        Rows of `polymarket_signal_events`, by kind, market and token.
    """
    symbols = symbol_of_each(rows.links, as_of)
    found = [
        trading.large_trades(
            rows.trades,
            threshold=thresholds.large_trade,
            as_of=as_of,
            last_run_at=rows.last_run_at,
        )
    ]
    back = looked_back(as_of, rows.last_run_at)
    for kind, (points, within) in _scores(rows, symbols, as_of, back).items():
        found.append(
            begun(
                kind,
                points,
                threshold=getattr(thresholds, kind),
                told=rows.told,
                as_of=as_of,
                within=within,
                history=back,
            )
        )
    linked = (
        pl.concat(found)
        .join(symbols.rename({"symbol": "linked"}), on="condition_id", how="left")
        .with_columns(symbol=pl.coalesce("symbol", "linked"))
        .drop("linked")
        .sort("kind", "condition_id", "token_id", "as_of", "signal_id")
    )
    return conform(POLYMARKET_SIGNAL_EVENTS, linked)


def symbol_of_each(links: pl.DataFrame, as_of: datetime) -> pl.DataFrame:
    """The asset that each market is about: of several the surest, and by name where two are.

    Args:
        links: rows of `polymarket_market_asset_links`.
        as_of: links that were made later are left out.
    """
    return (
        links.filter(pl.col("linked_at") <= as_of)
        .sort("condition_id", "confidence", "symbol", descending=[False, True, False])
        .unique("condition_id", keep="first", maintain_order=True)
        .select("condition_id", "symbol")
    )


def _scores(
    rows: SignalRows, symbols: pl.DataFrame, as_of: datetime, back: timedelta
) -> dict[str, tuple[pl.DataFrame, timedelta]]:
    """Scores by kind, and how old the newest may be: as old as its channel is called fresh."""
    tokens = rows.markets.select("condition_id", pl.col("token_ids").alias("token_id"))
    tokens = tokens.explode("token_id").drop_nulls()
    books = book_series(rows.heads, rows.tops, tokens, as_of=as_of)
    asked = divergence.asked_prices(rows.markets, symbols)
    metrics_within = channel_of("polymarket_market_metrics").freshness_window
    return {
        trading.VOLUME_SPIKE: (
            trading.volume_spikes(rows.trades, as_of=as_of, history=back),
            FRESH,
        ),
        interest.OPEN_INTEREST_JUMP: (
            interest.open_interest_jumps(rows.metrics, as_of=as_of, history=back),
            metrics_within,
        ),
        book_moves.SPREAD_BLOWOUT: (
            book_moves.spread_blowouts(books, rows.spreads, as_of=as_of, history=back),
            FRESH,
        ),
        book_moves.BOOK_IMBALANCE: (
            book_moves.book_imbalances(books, as_of=as_of, history=back),
            FRESH,
        ),
        book_moves.PRICE_JUMP: (book_moves.price_jumps(books, as_of=as_of, history=back), FRESH),
        arbitrage.COMPLEMENT_ARBITRAGE: (
            arbitrage.complement_arbitrages(books, rows.markets, as_of=as_of),
            FRESH,
        ),
        arbitrage.NEGATIVE_RISK_ARBITRAGE: (
            arbitrage.negative_risk_arbitrages(books, rows.markets, as_of=as_of),
            FRESH,
        ),
        divergence.ASSET_DIVERGENCE: (
            divergence.asset_divergences(
                books, asked, rows.mids, rows.volatility, as_of=as_of, history=back
            ),
            FRESH,
        ),
    }
