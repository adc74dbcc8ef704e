"""Which subjects are odd, and how: every trap that hangs on a subject, with how often it is met.

By number and not by draw, so that a small world has each of them too.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Every(NamedTuple):
    """Every n-th, beginning with the one numbered `first`."""

    n: int
    first: int

    def has(self, number: int) -> bool:
        return number % self.n == self.first


# chains, by place
NOTHING_LEFT: Final = Every(37, 36)
"""Protocols came there, and nothing is left: its TVL is 0."""
WITHOUT_GAS: Final = Every(3, 2)
"""Its gas fees are not reported."""
TEXT_FOR_NOTHING: Final = Every(10, 7)
"""Its overviews say "None" where they have nothing."""
WITHOUT_WEEKS: Final = Every(10, 3)
"""Its overviews have no total of seven or thirty days."""
WITHOUT_TOKEN: Final = Every(7, 4)
"""The stablecoin routes do not know its token."""

# protocols, by place
TWICE: Final = Every(31, 12)
"""It is counted at another protocol too, whatever its category."""
STAKED_TWICE: Final = Every(4, 3)
"""The same, of liquid staking."""
REST: Final = Every(97, 50)
"""It has vesting, offers and a treasury beside its TVL."""
CAP_UNKNOWN: Final = Every(23, 5)
"""Its market value is null, though its token has an id."""
MISREPRESENTED: Final = Every(11, 6)
"""Names of its tokens are not to be relied on."""
PARENT_WITHOUT_TOKENS: Final = Every(3, 1)
"""A parent whose tokens are null on every chain; by its place among the parents."""
NO_TVL: Final = Every(41, 7)
"""A made-up one without TVL, by its number: null, on no chain."""

# reporters of fees, volumes and open interest, by number among those of a kind
RUNNING: Final = Every(3, 1)
"""It has a point of the running day."""
LATE: Final = Every(4, 2)
"""It reports a day some hours after its end."""
BEHIND: Final = Every(31, 26)
"""Its last days are missing."""
HOLES: Final = Every(23, 18)
"""Some of its days are missing."""
ZERO: Final = Every(19, 13)
"""All that it reports is 0."""
SILENT: Final = Every(37, 22)
"""Its summary is good and empty."""
TOTALS_NULL: Final = Every(29, 24)
"""Its totals are null."""
NUMBER_FOR_ID: Final = Every(2, 1)
"""Its id is a number."""
NO_REVENUE: Final = Every(4, 3)
"""It reports fees and no revenue."""
ABSENT: Final[dict[str, tuple[Every, ...]]] = {
    "total7d": (Every(6, 2),),
    "change_1d": (Every(5, 1), Every(5, 3)),
    "total30d": (Every(8, 5),),
    "total60dto30d": (Every(8, 5),),
    "totalAllTime": (Every(10, 6),),
}
"""Whose row lacks a field, by field."""

# stablecoins, by number
PRICE_NULL: Final = Every(19, 15)
"""A dollar whose price is null."""
PRICE_TEXT: Final = Every(23, 7)
"""Its price is text."""
AMOUNTS_TEXT: Final = Every(13, 9)
"""Its amounts are text in the list."""
RARE_PEG: Final = Every(11, 5)
"""A made-up one that is no dollar and no euro."""
BROKEN_PEG: Final = Every(29, 17)
"""A made-up one that is worth next to nothing."""
