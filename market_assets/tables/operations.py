"""The project's own records: attempts to bring rows, and holes in what was brought."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from market_assets.tables.spec import Column, Retention, TableSpec, key_column

INGESTION_RUNS: Final = TableSpec(
    name="ingestion_runs",
    grain="one row per attempt to bring rows of one asset; in one transaction with those rows",
    columns=(
        key_column("run_id", "Unique id of the attempt."),
        Column("source", "VARCHAR", "The venue.", required=True),
        Column("channel", "VARCHAR", "The channel.", required=True),
        Column("asset_key", "VARCHAR", "The asset.", required=True),
        Column("status", "VARCHAR", "running, ok or failed.", required=True),
        Column("started_at", "TIMESTAMPTZ", "When it began.", required=True),
        Column("finished_at", "TIMESTAMPTZ", "When it ended; NULL while running."),
        Column("duration_ms", "BIGINT", "How long it took.", "ms"),
        Column("rows_written", "BIGINT", "Rows inserted or changed.", "rows"),
        Column("event_from_at", "TIMESTAMPTZ", "Earliest event time among them."),
        Column("event_to_at", "TIMESTAMPTZ", "Latest event time among them."),
        Column("error_kind", "VARCHAR", "Class of the error; NULL if none."),
        Column("error_message", "VARCHAR", "One line, without secrets; NULL if none."),
        Column("dagster_run_id", "VARCHAR", "The Dagster run; NULL outside Dagster."),
        Column(
            "left_out",
            "VARCHAR[]",
            "Parts that it was to bring and could not, each with the reason; NULL if none.",
        ),
    ),
    key=("run_id",),
    time_column="started_at",
    retention=(Retention(timedelta(days=30), "MARKET_KEEP_INGESTION_RUNS_HOURS"),),
)

WITH_MEMORY: Final = ("polymarket",)
"""Sources that give what is missing for years: a hole in them is forgotten only once it is filled.
Others keep nothing of a week ago: what is open then stays a hole."""
_STILL_TO_BE_READ: Final = f"healed_at is null and source in ({', '.join(map(repr, WITH_MEMORY))})"

INGESTION_GAPS: Final = TableSpec(
    name="ingestion_gaps",
    grain="one row per hole in a symbol's series, and what became of it",
    columns=(
        key_column("source", "The venue."),
        key_column("channel", "The channel."),
        key_column("symbol", "The asset."),
        key_column("gap_from_at", "First instant that is missing.", "TIMESTAMPTZ"),
        Column("gap_to_at", "TIMESTAMPTZ", "First instant that is there again.", required=True),
        Column(
            "cause",
            "VARCHAR",
            "fresh, listing, downtime, reconnect, silence; unlisted, unsubscribed: nobody heals it"
            " until the symbol is streamed again; of trades: being read, page cap, unreadable;"
            " of funding: not paid; not paid, in doubt.",
            required=True,
        ),
        Column("detected_at", "TIMESTAMPTZ", "When it was found.", required=True),
        Column("healed_at", "TIMESTAMPTZ", "When it was filled; NULL while open."),
        Column("healed_rows", "BIGINT", "Rows that filled it.", "rows"),
    ),
    key=("source", "channel", "symbol", "gap_from_at"),
    time_column="detected_at",
    retention=(
        Retention(
            timedelta(days=7), "MARKET_KEEP_GAPS_HOURS", unless=_STILL_TO_BE_READ, by_newest=False
        ),
    ),
)

INGESTION_LISTS: Final = TableSpec(
    name="ingestion_lists",
    grain="one row per list of a venue that is read whole, with how long it was",
    columns=(
        key_column("source", "The venue."),
        key_column("name", "The list, as the venue's route is called."),
        Column("row_count", "BIGINT", "Rows of the last answer that was believed.", "rows"),
        Column("counted_at", "TIMESTAMPTZ", "When that came."),
        Column(
            "doubted_since",
            "TIMESTAMPTZ",
            "Since when the answers have less than half of that and are refused; NULL if not.",
        ),
        Column("ingested_at", "TIMESTAMPTZ", "When this row was written.", required=True),
    ),
    key=("source", "name"),
    time_column="ingested_at",
    retention=(),
)
