"""What it costs to trade now: spread, depth near the mid, slippage of a market order.

An exchange shows twenty levels of a book. At full precision they reach a few basis points (BTC: 2),
so the touch and slippage are read from that *fine* book, and depth further out from *coarse* ones
(levels rounded outwards to fewer significant figures). What lies beyond the last level is unknown,
never 0.

Not here: how far apart two books may be (`thresholds.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from market_assets.features.contexts import NOW_WITHIN, known_at
from market_assets.features.thresholds import LiquidityThresholds
from market_assets.frames import conform
from market_assets.tables import BOOK_LEVELS, HYPERLIQUID_LIQUIDITY_PROFILES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

_BANDS: Final = (10, 50)
_SIDES: Final = ("bid", "ask")
_ORDER: Final = 10_000
"""Dollars of the market order whose slippage is computed; it stands in the columns' names."""
_BPS: Final = 10_000
_ROUNDING: Final = 1e-12
_DEFAULTS: Final = LiquidityThresholds()
_IS_BID: Final = pl.col("side") == "bid"


_OF_CONTEXT: Final = (
    "symbol",
    "observed_at",
    "quote_usd",
    "impact_bid_px",
    "impact_ask_px",
    "volume_24h_usd",
    "is_delisted",
)


def liquidity_profiles(
    fine: pl.DataFrame,
    coarse: Sequence[pl.DataFrame],
    contexts: pl.DataFrame,
    *,
    as_of: datetime,
    thresholds: LiquidityThresholds = _DEFAULTS,
) -> pl.DataFrame:
    """Spread, depth, imbalance and slippage of each symbol that has a fine book.

    A band's depth is read from the finest book of which both sides reach beyond the band; where
    none does, a side has what a coarse book shows of it, or NULL. A coarse level counts only if its
    outer edge lies in the band, so depth is never overstated; where no level does, the book is too
    coarse for the band, and says nothing of it. A book that is crossed, or has one
    side only, has a row with its touch and nothing that rests on a mid. Amounts in dollars are by
    the price of the token that the asset is quoted in; NULL where no context of then has one.

    Args:
        fine: `BOOK_LEVELS` at full precision, in any order; of several books of a symbol, the
            latest is used.
        coarse: the same with fewer significant figures, each frame coarser than the one before;
            may lack symbols, or be empty.
        contexts: rows of `hyperliquid_asset_contexts`: the token's price, impact prices, volume,
            what is delisted; of each symbol the latest before the book, if it is of that time.
        as_of: only books and contexts of that instant or before are used.
        thresholds: how books are read.

    Returns:
        Rows of `hyperliquid_liquidity_profiles`, by symbol. `as_of` is the instant of the book; of
        the latest one, where several are used.

    Raises:
        FrameError: `fine` or `coarse` is no frame of `BOOK_LEVELS`.
    """
    fine_levels = _latest_books(fine, as_of)
    touches = _touches(fine_levels)
    paired = touches.select("symbol", "mid", fine_at="book_at")
    apart = (pl.col("book_at") - pl.col("fine_at")).abs()
    of_the_fine = _depths(fine_levels.join(paired, on="symbol")).drop("book_at")
    books = touches.join(of_the_fine, on="symbol", how="left")
    for nth, levels in enumerate(coarse, start=1):
        near = _latest_books(levels, as_of).join(paired, on="symbol")
        near = near.filter(apart <= thresholds.books_within)
        books = books.join(_depths(near, coarse=True), on="symbol", how="left", suffix=f"_{nth}")
    suffixes = ("", *(f"_{nth}" for nth in range(1, len(coarse) + 1)))
    of_then = (
        books.with_columns(as_of=pl.max_horizontal(f"book_at{suffix}" for suffix in suffixes))
        .sort("as_of")
        .join_asof(
            known_at(contexts, as_of).select(_OF_CONTEXT).sort("observed_at"),
            left_on="as_of",
            right_on="observed_at",
            by="symbol",
            tolerance=NOW_WITHIN,
            check_sortedness=False,  # Polars cannot see the order within symbols
        )
        .filter(~pl.col("is_delisted").fill_null(value=False))
    )
    profiles = of_then.join(_fills(fine_levels, of_then), on="symbol", how="left")
    return conform(
        HYPERLIQUID_LIQUIDITY_PROFILES,
        profiles.with_columns(
            _depth_of_band(band, side, suffixes) for band in _BANDS for side in _SIDES
        )
        .with_columns(_at_least_the_narrower_band(side) for side in _SIDES)
        .select(
            "symbol",
            "as_of",
            "best_bid",
            "best_ask",
            "mid",
            spread_bps=_BPS * (pl.col("best_ask") - pl.col("best_bid")) / pl.col("mid"),
            **{
                f"{side}_depth_{band}bps_usd": pl.col(f"{side}_{band}") * pl.col("quote_usd")
                for band in _BANDS
                for side in _SIDES
            },
            imbalance_10bps=_imbalance("bid_10", "ask_10"),
            imbalance_touch=pl.when(pl.col("mid").is_not_null()).then(
                _imbalance("bid_sz", "ask_sz")
            ),
            buy_slippage_10k_bps=_BPS * (pl.col("ask_fill") / pl.col("mid") - 1),
            sell_slippage_10k_bps=_BPS * (1 - pl.col("bid_fill") / pl.col("mid")),
            impact_spread_bps=_impact_spread(),
            **{
                f"{side}_reach_bps": pl.max_horizontal(
                    f"{side}_reach{suffix}" for suffix in suffixes
                )
                for side in _SIDES
            },
            volume_24h_usd="volume_24h_usd",
        )
        .sort("symbol"),
    )


