"""Hyperliquid's features: five assets, one run, one read of the store.

Each asset says what it is made of and where it goes; formulas are in `features/`, what may be used
in `derived/`, whose books are asked for in `ingestion/hyperliquid/`. In a run they share
`feature_inputs`; alone, each reads them for itself.
"""

from datetime import timedelta
from typing import Any, Final

import dagster as dg
import polars as pl

from market_assets import tables
from market_assets.channels import channel_of
from market_assets.clock import SystemClock
from market_assets.defs.expected import fails_in_a_line
from market_assets.defs.hyperliquid import Hyperliquid, hyperliquid_candles
from market_assets.defs.hyperliquid_markets import (
    hyperliquid_asset_contexts,
    hyperliquid_funding_rates,
)
from market_assets.defs.options import asset_options, count_rows, preview, some, written_result
from market_assets.defs.publishing import publishes
from market_assets.defs.runs import Market, ingestion_run
from market_assets.derived.inputs import INTERVALS, FeatureInputs, Inputs, InputsMissing
from market_assets.ingestion.hyperliquid.books import Turn, fetch_books, whose_turn
from market_assets.settings import Settings
from market_assets.storage.api import Store

Features = dg.ResourceParam[FeatureInputs]
Chosen = dg.ResourceParam[Settings]

_KINDS: Final = {"polars", "duckdb"}
_GROUP: Final = "features"
_SERIES_CHECK: Final = "candle_series_are_whole"
_BOOKS_WITHIN: Final = timedelta(seconds=60)
"""How long a run asks for books; whose turn it was and who was not asked comes first next time."""


def _series_check(asset: str) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(
        _SERIES_CHECK,
        asset=asset,
        description="No candle series is stale, has a hole in its last hour, or contradicts "
        "itself. One that does costs its own symbol's features and nobody else's.",
    )


@dg.asset(
    **asset_options("hyperliquid_technical_indicators", kinds=_KINDS, group=_GROUP),
    deps=[hyperliquid_candles],
    check_specs=[_series_check("hyperliquid_technical_indicators")],
)
@fails_in_a_line
@publishes
def hyperliquid_technical_indicators(
    context: dg.AssetExecutionContext, feature_inputs: Features, settings: Chosen, store: Market
) -> dg.MaterializeResult:  # type: ignore[type-arg]  # with checks, Dagster takes no other
    """One row per asset, interval (1m and 1h) and close of a candle: averages, RSI, MACD, ATR, ADX.

    Equal to TA-Lib's over the candles that there are, every 5 minutes; NULL where the history is
    too short.
    """
    from market_assets.features.indicators import technical_indicators  # noqa: PLC0415 - only here

    inputs = _now(feature_inputs)
    rows = [
        technical_indicators(
            _usable(inputs, interval),
            interval=interval,
            as_of=inputs.as_of,
            delisted=inputs.delisted,
        )
        for interval in INTERVALS
        if interval == "1m" or inputs.verdicts[interval].usable  # no hour may be over yet
    ]
    shown = ("symbol", "interval", "as_of", "close", "rsi_14", "macd", "atr_14", "adx_14")
    return _stored(
        context, store, inputs, pl.concat(rows), shown=shown, settings=settings, series=INTERVALS
    )


@dg.asset(
    **asset_options("hyperliquid_volatility_profiles", kinds=_KINDS, group=_GROUP),
    deps=[hyperliquid_candles],
    check_specs=[_series_check("hyperliquid_volatility_profiles")],
)
@fails_in_a_line
@publishes
def hyperliquid_volatility_profiles(
    context: dg.AssetExecutionContext, feature_inputs: Features, settings: Chosen, store: Market
) -> dg.MaterializeResult:  # type: ignore[type-arg]  # with checks, Dagster takes no other
    """One row per asset and close of a 1-minute candle: volatility by six estimators, and a regime.

    Annualised for a market that never closes (365 days), every 5 minutes; beside it the share of
    minutes that traded.
    """
    from market_assets.features.volatility import volatility_profiles  # noqa: PLC0415 - only here

    inputs = _now(feature_inputs)
    frame = volatility_profiles(
        _usable(inputs, "1m"),
        as_of=inputs.as_of,
        thresholds=settings.thresholds.volatility,
        delisted=inputs.delisted,
    )
    shown = ("symbol", "as_of", "realized_vol_24h_rate", "range_24h_pct", "regime")
    return _stored(context, store, inputs, frame, shown=shown, settings=settings, series=("1m",))


@dg.asset(
    **asset_options("hyperliquid_funding_pressure", kinds=_KINDS, group=_GROUP),
    deps=[hyperliquid_asset_contexts, hyperliquid_funding_rates],
)
@fails_in_a_line
@publishes
def hyperliquid_funding_pressure(
    context: dg.AssetExecutionContext, feature_inputs: Features, settings: Chosen, store: Market
) -> dg.MaterializeResult[Any]:
    """One row per perpetual and asset context: the running hour's funding against day and week.

    By premium and its percentile as well as z-score, because half of all rates are the same; every
    5 minutes.
    """
    from market_assets.features.funding import funding_pressure  # noqa: PLC0415 - only here

    inputs = _now(feature_inputs)
    frame = funding_pressure(
        inputs.rates,
        _contexts(inputs),
        as_of=inputs.as_of,
        thresholds=settings.thresholds.funding,
    )
    shown = ("symbol", "as_of", "funding_annualized_pct", "premium_bps", "pressure")
    return _stored(context, store, inputs, frame, shown=shown, settings=settings)


