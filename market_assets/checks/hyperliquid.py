"""The rules of Hyperliquid's tables."""

from __future__ import annotations

from typing import Final

from market_assets.checks.rule import Rule, from_file, rules_of_every_table
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
)

HYPERLIQUID_RULES: Final[tuple[Rule, ...]] = (
    *rules_of_every_table(
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
    ),
    from_file(
        "candles_are_in_order",
        HYPERLIQUID_CANDLES,
        "low ≤ open, close ≤ high; prices above 0; volume and trades not negative.",
    ),
    from_file(
        "grid_is_complete_over_the_last_hour",
        HYPERLIQUID_CANDLES,
        "Every symbol has its sixty closed minutes, known holes under repair aside.",
        is_error=False,
    ),
    from_file(
        "closes_do_not_jump",
        HYPERLIQUID_CANDLES,
        "No close is over 10 % from the minute before and from the mark price that followed.",
        is_error=False,
    ),
    from_file(
        "mids_agree_with_candle_closes",
        HYPERLIQUID_MID_PRICES,
        "A mid is within 5 % of the close of the candle that traded in the same minutes.",
        is_error=False,
    ),
    from_file(
        "registry_did_not_shrink",
        HYPERLIQUID_ASSETS,
        "No dex lost more than a fifth of its assets from one refresh to the next.",
    ),
    from_file(
        "contexts_move_with_mids",
        HYPERLIQUID_ASSET_CONTEXTS,
        "A dex whose mids move does not give the same contexts twice.",
    ),
    from_file(
        "every_live_dex_has_fresh_contexts",
        HYPERLIQUID_ASSET_CONTEXTS,
        "No dex of which contexts came within the last day has been without for ten minutes.",
        is_error=False,
    ),
    from_file(
        "open_interest_did_not_halve",
        HYPERLIQUID_ASSET_CONTEXTS,
        "No open interest of a million dollars fell by more than half, for two contexts in a row.",
        is_error=False,
    ),
    from_file(
        "funding_is_within_the_cap",
        HYPERLIQUID_ASSET_CONTEXTS,
        "No running rate is beyond the exchange's cap of 4 % an hour.",
    ),
    from_file(
        "payments_are_within_the_cap",
        HYPERLIQUID_FUNDING_RATES,
        "No payment that came within the last day is beyond the exchange's cap of 4 % an hour.",
    ),
    from_file(
        "books_are_not_crossed",
        HYPERLIQUID_LIQUIDITY_PROFILES,
        "No book of the last hour has its best bid at or above its best ask.",
    ),
)
