"""The rules that rows must keep, each as a query for the rows that break it.

A rule holds where its query finds nothing. Two hold for every table and are made from its
`TableSpec`; the others are files in `sql/`, named as the rule. `defs/checks.py` shows them to
Dagster as asset checks; nothing here knows Dagster.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Final

from market_assets.tables import (
    HYPERLIQUID_ASSET_CATEGORIES,
    HYPERLIQUID_ASSET_CATEGORY_TAXONOMY,
    HYPERLIQUID_ASSET_CONTEXTS,
    HYPERLIQUID_ASSETS,
    HYPERLIQUID_CANDLES,
    HYPERLIQUID_FUNDING_PRESSURE,
    HYPERLIQUID_FUNDING_RATES,
    HYPERLIQUID_LIQUIDITY_PROFILES,
    HYPERLIQUID_MID_PRICES,
    HYPERLIQUID_POSITIONING_PRESSURE,
    HYPERLIQUID_TECHNICAL_INDICATORS,
    HYPERLIQUID_VOLATILITY_PROFILES,
    TableSpec,
)

if TYPE_CHECKING:
    from datetime import datetime

    import polars as pl

    from market_assets.storage.store import Store


@dataclass(frozen=True)
class Rule:
    """What holds of a table.

    Attributes:
        name: what holds, in words: `keys_are_unique`.
        table: the table it is about.
        sql: finds the rows that break it; may use `$now`.
        description: the sentence that people read.
        is_error: breaking it means that rows are wrong; otherwise it is worth a look.
        reads_whole_table: it costs the more, the more rows there are.
    """

    name: str
    table: TableSpec
    sql: str
    description: str
    is_error: bool = True
    reads_whole_table: bool = False


def broken_by(store: Store, rule: Rule, now: datetime) -> pl.DataFrame:
    """The rows that break the rule; empty where it holds."""
    return store.read(rule.sql, {"now": now} if "$now" in rule.sql else {})


def keys_are_unique(table: TableSpec) -> Rule:
    """No two rows with one key: tables have no primary key, so this stands guard."""
    key = ", ".join(table.key)
    return Rule(
        "keys_are_unique",
        table,
        f"select {key}, count(*) as rows from {table.name} group by {key} having count(*) > 1",  # noqa: S608 - names of the spec
        f"No two rows have the same {key}.",
        reads_whole_table=True,
    )


def no_future_times(table: TableSpec) -> Rule:
    """No row speaks for an instant that is still to come; a minute of skewed clocks is let pass."""
    key = ", ".join(dict.fromkeys((*table.key, table.time_column)))
    return Rule(
        "no_future_times",
        table,
        f"select {key} from {table.name} where {table.time_column} > $now + interval '1 minute'",  # noqa: S608 - names of the spec
        f"No {table.time_column} lies more than a minute ahead of the clock.",
        reads_whole_table=True,
    )


def _from_file(name: str, table: TableSpec, description: str, *, is_error: bool = True) -> Rule:
    sql = resources.files(__package__).joinpath("sql", f"{name}.sql").read_text("utf-8")
    return Rule(name, table, sql, description, is_error)


_WRITTEN_BY_ASSETS: Final = (
    HYPERLIQUID_ASSETS,
    HYPERLIQUID_ASSET_CATEGORIES,
    HYPERLIQUID_ASSET_CATEGORY_TAXONOMY,
    HYPERLIQUID_MID_PRICES,
    HYPERLIQUID_CANDLES,
    HYPERLIQUID_ASSET_CONTEXTS,
    HYPERLIQUID_FUNDING_RATES,
    HYPERLIQUID_TECHNICAL_INDICATORS,
    HYPERLIQUID_VOLATILITY_PROFILES,
    HYPERLIQUID_FUNDING_PRESSURE,
    HYPERLIQUID_LIQUIDITY_PROFILES,
    HYPERLIQUID_POSITIONING_PRESSURE,
)


def rules() -> tuple[Rule, ...]:
    """Every rule of the project."""
    general = [make(t) for t in _WRITTEN_BY_ASSETS for make in (keys_are_unique, no_future_times)]
    return (
        *general,
        _from_file(
            "candles_are_in_order",
            HYPERLIQUID_CANDLES,
            "low ≤ open, close ≤ high; prices above 0; volume and trades not negative.",
        ),
        _from_file(
            "grid_is_complete_over_the_last_hour",
            HYPERLIQUID_CANDLES,
            "Every symbol has its sixty closed minutes, known holes under repair aside.",
            is_error=False,
        ),
        _from_file(
            "mids_agree_with_candle_closes",
            HYPERLIQUID_MID_PRICES,
            "A mid is within 5 % of the close of the candle that traded in the same minutes.",
            is_error=False,
        ),
        _from_file(
            "registry_did_not_shrink",
            HYPERLIQUID_ASSETS,
            "No dex lost more than a fifth of its listed assets with the latest refresh.",
        ),
        _from_file(
            "contexts_move_with_mids",
            HYPERLIQUID_ASSET_CONTEXTS,
            "A dex whose mids move does not give the same contexts twice.",
        ),
        _from_file(
            "open_interest_did_not_halve",
            HYPERLIQUID_ASSET_CONTEXTS,
            "No open interest fell by more than half from one context to the next.",
            is_error=False,
        ),
        _from_file(
            "funding_is_within_the_cap",
            HYPERLIQUID_ASSET_CONTEXTS,
            "No running rate is beyond the exchange's cap of 4 % an hour.",
        ),
        _from_file(
            "payments_are_within_the_cap",
            HYPERLIQUID_FUNDING_RATES,
            "No payment is beyond the exchange's cap of 4 % an hour.",
        ),
        _from_file(
            "books_are_not_crossed",
            HYPERLIQUID_LIQUIDITY_PROFILES,
            "No book of the last hour has its best bid at or above its best ask.",
        ),
    )