@dg.asset(
    **asset_options("hyperliquid_positioning_pressure", kinds=_KINDS, group=_GROUP),
    deps=[hyperliquid_asset_contexts],
)
@fails_in_a_line
@publishes
def hyperliquid_positioning_pressure(
    context: dg.AssetExecutionContext, feature_inputs: Features, settings: Chosen, store: Market
) -> dg.MaterializeResult[Any]:
    """One row per perpetual and asset context: open interest against an hour and a day before.

    In base units, against the project's own earlier contexts: NULL until there are such; every 5
    minutes.
    """
    from market_assets.features.positioning import positioning_pressure  # noqa: PLC0415 - only here

    inputs = _now(feature_inputs)
    frame = positioning_pressure(
        _contexts(inputs), as_of=inputs.as_of, thresholds=settings.thresholds.positioning
    )
    shown = ("symbol", "as_of", "open_interest_usd", "oi_change_1h_pct", "pressure")
    return _stored(context, store, inputs, frame, shown=shown, settings=settings)


@dg.asset(
    **asset_options(
        "hyperliquid_liquidity_profiles",
        kinds={"http", *_KINDS},
        group=_GROUP,
        pool="hyperliquid_books",
    ),
    deps=[hyperliquid_asset_contexts],
)
@fails_in_a_line
@publishes
def hyperliquid_liquidity_profiles(
    context: dg.AssetExecutionContext,
    feature_inputs: Features,
    settings: Chosen,
    hyperliquid: Hyperliquid,
    store: Market,
) -> dg.MaterializeResult[Any]:
    """One row per asset and order book: spread, depth within 10 and 50 bps, slippage, imbalance.

    Hyperliquid's `l2Book`, every 5 minutes: the 60 most traded assets each time, of the others the
    60 that have waited longest. `as_of` is the instant of the book.
    """
    from market_assets.features.liquidity import liquidity_profiles  # noqa: PLC0415 - only here
    from market_assets.sources.hyperliquid.frames import book_levels  # noqa: PLC0415 - only here

    inputs = _now(feature_inputs)
    contexts = _contexts(inputs)
    ranked = settings.restricted(inputs.ranked)
    turn = whose_turn(ranked, inputs.profiled_at, Turn())
    books = fetch_books(hyperliquid, turn, within=_BOOKS_WITHIN, clock=SystemClock())
    if turn and not books.fine:
        why = next(iter(books.failed.values()), "no time")
        raise dg.Failure(f"no book could be had: {why}")
    frame = liquidity_profiles(
        book_levels(books.fine),
        [book_levels(coarse) for coarse in books.coarse],
        contexts,
        as_of=SystemClock().now() + timedelta(minutes=1),  # the exchange's clock may be ahead
    )
    shown = ("symbol", "as_of", "mid", "spread_bps", "bid_depth_50bps_usd", "imbalance_10bps")
    return _stored(
        context,
        store,
        inputs,
        frame,
        shown=shown,
        settings=settings,
        books=len(books.fine),
        coarse_books=sum(map(len, books.coarse)),
        assets_ranked=len(ranked),
        not_asked=len(books.not_asked),
        failed=some(books.failed),
    )


def _now(feature_inputs: FeatureInputs) -> Inputs:
    return feature_inputs.now


def _usable(inputs: Inputs, interval: str) -> "pl.DataFrame":
    """The candles that may be used, or a failure that says what is missing."""
    try:
        return inputs.usable(interval)
    except InputsMissing as missing:
        raise dg.Failure(str(missing)) from missing


def _contexts(inputs: Inputs) -> "pl.DataFrame":
    try:
        return inputs.fresh_contexts()
    except InputsMissing as missing:
        raise dg.Failure(str(missing)) from missing


def _stored(
    context: dg.AssetExecutionContext,
    store: Store,
    inputs: Inputs,
    frame: "pl.DataFrame",
    *,
    shown: tuple[str, ...],
    settings: Settings,
    series: tuple[str, ...] = (),
    **figures: object,
) -> dg.MaterializeResult[Any]:
    """Write the rows, and say how many, how old, and whose are missing."""
    table = tables.table(context.asset_key.to_user_string())
    written = store.merge(table, frame, run=ingestion_run(context, channel_of(table.name).name))
    newest = written.event_to_at
    blocked = {
        f"{symbol} {interval}": why
        for interval in series
        for symbol, why in inputs.verdicts[interval].blocked.items()
        if symbol not in inputs.delisted
        and symbol in inputs.streamed
        and (not settings.wanted_symbols or symbol in settings.wanted_symbols)
    }
    result = written_result(
        written,
        row_count=count_rows(store, table),
        symbols=frame["symbol"].n_unique(),
        lag_s=None if newest is None else (SystemClock().now() - newest).total_seconds(),
        contexts_age_s=inputs.contexts_age and inputs.contexts_age.total_seconds(),
        preview=preview(_by_rank(frame, inputs), shown),
        **figures,
    )
    if not series:
        return result
    check = dg.AssetCheckResult(
        passed=not blocked,
        check_name=_SERIES_CHECK,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"series_blocked": len(blocked), "some_of_them": some(blocked) or {}},
    )
    return dg.MaterializeResult(
        metadata={**(result.metadata or {}), "series_blocked": len(blocked)}, check_results=[check]
    )


def _by_rank(frame: "pl.DataFrame", inputs: Inputs) -> "pl.DataFrame":
    """The most traded assets first."""
    rank = pl.DataFrame({"symbol": inputs.ranked}, schema={"symbol": pl.String}).with_row_index()
    return frame.join(rank, on="symbol", how="left").sort("index", nulls_last=True)
