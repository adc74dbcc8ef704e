"""One side of a book, exact: prices and sizes stay the texts that the venue sent.

Levels are found by their price in millionths, so that `0.5` and `0.50` are one level. No float is
formed before rows are made.
"""

from __future__ import annotations

import re
from bisect import insort
from typing import TYPE_CHECKING, Final

from market_assets.sources.polymarket.order_book.hashing import Level

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ONE: Final = 1_000_000
"""The price of a sure thing, in millionths."""
_DECIMALS: Final = 6
_DECIMAL: Final = re.compile(r"[0-9]{0,15}(\.[0-9]{0,18})?")


def millionths(price: str) -> int:
    """A price in millionths.

    Raises:
        ValueError: it is no decimal number from 0 to 1, or has more than six decimals.
    """
    whole, _, fraction = price.partition(".")
    digits = whole + fraction
    if not (digits.isascii() and digits.isdigit()) or len(fraction.rstrip("0")) > _DECIMALS:
        raise ValueError(f"price {price[:40]!r} is no decimal number of at most six decimals")
    value = int(whole or "0") * ONE + int(fraction[:_DECIMALS].ljust(_DECIMALS, "0"))
    if value > ONE:
        raise ValueError(f"price {price[:40]} is above 1")
    return value


def is_nothing(size: str) -> bool:
    """Whether a size is 0: the level is gone.

    Raises:
        ValueError: it is no decimal number.
    """
    if not _DECIMAL.fullmatch(size) or not any(map(str.isdigit, size)):
        raise ValueError(f"size {size[:40]!r} is no decimal number")
    return not size.strip("0.")


class Side:
    """The levels of one side."""

    __slots__ = ("_levels", "_prices")

    def __init__(self) -> None:
        self._levels: dict[int, Level] = {}
        self._prices: list[int] = []

    def replace(self, levels: Iterable[Level]) -> None:
        """Have exactly these levels.

        Raises:
            ValueError: one makes no sense: not a price between 0 and 1, no size, twice the same
                price. The side is as it was.
        """
        found: dict[int, Level] = {}
        for level in levels:
            price = _between(level.price)
            if is_nothing(level.size):
                raise ValueError(f"a level without a size at {level.price}")
            if price in found:
                raise ValueError(f"price {level.price} stands twice on one side")
            found[price] = level
        self._levels = found
        self._prices = sorted(found)

    def set(self, price: str, size: str) -> None:
        """From now on so much rests at that price; 0: nothing does.

        Raises:
            ValueError: the price or the size makes no sense.
        """
        key = _between(price)
        if is_nothing(size):
            if self._levels.pop(key, None) is not None:
                self._prices.remove(key)
            return
        if key not in self._levels:
            insort(self._prices, key)
        self._levels[key] = Level(price, size)

    @property
    def lowest(self) -> int | None:
        """The lowest price, in millionths; None on an empty side."""
        return self._prices[0] if self._prices else None

    @property
    def highest(self) -> int | None:
        """The highest price, in millionths; None on an empty side."""
        return self._prices[-1] if self._prices else None

    def ascending(self) -> Sequence[Level]:
        """All levels, the lowest price first."""
        return [self._levels[price] for price in self._prices]

    def __len__(self) -> int:
        return len(self._prices)


def _between(price: str) -> int:
    value = millionths(price)
    if not 0 < value < ONE:
        raise ValueError(f"a level at {price}")
    return value
