"""What must hold of DefiLlama's tables, and how the value of a chain compares with its protocols'.

The comparison is more than a rule: it states its ratio when it holds, too.
"""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING, Final

from market_assets.checks.rule import Rule, data_were_known, from_file, rules_of_every_table
from market_assets.tables import (
    DEFILLAMA_CAPITAL_BASE,
    DEFILLAMA_CAPITAL_FLOWS,
    DEFILLAMA_DAILY_HISTORY,
    DEFILLAMA_ECONOMIC_THROUGHPUT,
    DEFILLAMA_SUBJECTS,
)

if TYPE_CHECKING:
    import polars as pl

    from market_assets.storage.api import Store

LOWEST_RATIO: Final = 0.5
"""Protocols below half of their chain: some are missing, or their chain is spelled anew."""
HIGHEST_RATIO: Final = 5.0
"""Protocols above five times their chain: two chains are taken for one, or a unit is wrong."""
WORTH_A_LOOK_USD: Final = 10e6
"""Chains with less are one or two protocols, and go up and down with them."""

DEFILLAMA_RULES: Final[tuple[Rule, ...]] = (
    *rules_of_every_table(
        DEFILLAMA_SUBJECTS,
        DEFILLAMA_CAPITAL_BASE,
        DEFILLAMA_CAPITAL_FLOWS,
        DEFILLAMA_ECONOMIC_THROUGHPUT,
        DEFILLAMA_DAILY_HISTORY,
    ),
    *(
        data_were_known(table)
        for table in (
            DEFILLAMA_CAPITAL_BASE,
            DEFILLAMA_CAPITAL_FLOWS,
            DEFILLAMA_ECONOMIC_THROUGHPUT,
        )
    ),
    from_file(
        "subjects_did_not_shrink",
        DEFILLAMA_SUBJECTS,
        "The latest refresh did not lose more than a fifth of the chains, or of the protocols.",
    ),
    from_file(
        "stocks_are_not_negative",
        DEFILLAMA_CAPITAL_BASE,
        "No value locked, market value or open interest is below zero.",
    ),
    from_file(
        "tracked_subjects_have_a_row",
        DEFILLAMA_CAPITAL_BASE,
        "Every tracked subject has a row of the latest hour.",
        is_error=False,
    ),
    from_file(
        "windows_are_in_order",
        DEFILLAMA_ECONOMIC_THROUGHPUT,
        "Fees and volume of a day are within those of seven, and these within those of thirty.",
        is_error=False,
    ),
    from_file(
        "history_has_no_running_day",
        DEFILLAMA_DAILY_HISTORY,
        "No day was stored before it was over.",
    ),
)


def chain_tvl(store: Store) -> pl.DataFrame:
    """The latest value locked in each tracked chain beside the sum of its protocols'.

    Returns:
        subject_id, tvl_usd, protocols_tvl_usd, ratio (protocols over chain), is_odd: the ratio is
        one that counting twice does not explain. Odd ones first, then by value.
    """
    bounds = {
        "lowest": LOWEST_RATIO,
        "highest": HIGHEST_RATIO,
        "worth_a_look_usd": WORTH_A_LOOK_USD,
    }
    file = resources.files(__package__).joinpath("sql", "chain_tvl_beside_protocols.sql")
    return store.read(file.read_text("utf-8"), bounds)
