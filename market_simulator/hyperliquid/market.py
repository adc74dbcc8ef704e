"""What a market must be able to say, for the exchange's routes and channels to be served from it.

Two markets exist: `synthetic` makes everything up from a seed, `recorded` replays recordings. The
routes (`info.py`) and the stream (`socket.py`, `feed.py`) know no difference.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from market_simulator.refused import Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from market_simulator.hyperliquid.bars import Bar, Minute
    from market_simulator.hyperliquid.numbers import Scale

Json = object
"""Anything that encodes to JSON."""


def null_500() -> Refused:
    """How the exchange answers where it does not know the coin, or cannot answer."""
    return Refused(500, "null")


@dataclass(frozen=True)
class Query:
    """A request to `/info`, its fields checked for type but not for meaning."""

    type: str
    coin: str = ""
    dex: str = ""
    interval: str = ""
    start_ms: int = 0
    end_ms: int | None = None
    figures: int | None = None
    mantissa: int | None = None


class Market(Protocol):
    """The source of all answers and frames. Every method is a function of its arguments."""

    def preparations(self, now_ms: int) -> Iterable[Callable[[], object]]:
        """Pieces of work that make later answers quick; each takes some milliseconds."""
        ...

    def answer(self, query: Query, now_ms: int) -> Json:
        """The body of the answer to a request.

        Raises:
            Refused: the venue would answer with an error.
        """
        ...

    def knows(self, coin: str) -> bool:
        """Whether a coin may be subscribed to."""
        ...

    def has_dex(self, dex: str) -> bool: ...

    def scale(self, coin: str) -> Scale: ...

    def minute(self, coin: str, minute: int) -> Minute:
        """The bars of one minute of a coin, block by block, its future included."""
        ...

    def bar_so_far(self, coin: str, interval: str, minute: int) -> Bar | None:
        """The bar of the bin that holds `minute`, from the whole minutes before it."""
        ...

    def candles(
        self, coin: str, interval: str, start_ms: int, end_ms: int, now_ms: int
    ) -> list[dict[str, str | int]]:
        """The rows of `candleSnapshot`.

        Raises:
            Refused: the coin is not known.
        """
        ...

    def trades(self, coin: str, after_ms: int, until_ms: int) -> list[dict[str, object]]:
        """Trades with a time in `(after_ms, until_ms]`, oldest first."""
        ...

    def recent_trades(self, coin: str, now_ms: int, count: int) -> list[dict[str, object]]:
        """The newest `count` trades, oldest first."""
        ...

    def mids(self, dex: str, now_ms: int) -> dict[str, str] | None:
        """All mids of a dex (with spot for the main one); None where nothing can be said."""
        ...

    def book(
        self, coin: str, now_ms: int, *, levels: int, figures: int | None, mantissa: int | None
    ) -> dict[str, object] | None:
        """A book as the exchange sends it; None for a coin that has none."""
        ...

    def contexts(
        self, coins: Sequence[str], now_ms: int
    ) -> list[tuple[str, str, dict[str, object]]]:
        """Coin, channel and data of a frame with its context, for each coin that has one."""
        ...

    def all_contexts(self, now_ms: int) -> list[object] | None:
        """The data of `allDexsAssetCtxs`: `[[dex, [ctx, …]], …]`."""
        ...
