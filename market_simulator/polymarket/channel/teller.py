"""Follows the markets that somebody is subscribed to, and says what is to be sent of them.

It runs in the thread of the answers, because it shares with them what is made up on the way. Who is
to be sent what, is the feed's business.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from market_simulator.polymarket.channel import frames

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from market_simulator.polymarket.channel.frames import Frame
    from market_simulator.polymarket.live import Followed, Live, News
    from market_simulator.polymarket.rows import Row


class Batch(NamedTuple):
    """The frames of one change.

    Attributes:
        market: its condition id.
        frames: in their order.
        hashes: that of each token's book after it.
    """

    market: str
    frames: tuple[Frame, ...]
    hashes: tuple[str, str]


class Joined(NamedTuple):
    """A token that somebody has subscribed to: its market, and its book if it has one."""

    market: str
    book: Row | None


@dataclass(frozen=True)
class Told:
    """What there is to send.

    Attributes:
        batches: what has happened since the last time.
        joined: the books of new tokens at this instant; unknown tokens are left out.
        news: what everybody is told.
    """

    batches: list[Batch]
    joined: dict[str, Joined]
    news: list[News]


class Teller:
    """The followed markets, and up to when they have been told."""

    def __init__(self, live: Live, now_ms: int) -> None:
        self._live = live
        self._followed: dict[str, Followed] = {}
        self._by_token: dict[str, Followed] = {}
        self._news_ms = now_ms

    def tell(self, wanted: Iterable[str], left: Collection[str], now_ms: int) -> Told:
        """What has happened up to an instant.

        Args:
            wanted: tokens whose books are to be told.
            left: markets that nobody is subscribed to any more.
            now_ms: the instant.
        """
        for market in left:
            for token in self._followed.pop(market).tokens:
                del self._by_token[token]
        batches = [
            Batch(one.condition_id, told, (happening.after[0]["hash"], happening.after[1]["hash"]))
            for one, happening in self._live.advance(self._followed.values(), now_ms)
            for told in (tuple(frames.of(happening)),)
            if told
        ]
        joined = {token: found for token in wanted if (found := self._joined(token, now_ms))}
        return Told(batches, joined, self._news(now_ms))

    def _joined(self, token: str, now_ms: int) -> Joined | None:
        followed = self._by_token.get(token) or self._live.follow(token, now_ms)
        if followed is None:
            return None
        self._followed[followed.condition_id] = followed
        self._by_token.update(dict.fromkeys(followed.tokens, followed))
        rows = followed.rows
        return Joined(
            followed.condition_id, None if rows is None else rows[followed.tokens.index(token)]
        )

    def _news(self, now_ms: int) -> list[News]:
        if now_ms // 1000 == self._news_ms // 1000:
            return []
        after_ms, self._news_ms = self._news_ms, now_ms
        return self._live.news(self._followed.values(), after_ms, now_ms)