def _latest_books(levels: pl.DataFrame, as_of: datetime) -> pl.DataFrame:
    """The levels of each symbol's latest book, best first."""
    return (
        conform(BOOK_LEVELS, levels)
        .filter(pl.col("book_at") <= as_of)
        .filter(pl.col("book_at") == pl.col("book_at").max().over("symbol"))
        .sort("symbol", "side", pl.when(_IS_BID).then(-pl.col("px")).otherwise(pl.col("px")))
    )


def _touches(levels: pl.DataFrame) -> pl.DataFrame:
    """Best bid and ask of each symbol, and their middle unless the book is crossed."""
    bid, ask = pl.col("best_bid"), pl.col("best_ask")
    return (
        levels.group_by("symbol")
        .agg(
            pl.col("book_at").first(),
            best_bid=pl.col("px").filter(_IS_BID).first(),
            best_ask=pl.col("px").filter(~_IS_BID).first(),
            bid_sz=pl.col("sz").filter(_IS_BID).first(),
            ask_sz=pl.col("sz").filter(~_IS_BID).first(),
        )
        .with_columns(mid=pl.when(bid < ask).then((bid + ask) / 2))
    )


def _depths(levels: pl.DataFrame, *, coarse: bool = False) -> pl.DataFrame:
    """Value within each band of the mid, and how far each side reaches; NULL beyond its reach."""
    mid, px = pl.col("mid"), pl.col("px")
    away = pl.when(_IS_BID).then(mid - px).otherwise(px - mid) / mid
    levels = levels.filter(mid.is_not_null()).with_columns(value=px * pl.col("sz"), away=away)
    return levels.group_by("symbol").agg(
        pl.col("book_at").first(),
        *(
            pl.col("away").filter(side=side).max().mul(_BPS).alias(f"{side}_reach")
            for side in _SIDES
        ),
        *(
            _within(mid * (1 + sign * band / _BPS), side, coarse=coarse).alias(f"{side}_{band}")
            for side, sign in (("bid", -1), ("ask", 1))
            for band in _BANDS
        ),
    )


def _within(bound: pl.Expr, side: str, *, coarse: bool) -> pl.Expr:
    """The value of a side's levels up to a price; NULL if its last level lies before that."""
    # Prices are decimals and so is the bound: one on the bound is there in spite of rounding.
    past = pl.col("px") / bound - 1 if side == "ask" else 1 - pl.col("px") / bound
    is_side = pl.col("side") == side
    is_inside = is_side & (past <= _ROUNDING)
    known = (is_side & (past >= -_ROUNDING)).any()
    if coarse:  # the first level may begin within the band and end beyond it
        known &= is_inside.any()
    return pl.when(known).then(pl.col("value").filter(is_inside).sum())


def _depth_of_band(band: int, side: str, suffixes: Sequence[str]) -> pl.Expr:
    """A side's depth, of the finest book that both sides of the band can be read from."""
    coarser = suffixes[1:] or suffixes
    depth = pl.coalesce(f"{side}_{band}{suffix}" for suffix in reversed(coarser))
    for suffix in reversed(suffixes):
        both = pl.all_horizontal(pl.col(f"{s}_{band}{suffix}").is_not_null() for s in _SIDES)
        depth = pl.when(both).then(pl.col(f"{side}_{band}{suffix}")).otherwise(depth)
    return depth.alias(f"{side}_{band}")


def _fills(levels: pl.DataFrame, books: pl.DataFrame) -> pl.DataFrame:
    """The average price of trading `_ORDER`; NULL where a side has less, or the token no price."""
    value = pl.col("px") * pl.col("sz")
    order = pl.col("order")
    orders = books.select("symbol", order=_ORDER / pl.col("quote_usd"))
    walked = (
        levels.join(orders, on="symbol", maintain_order="left")
        .with_columns(before=value.cum_sum().over("symbol", "side") - value, value=value)
        .with_columns(taken=(order - pl.col("before")).clip(0, pl.col("value")))
    )
    base = pl.col("taken") / pl.col("px")
    return walked.group_by("symbol").agg(
        pl.when(pl.col("value").filter(side=side).sum() >= order.first())
        .then(order.first() / base.filter(side=side).sum())
        .alias(f"{side}_fill")
        for side in _SIDES
    )


def _imbalance(bid: str, ask: str) -> pl.Expr:
    total = pl.col(bid) + pl.col(ask)
    return pl.when(total > 0).then((pl.col(bid) - pl.col(ask)) / total)


def _impact_spread() -> pl.Expr:
    """Over the middle of the impact prices themselves: they are of one instant, the book's not."""
    bid, ask = pl.col("impact_bid_px"), pl.col("impact_ask_px")
    return pl.when((bid > 0) & (bid <= ask)).then(2 * _BPS * (ask - bid) / (ask + bid))


def _at_least_the_narrower_band(side: str) -> pl.Expr:
    """The wide band holds the narrow one, though a coarse book may show less of it.

    A coarse level counts by its outer edge, so what the fine book shows near a band's bound can be
    missing from the coarse one.
    """
    narrow, wide = (pl.col(f"{side}_{band}") for band in _BANDS)
    return (
        pl.when(wide.is_not_null())
        .then(pl.max_horizontal(narrow, wide))
        .alias(wide.meta.output_name())
    )
