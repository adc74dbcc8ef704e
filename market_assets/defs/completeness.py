"""What there is of each day: a table that says where the holes are."""

from typing import Any, Final

import dagster as dg
import polars as pl

from market_assets.defs.expected import fails_in_a_line
from market_assets.defs.hyperliquid import hyperliquid_candles, hyperliquid_mid_prices
from market_assets.defs.hyperliquid_markets import hyperliquid_funding_rates
from market_assets.defs.options import asset_options, count_rows, preview, written_result
from market_assets.defs.publishing import publishes
from market_assets.defs.runs import Market, ingestion_run
from market_assets.settings import Settings
from market_assets.storage.opening import open_snapshots
from market_assets.tables import DATA_COMPLETENESS, GRID_SERIES

_WORST: Final = 10
_ALL: Final = 100.0
"""Per cent of what is expected."""
_SHOWN: Final = (
    "table_name",
    "interval",
    "symbol",
    "day",
    "completeness_pct",
    "expected_rows",
    "present_rows",
    "lost_rows",
)


@dg.asset(
    **asset_options("data_completeness", kinds={"polars", "duckdb"}),
    deps=[hyperliquid_candles, hyperliquid_funding_rates, hyperliquid_mid_prices],
)
@fails_in_a_line
@publishes
def data_completeness(
    context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings], store: Market
) -> dg.MaterializeResult[Any]:
    """One row per series, asset and UTC day: the rows that it should have, and those that it has.

    1-minute and 1-hour candles, funding rates and 5-second mids, archived rows too, every 3600
    seconds, as of the last publication. Only days that may have changed are counted again.
    """
    from market_assets.derived.completeness import completeness_rows  # noqa: PLC0415 - only here

    run = ingestion_run(context, "completeness")
    # Where the pace allows it: the count is as of then. The first one is waited for.
    store.publish(force=not settings.market_db.exists())
    snapshots = open_snapshots(settings.market_db)
    try:
        with snapshots.snapshot() as snapshot:
            found = completeness_rows(snapshot)
            as_of = snapshot.version.at
    finally:
        snapshots.close()
    written = store.merge(DATA_COMPLETENESS, found, run=run)
    known = found.drop_nulls("completeness_pct")
    whole = known.filter(known["completeness_pct"] == _ALL)
    worst = known.sort("completeness_pct", "day", "symbol").head(_WORST)
    return written_result(
        written,
        row_count=count_rows(store, DATA_COMPLETENESS),
        as_of=as_of.isoformat(timespec="seconds"),
        days_counted=found["day"].n_unique(),
        whole_days_pct=round(_ALL * whole.height / known.height, 2) if known.height else None,
        worst=preview(worst, _SHOWN, _WORST),
        **_by_series(found),
    )


def _by_series(found: "pl.DataFrame") -> dict[str, float]:
    """Of each series, how much of the days that were counted is there, in per cent."""
    sums = (
        found.group_by("table_name", "interval")
        .agg(pl.col("expected_rows", "present_rows").sum())
        .rows_by_key(["table_name", "interval"], named=True, unique=True)
    )
    shares = {}
    for series in GRID_SERIES:
        sum_of = sums.get((series.table.name, series.interval))
        if sum_of and sum_of["expected_rows"]:
            share = _ALL * sum_of["present_rows"] / sum_of["expected_rows"]
            shares[f"{series.label.replace(' ', '_')}_pct"] = round(min(share, _ALL), 3)
    return shares
