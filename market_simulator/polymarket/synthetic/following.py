"""The made-up books as they change: see `live.Live`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from market_simulator.polymarket.live import Fill, Followed, Happening, News
from market_simulator.polymarket.synthetic import news, prices
from market_simulator.polymarket.synthetic.prices import STEP_MS, step_ms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from market_simulator.polymarket.rows import Row
    from market_simulator.polymarket.synthetic.books import Moment
    from market_simulator.polymarket.synthetic.events import Catalogue
    from market_simulator.polymarket.synthetic.ledger import Ledger
    from market_simulator.polymarket.synthetic.matches import Match
    from market_simulator.polymarket.synthetic.model import Market
    from market_simulator.polymarket.synthetic.motion import Motion

BOOK_AFTER_MS: Final = 60_000
"""For how long the order book does not know a market yet that the catalogue shows."""
_LEAP_MS: Final = 60_000
"""A pause after which only what is left of it is told."""


@dataclass(eq=False)
class _Followed(Followed):
    """One market; `number` is its number, `last` the price of its last trade in units."""

    number: int = 0
    last: int | None = None


class Following:
    """Follows markets.

    Args:
        catalogue: of all markets.
        motion: their books.
        ledger: their last trades.
        transaction: the hash of a transaction by its number.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        motion: Motion,
        ledger: Ledger,
        transaction: Callable[[int], str],
    ) -> None:
        self._catalogue = catalogue
        self._motion = motion
        self._ledger = ledger
        self._transaction = transaction
        self._news = news.Newsroom(catalogue)

    def follow(self, token: str, now_ms: int) -> Followed | None:
        found = self._catalogue.by_token(token, now_ms)
        if found is None:
            return None
        market = found[0]
        made = _Followed(market.condition_id, market.token_ids, now_ms, number=market.number)
        if has_book(market, now_ms):
            (traded,) = self._ledger.read([market], now_ms)
            made.last = traded.last
            made.rows = self._rows(market, self._motion.at(market, now_ms), made.last)
        return made

    def advance(
        self, followed: Iterable[Followed], now_ms: int
    ) -> Iterator[tuple[Followed, Happening]]:
        mine = [one for one in followed if isinstance(one, _Followed) and one.until_ms != now_ms]
        markets = {one.number: self._catalogue.market(one.number, now_ms) for one in mine}
        there = [m for m in markets.values() if m is not None and has_book(m, now_ms)]
        self._motion.prepare(there, now_ms)
        for one in mine:
            market, after_ms, one.until_ms = markets[one.number], one.until_ms, now_ms
            if market is None or not has_book(market, now_ms):
                one.rows = None
                continue
            leapt = one.rows is None or not 0 < now_ms - after_ms <= _LEAP_MS
            for moment in [] if leapt else self._since(market, after_ms, now_ms):
                if moment.matches:
                    one.last = moment.matches[-1].price
                yield one, self._happened(one, market, moment)
            if leapt:
                (traded,) = self._ledger.read([market], now_ms)
                one.last = traded.last
                happening = self._happened(one, market, self._motion.at(market, now_ms))
                yield one, happening._replace(fills=())

    def news(self, followed: Iterable[Followed], after_ms: int, now_ms: int) -> list[News]:
        numbers = [one.number for one in followed if isinstance(one, _Followed)]
        return self._news.since(numbers, after_ms, now_ms)

    def _since(self, market: Market, after_ms: int, now_ms: int) -> Iterator[Moment]:
        for begin in range(step_ms(after_ms), now_ms + 1, STEP_MS):
            for moment in self._motion.step(market, begin):
                if max(after_ms + 1, begin) <= moment.at_ms <= now_ms:
                    yield moment

    def _happened(self, one: _Followed, market: Market, moment: Moment) -> Happening:
        before, one.rows = one.rows, self._rows(market, moment, one.last)
        fills = tuple(self._fill(market, match) for match in moment.matches)
        return Happening(before, one.rows, fills)

    def _fill(self, market: Market, match: Match) -> Fill:
        return Fill(
            token=market.token_ids[match.outcome],
            price=prices.text(match.price),
            size=f"{match.size:.6f}".rstrip("0").rstrip("."),
            side="BUY" if match.buys else "SELL",
            transaction=self._transaction(match.order),
        )

    def _rows(self, market: Market, moment: Moment, last: int | None) -> tuple[Row, Row]:
        return moment.written(market, 0, last), moment.written(market, 1, last)


def has_book(market: Market, now_ms: int) -> bool:
    """Whether the order book knows a market at an instant."""
    life = market.life
    return market.orders and life.opened + BOOK_AFTER_MS <= now_ms < life.closed
