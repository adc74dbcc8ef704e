"""A token that is followed: its book, and what is known of it beside that."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime
    from typing import Literal

    from market_assets.sources.polymarket.order_book.rows import Token
    from market_assets.sources.polymarket.order_book.token_book import MarketFacts, TokenBook
    from market_assets.streams.polymarket.book_needs import Need
    from market_assets.streams.polymarket.books_batch import BookGap


@dataclass
class KeptToken:
    """A token that is followed."""

    token: Token
    book: TokenBook
    shared: MarketFacts
    source: Literal["stream", "rest"] = "stream"
    received_at: datetime | None = None
    need: Need | None = None
    has_no_book: bool = False
    inherited: list[BookGap] = field(default_factory=list)
