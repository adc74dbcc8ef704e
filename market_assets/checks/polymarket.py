"""The rules of Polymarket's tables."""

from __future__ import annotations

from typing import Final

from market_assets.checks.rule import Rule, from_file, rules_of_every_table
from market_assets.tables import (
    POLYMARKET_BOOK_TOPS,
    POLYMARKET_BOOKS,
    POLYMARKET_EVENTS,
    POLYMARKET_IMMEDIATE_MARKETS,
    POLYMARKET_LATER_MARKETS,
    POLYMARKET_MARKET_ASSET_LINKS,
    POLYMARKET_MARKET_METRICS,
    POLYMARKET_MARKETS,
    POLYMARKET_ORDERBOOK_LEVELS,
    POLYMARKET_RECENTLY_CLOSED_MARKETS,
    POLYMARKET_SIGNAL_EVENTS,
    POLYMARKET_TAGS,
    POLYMARKET_TRACKED_UNIVERSE,
    POLYMARKET_TRADES,
)

_GUARD: Final = "What a venue sends is refused before it is stored: this guards the storage."

POLYMARKET_RULES: Final[tuple[Rule, ...]] = (
    *rules_of_every_table(
        POLYMARKET_EVENTS,
        POLYMARKET_MARKETS,
        POLYMARKET_TAGS,
        POLYMARKET_MARKET_ASSET_LINKS,
        POLYMARKET_IMMEDIATE_MARKETS,
        POLYMARKET_LATER_MARKETS,
        POLYMARKET_RECENTLY_CLOSED_MARKETS,
        POLYMARKET_TRACKED_UNIVERSE,
        POLYMARKET_MARKET_METRICS,
        POLYMARKET_TRADES,
        POLYMARKET_BOOKS,
        POLYMARKET_ORDERBOOK_LEVELS,
        POLYMARKET_BOOK_TOPS,
        POLYMARKET_SIGNAL_EVENTS,
    ),
    from_file(
        "open_events_were_seen_lately",
        POLYMARKET_EVENTS,
        "An event that was open a day ago was on the list, or looked up, within the last hour.",
        is_error=False,
    ),
    from_file(
        "market_prices_are_probabilities",
        POLYMARKET_MARKETS,
        f"Every price of an outcome, bid, ask and last trade lies between 0 and 1. {_GUARD}",
    ),
    from_file(
        "each_outcome_has_its_token",
        POLYMARKET_MARKETS,
        "A market that has tokens has one for each outcome, and as many prices or none.",
    ),
    from_file(
        "winners_are_resolved",
        POLYMARKET_MARKETS,
        "A winner is one of the outcomes, of a market that is closed and not in dispute.",
    ),
    from_file(
        "links_are_of_listed_assets",
        POLYMARKET_MARKET_ASSET_LINKS,
        "A link names an asset of the registry and a market of the catalogue.",
    ),
    from_file(
        "yes_prices_lie_between_the_quotes",
        POLYMARKET_IMMEDIATE_MARKETS,
        "With a spread of at most 0.10 the price is the midpoint of quotes that are not crossed.",
        is_error=False,
    ),
    from_file(
        "tracked_markets_are_open",
        POLYMARKET_TRACKED_UNIVERSE,
        "A market that is tracked for its figures is open and has tokens; ranks count from 1.",
        is_error=False,
    ),
    from_file(
        "open_interest_is_not_negative",
        POLYMARKET_MARKET_METRICS,
        f"No open interest is below 0. {_GUARD}",
    ),
    from_file(
        "fills_make_sense",
        POLYMARKET_TRADES,
        f"Prices above 0 and at most 1, sizes above 0, notional their product. {_GUARD}",
    ),
    from_file(
        "no_gap_stays_open",
        POLYMARKET_TRADES,
        "A hole in the feed of trades is filled within an hour of being found; one that the venue "
        "cannot serve is told for a day.",
        is_error=False,
    ),
    from_file(
        "order_books_are_not_crossed",
        POLYMARKET_BOOKS,
        "The best bid of every book is below its best ask.",
    ),
    from_file(
        "book_levels_agree_with_heads",
        POLYMARKET_ORDERBOOK_LEVELS,
        "Best prices, number of levels and hash of each book are those of its levels, and no level "
        "is left of a book that is gone.",
    ),
    from_file(
        "book_prices_are_on_the_tick",
        POLYMARKET_ORDERBOOK_LEVELS,
        "Every level lies between 0 and 1, and on the tick of its book.",
    ),
    from_file(
        "books_are_proven",
        POLYMARKET_BOOK_TOPS,
        "Of the books that stood on the grid within the last hour, 99 % had the venue's hash.",
        is_error=False,
    ),
    from_file(
        "signals_reach_their_threshold",
        POLYMARKET_SIGNAL_EVENTS,
        "Every signal is of a known kind, its score is at its threshold or above, and its detail "
        "is a JSON object.",
    ),
)
