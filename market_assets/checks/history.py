"""The rules of the tables that tell of the past."""

from __future__ import annotations

from typing import Final

from market_assets.checks.rule import Rule, from_file, rules_of_every_table
from market_assets.tables import DATA_COMPLETENESS

HISTORY_RULES: Final[tuple[Rule, ...]] = (
    *rules_of_every_table(DATA_COMPLETENESS),
    from_file(
        "holes_are_in_the_ledger",
        DATA_COMPLETENESS,
        "Of each asset and day of the last week that has less than 99 % of its candles or funding "
        "rates, the ledger has a gap.",
        is_error=False,
    ),
)
