"""DefiLlama's tables: subjects, the capital behind them, its flows, what it earns, daily series.

Stocks (what is there at an instant) and flows (what happened over days) stand in different tables
and are never added. A chain is spelled differently by DefiLlama's routes and over time; here it has
one name and one `subject_id`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from market_assets.tables.spec import (
    FOR_EVER,
    INGESTED_AT,
    Column,
    Derived,
    Retention,
    TableSpec,
    key_column,
)

SUBJECT_ID: Final = key_column("subject_id", "chain:<slug> or protocol:<slug>.")
_HOUR: Final = key_column(
    "as_of",
    "The first full hour at or after ingested_at: until it has come, it lies ahead of the clock.",
    "TIMESTAMPTZ",
)
_OF_AN_HOUR: Final = Derived(ahead=timedelta(hours=1))
"""A row is read in the course of the hour that ends with its `as_of`. Of several runs in it, by
hand or again after a failure, the first says it; a later one only what that could not."""
_LAST_DAY: Final = Column(
    "last_day", "DATE", "The last complete UTC day; all figures end with it.", required=True
)

DEFILLAMA_SUBJECTS: Final = TableSpec(
    name="defillama_subjects",
    grain="one row per chain or protocol that DefiLlama lists or has listed; no exchanges (CEX)",
    columns=(
        SUBJECT_ID,
        Column("kind", "VARCHAR", "chain or protocol.", required=True),
        Column("slug", "VARCHAR", "DefiLlama's own for a protocol; made from the name of a chain."),
        Column("name", "VARCHAR", "The name that people know it by.", required=True),
        Column("token_symbol", "VARCHAR", "Ticker of its token; several tokens can share one."),
        Column("category", "VARCHAR", "DefiLlama's category; NULL for a chain."),
        Column("chains", "VARCHAR[]", "Names of the chains a protocol is on; NULL for a chain."),
        Column("hyperliquid_symbol", "VARCHAR", "The Hyperliquid symbol of its token."),
        Column("is_tracked", "BOOLEAN", "It has rows in the other tables.", required=True),
        Column("gecko_id", "VARCHAR", "CoinGecko's identifier of its token."),
        Column("parent", "VARCHAR", "What a protocol is a part of: parent#aave."),
        Column("llama_id", "VARCHAR", "DefiLlama's own identifier of a protocol, as text."),
        Column("tvl_usd", "DOUBLE", "Value locked when it was last listed.", "USD"),
        Column("is_listed", "BOOLEAN", "DefiLlama lists it now.", required=True),
        Column("first_seen_at", "TIMESTAMPTZ", "When this project first saw it.", required=True),
        INGESTED_AT,
    ),
    key=("subject_id",),
    time_column="ingested_at",
    version=("ingested_at",),
    set_once=("first_seen_at",),
)

DEFILLAMA_CAPITAL_BASE: Final = TableSpec(
    name="defillama_capital_base",
    grain="one row per tracked subject and hour: what is there",
    columns=(
        SUBJECT_ID,
        _HOUR,
        Column(
            "tvl_usd",
            "DOUBLE",
            "Value locked; without borrowed, staked and pool2 value, a chain's without liquid"
            " staking and double counts.",
            "USD",
        ),
        Column(
            "stablecoin_mcap_usd",
            "DOUBLE",
            "Stablecoins on the chain, all pegs; overlaps with tvl_usd. NULL for a protocol.",
            "USD",
        ),
        Column("market_cap_usd", "DOUBLE", "Market value of its token.", "USD"),
        Column(
            "tvl_share_pct",
            "DOUBLE",
            "Share of the value locked in all chains, or in all protocols.",
            "per cent",
        ),
        Column("open_interest_usd", "DOUBLE", "Open perpetuals; NULL for a chain.", "USD"),
        Column(
            "protocols_tvl_usd",
            "DOUBLE",
            "Sum over all protocols of their value on this chain, double counts included; NULL for"
            " a protocol.",
            "USD",
        ),
        INGESTED_AT,
    ),
    key=("subject_id", "as_of"),
    time_column="as_of",
    retention=(Retention(FOR_EVER, "MARKET_KEEP_CAPITAL_BASE_HOURS"),),
    derived=_OF_AN_HOUR,
)

DEFILLAMA_CAPITAL_FLOWS: Final = TableSpec(
    name="defillama_capital_flows",
    grain="one row per tracked subject and hour: what came or went over complete UTC days",
    columns=(
        SUBJECT_ID,
        _HOUR,
        *(
            Column(
                f"tvl_change_{days}d_usd",
                "DOUBLE",
                f"Value locked on last_day less that of {days} days before; mixes price and flow.",
                "USD",
            )
            for days in (1, 7, 30)
        ),
        *(
            Column(f"tvl_change_{days}d_pct", "DOUBLE", "The same, of the earlier.", "per cent")
            for days in (1, 7, 30)
        ),
        *(
            Column(
                f"stablecoin_change_{days}d_usd",
                "DOUBLE",
                f"Stablecoins on the chain on last_day less those of {days} days before: minted"
                " less burned, with what was bridged.",
                "USD",
            )
            for days in (1, 7, 30)
        ),
        _LAST_DAY,
        INGESTED_AT,
    ),
    key=("subject_id", "as_of"),
    time_column="as_of",
    retention=(Retention(FOR_EVER, "MARKET_KEEP_CAPITAL_FLOWS_HOURS"),),
    derived=_OF_AN_HOUR,
)


def _sums(metric: str, what: str) -> tuple[Column, ...]:
    return tuple(
        Column(f"{metric}_{length}_usd", "DOUBLE", f"{what}: {days}.", "USD")
        for length, days in (
            ("24h", "last_day"),
            ("7d", "the 7 days up to last_day"),
            ("30d", "the 30 days up to last_day"),
        )
    )


DEFILLAMA_ECONOMIC_THROUGHPUT: Final = TableSpec(
    name="defillama_economic_throughput",
    grain="one row per tracked subject and hour: what it turned over in complete UTC days",
    columns=(
        SUBJECT_ID,
        _HOUR,
        *_sums("fees", "Paid by users; a chain's: to the protocols on it, gas aside"),
        *_sums("revenue", "The part of the fees that the protocol keeps"),
        *_sums("dex_volume", "Spot volume; neither perpetuals nor options"),
        Column("perps_volume_24h_usd", "DOUBLE", "NULL: a paid route has it.", "USD"),
        Column("options_volume_24h_usd", "DOUBLE", "Notional of options: last_day.", "USD"),
        *(
            Column(
                f"{metric}_total24h_usd",
                "DOUBLE",
                "DefiLlama's total24h: the running day where there is one already, else a complete"
                " one. In no sum. NULL for a chain.",
                "USD",
            )
            for metric in ("fees", "revenue", "dex_volume")
        ),
        _LAST_DAY,
        INGESTED_AT,
    ),
    key=("subject_id", "as_of"),
    time_column="as_of",
    retention=(Retention(FOR_EVER, "MARKET_KEEP_ECONOMIC_THROUGHPUT_HOURS"),),
    derived=_OF_AN_HOUR,
)

METRICS: Final = ("tvl", "stablecoin_mcap", "fees", "revenue", "dex_volume")
"""What `defillama_daily_history` keeps. The first two are stocks, the others flows."""

DEFILLAMA_DAILY_HISTORY: Final = TableSpec(
    name="defillama_daily_history",
    grain="one row per subject, metric and complete UTC day",
    columns=(
        SUBJECT_ID,
        key_column("metric", f"One of {', '.join(METRICS)}."),
        key_column("day", "The UTC day; the running one is not here.", "DATE"),
        Column("value_usd", "DOUBLE", "A stock's point of the day; a flow's total.", "USD", True),
        INGESTED_AT,
    ),
    key=("subject_id", "metric", "day"),
    time_column="day",
    # A whole series comes with each request: only days that are new or corrected are written.
    version=("ingested_at",),
    changed_at="ingested_at",
)

DEFILLAMA_SERIES_READS: Final = TableSpec(
    name="defillama_series_reads",
    grain="one row per subject and metric: the last time that its daily series was asked for",
    columns=(
        SUBJECT_ID,
        key_column("metric", f"One of {', '.join(METRICS)}, options_volume."),
        Column("asked_for_day", "DATE", "The last complete day at the time.", required=True),
        Column("first_day", "DATE", "First complete day of the series; NULL if there is none."),
        Column("newest_day", "DATE", "Last complete day of the series; NULL if there is none."),
        Column("days", "BIGINT", "Complete days in the series.", "days", required=True),
        Column("running_day", "DATE", "The running day, where the series ends with one."),
        Column("running_day_usd", "DOUBLE", "What it came to so far: provisional.", "USD"),
        Column("newest_usd", "DOUBLE", "The value of newest_day.", "USD"),
        Column("error", "VARCHAR", "Why it could not be read, or believed; NULL if it could."),
        Column(
            "is_doubted",
            "BOOLEAN",
            "TRUE: too many of the stored days were not in it: they stay, and are in no figure.",
        ),
        INGESTED_AT,
    ),
    key=("subject_id", "metric"),
    time_column="ingested_at",
    version=("ingested_at",),
)
