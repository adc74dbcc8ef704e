"""Ids that look random and can be read back: a market is found from its condition or token id.

Markets and tokens are numbered; an id is the number through a keyed permutation of 64 bits, and a
digest behind it. Without such ids an index of everything that ever existed would be needed.
"""

from __future__ import annotations

import hashlib
from typing import Final

_MASK: Final = (1 << 64) - 1
_MULTIPLIERS: Final = (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53)
_INVERSES: Final = tuple(pow(m, -1, 1 << 64) for m in _MULTIPLIERS)
_HEX_DIGITS: Final = 64
_SHORT_DIGITS: Final = 62
_NUMBER_DIGITS: Final = 16
_MOST_NUMBER: Final = 1 << 48


class Ids:
    """One family of ids, under one 64-bit key."""

    def __init__(self, key: int) -> None:
        self._key = key
        self._salt = key.to_bytes(8, "big")

    def hex(self, number: int, *, short: bool = False) -> str:
        """`0x` and 64 hex digits; short ones have 31 bytes, shown with `00` behind them."""
        digits = f"{self._scrambled(number):016x}{self._digest(number).hex()}"
        return f"0x{digits[:_SHORT_DIGITS]}00" if short else f"0x{digits}"

    def decimal(self, number: int) -> str:
        """256 bits as a decimal number."""
        high = self._scrambled(number).to_bytes(8, "big")
        return str(int.from_bytes(high + self._digest(number), "big"))

    def of_hex(self, text: str) -> int | None:
        """The number of a hex id; None where the id is of another family, or none at all."""
        if not is_hex_id(text):
            return None
        number = self._plain(int(text[2 : 2 + _NUMBER_DIGITS], 16))
        same = text in (self.hex(number), self.hex(number, short=True))
        return number if same and number < _MOST_NUMBER else None

    def of_decimal(self, text: str) -> int | None:
        """The number of a decimal id; None as above."""
        if not is_decimal_id(text):
            return None
        number = self._plain(int(text).to_bytes(32, "big")[:8])
        return number if number < _MOST_NUMBER and self.decimal(number) == text else None

    def _digest(self, number: int) -> bytes:
        return hashlib.blake2b(number.to_bytes(8, "big"), digest_size=24, key=self._salt).digest()

    def _scrambled(self, number: int) -> int:
        x = (number + self._key) & _MASK
        x ^= x >> 32
        for multiplier in _MULTIPLIERS:
            x = (x * multiplier) & _MASK
            x ^= x >> 32
        return x

    def _plain(self, scrambled: int | bytes) -> int:
        x = scrambled if isinstance(scrambled, int) else int.from_bytes(scrambled, "big")
        for inverse in reversed(_INVERSES):
            x ^= x >> 32
            x = (x * inverse) & _MASK
        x ^= x >> 32
        return (x - self._key) & _MASK


def is_hex_id(text: str) -> bool:
    """Whether a text has the form of a condition id."""
    return (
        len(text) == _HEX_DIGITS + 2
        and text.startswith("0x")
        and all(c in "0123456789abcdef" for c in text[2:])
    )


def is_decimal_id(text: str) -> bool:
    """Whether a text has the form of a token id: at most 256 bits in decimal."""
    return text.isascii() and text.isdigit() and len(text) <= 78 and int(text) < 1 << 256  # noqa: PLR2004 - digits of 2**256
