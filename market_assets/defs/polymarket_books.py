"""Polymarket's order books: what the stream brings, and REST where it is off, or by hand.

Books come from the job `polymarket_stream` (`stream.py`). Materialized here, every book of the
tracked tokens is read once; with `MARKET_BOOKS_STREAM=off` a sensor has that done every 30 seconds.
"""

from collections.abc import Iterator
from typing import Any, Final

import dagster as dg

from market_assets.clock import SystemClock
from market_assets.defs.expected import fails_in_a_line
from market_assets.defs.options import (
    SLOT,
    asset_spec,
    count_rows,
    requests_made,
    some,
    written_metadata,
)
from market_assets.defs.polymarket import Polymarket
from market_assets.defs.publishing import publishes
from market_assets.defs.runs import Market, ingestion_run
from market_assets.operations.health import records
from market_assets.tables import POLYMARKET_BOOK_TOPS, POLYMARKET_BOOKS, POLYMARKET_ORDERBOOK_LEVELS

_KINDS: Final = {"websocket", "duckdb"}
_EVERY_S: Final = 30
_TABLES: Final = (POLYMARKET_BOOKS, POLYMARKET_ORDERBOOK_LEVELS, POLYMARKET_BOOK_TOPS)
_SAYS: Final = {
    POLYMARKET_BOOKS.name: "One row per tracked token that has a book: its head, and whether the "
    "venue's hash proves it.\n\nThe CLOB's market channel through the stream; by hand, `POST "
    "/books` once.",
    POLYMARKET_ORDERBOOK_LEVELS.name: "One row per price of a side of a present book: the levels "
    "of exactly the books in `polymarket_books`.\n\nWritten in one transaction with the heads.",
    POLYMARKET_BOOK_TOPS.name: "One row per token and instant of the 30-second grid: its book as "
    "it stood then.\n\nFrom the same books.",
}


@dg.multi_asset(
    specs=[
        asset_spec(table.name, kinds=_KINDS, description=_SAYS[table.name]).merge_attributes(
            deps=["polymarket_tracked_universe"]
        )
        for table in _TABLES
    ],
    can_subset=True,
    pool="polymarket_books",
    name="polymarket_books_read",
    description="Reads the present book of every tracked token: head, levels, top on the grid.",
)
@fails_in_a_line
@publishes
def polymarket_books_read(
    context: dg.AssetExecutionContext, polymarket: Polymarket, store: Market
) -> Iterator[dg.MaterializeResult[Any]]:
    """All three tables are written whatever is selected: a head without its levels is no book."""
    from market_assets.ingestion.polymarket.books import read_books  # noqa: PLC0415 - only here

    selected = {key.to_user_string() for key in context.selected_asset_keys}
    runs = [ingestion_run(context, "books", asset=asset) for asset in sorted(selected)]
    read = read_books(polymarket.clob, store, clock=SystemClock(), runs=runs)
    figures = {
        "tokens": read.tokens,
        "books": read.books,
        "proven": read.proven,
        "rejected": some(read.rejected),
        "unanswered": some(read.unanswered),
        **requests_made(polymarket.clob),
    }
    for table, written in zip(_TABLES, read.written, strict=True):
        if table.name not in selected:
            continue
        yield dg.MaterializeResult(
            asset_key=table.name,
            metadata=written_metadata(written, row_count=count_rows(store, table), **figures),
        )


polymarket_books_poll = dg.define_asset_job(
    "polymarket_books_poll",
    selection=dg.AssetSelection.assets(*(table.name for table in _TABLES))
    - dg.AssetSelection.checks_for_assets(*(table.name for table in _TABLES)),
    description="Reads every book of the tracked tokens once.",
    tags={"market_assets/channel": "polymarket/books", **SLOT, "dagster/priority": "1"},
)


@dg.sensor(
    name="poll_polymarket_books",
    job=polymarket_books_poll,
    minimum_interval_seconds=_EVERY_S,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Reads the books every 30 seconds, where MARKET_BOOKS_STREAM is off.",
)
def poll_polymarket_books(
    context: dg.SensorEvaluationContext,
) -> dg.RunRequest | dg.SkipReason:
    """A run each time, unless the last one still goes on."""
    going = records.active(context.instance, "polymarket_books_poll")
    if going:
        return dg.SkipReason(f"run {going[0].dagster_run.run_id} is still going")
    return dg.RunRequest()
