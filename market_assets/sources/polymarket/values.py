"""Single values of Polymarket's answers: numbers, prices, instants, lists inside strings.

The parsers raise `ValueError` that says what is wrong. `Reader` reads the values of one thing, and
names those that cannot be instead: one bad value costs itself, not the row. An absent value, null
and '' are all None.

Rules: a number may come as a string; it is finite and not written in a way that only Python
understands. A price lies within 0 and 1, an amount is not negative. A date is one of the four that
the venue writes (RFC 3339; with a space and `+00`; with microseconds; the day alone, which is its
first instant in UTC). One before 2015 cannot be: there was no market, and 1970 is how the venue
writes "unset" where it forgot to leave it out.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec

from market_assets.sources.decoding import UNREADABLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from market_assets.sources.decoding import Decoder, Read

_T = TypeVar("_T")

_DECIMAL: Final = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
"""Decimal text. `float` alone would also read "1_000", "nan" and the digits of other scripts."""
_FIRST_YEAR: Final = 2015
_DAY_ALONE: Final = len("2026-07-24")
_SHOWN: Final = 60


class Reader:
    """Reads the values of one thing, and names the bad ones in `rejected`."""

    def __init__(self, name: str, rejected: dict[str, str]) -> None:
        """Read values of `name`, which stands before the value's own name in `rejected`."""
        self.name = name
        self._rejected = rejected

    def read(self, field: str, parse: Callable[[Any], _T], value: object) -> _T | None:
        """The value as `parse` reads it; None where it is absent or cannot be."""
        if value is None or value == "":
            return None
        try:
            return parse(value)
        except ValueError as error:
            self.reject(field, str(error))
            return None

    def reject(self, field: str, reason: str) -> None:
        """Name a value that is kept out."""
        self._rejected[f"{self.name} {field}"] = reason


def number(value: float | str) -> float:
    """A finite number, from a number or from the decimal text of one."""
    if isinstance(value, str) and not _DECIMAL.fullmatch(value):
        raise ValueError(f"{value[:_SHOWN]!r} is no number")
    parsed = float(value)
    if not math.isfinite(parsed):
        raise ValueError(f"{str(value)[:_SHOWN]} is no finite number")
    return parsed


def price(value: float | str) -> float:
    """A price of a share, 0 to 1."""
    parsed = number(value)
    if not 0.0 <= parsed <= 1.0:
        raise ValueError(f"price {parsed} is outside 0 to 1")
    return parsed


def traded_price(value: float | str) -> float:
    """A price that somebody paid: above 0, at most 1."""
    parsed = price(value)
    if parsed == 0.0:
        raise ValueError("price 0.0 is none that anybody pays")
    return parsed


def amount(value: float | str) -> float:
    """A sum that cannot be negative: volume, liquidity, open interest."""
    parsed = number(value)
    if parsed < 0.0:
        raise ValueError(f"{parsed} is negative")
    return parsed


def size(value: float | str) -> float:
    """Shares: more than none."""
    parsed = number(value)
    if parsed <= 0.0:
        raise ValueError(f"size {parsed} is not above 0")
    return parsed


def instant(value: float | str) -> datetime:
    """The UTC instant of one of the four ways in which the venue writes a date."""
    if not isinstance(value, str):
        raise ValueError(f"{value} is no date")  # noqa: TRY004 - callers know one error
    try:
        parsed = datetime.fromisoformat(value)
        if parsed.tzinfo is None and len(value) == _DAY_ALONE and value[7] == "-":
            parsed = parsed.replace(tzinfo=UTC)
        if parsed.tzinfo is None:
            raise ValueError(f"date {value[:_SHOWN]!r} has no time zone")
        parsed = parsed.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"date {value[:_SHOWN]!r} is out of range") from None
    if parsed.year < _FIRST_YEAR:
        raise ValueError(f"date {value[:_SHOWN]!r} is before any market")
    return parsed


def text(value: str | None) -> str | None:
    """The text; None for ''."""
    return value or None


def identifier(value: str | int | None) -> str | None:
    """An id, which comes as a string or as a number; None for ''."""
    return None if value is None or value == "" else str(value)


def listed(value: object, decoder: Decoder[list[_T]]) -> Read[list[_T]]:
    """A list, which comes as one or as a string that holds it as JSON."""
    text = value.encode() if isinstance(value, str) else None
    try:
        if text is None:
            text = msgspec.json.encode(value)
        return decoder.read(text)
    except (*UNREADABLE, TypeError) as error:
        raise ValueError(f"{str(value)[:_SHOWN]!r} holds no list: {error}") from None
