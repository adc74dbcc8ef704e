"""Every rule of the project; `defs/checks.py` shows them to Dagster as asset checks."""

from __future__ import annotations

from market_assets.checks.defillama import DEFILLAMA_RULES
from market_assets.checks.history import HISTORY_RULES
from market_assets.checks.hyperliquid import HYPERLIQUID_RULES
from market_assets.checks.polymarket import POLYMARKET_RULES
from market_assets.checks.rule import Rule, broken_by, judged

__all__ = ["Rule", "broken_by", "judged", "rules"]


def rules() -> tuple[Rule, ...]:
    """All of them, source by source."""
    return (*HYPERLIQUID_RULES, *POLYMARKET_RULES, *DEFILLAMA_RULES, *HISTORY_RULES)
