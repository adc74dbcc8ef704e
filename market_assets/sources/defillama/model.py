"""DefiLlama's values in the project's terms: numbers are floats or None, days are dates.

What the routes call by one word and mean differently has two names here: a `Series` keeps complete
days and the running one apart, a `Turnover` keeps `total24h` apart from sums over complete days.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

_T = TypeVar("_T")


class Protocol(NamedTuple):
    """A row of `/protocols`: a protocol by itself; what belongs together has the same `parent`.

    Attributes:
        llama_id: DefiLlama's identifier, as text.
        slug: what its routes are called by.
        name: for people.
        symbol: its token's ticker.
        category: DefiLlama's, `Dexs`; `CEX` is an exchange's own reserves.
        parent: `parent#aave`.
        gecko_id: CoinGecko's identifier of its token.
        chains: as this route spells them.
        tvl_usd: without borrowed, staked and pool2 value.
        mcap_usd: market value of its token.
        tvl_by_chain: the same, chain by chain: sections such as `Ethereum-borrowed` are left out.
    """

    llama_id: str
    slug: str
    name: str
    symbol: str | None
    category: str | None
    parent: str | None
    gecko_id: str | None
    chains: tuple[str, ...]
    tvl_usd: float | None
    mcap_usd: float | None
    tvl_by_chain: Mapping[str, float]


class Chain(NamedTuple):
    """A row of `/v2/chains`, under the name that this route gives it."""

    name: str
    gecko_id: str | None
    token_symbol: str | None
    tvl_usd: float | None


class ChainStablecoins(NamedTuple):
    """A row of `/stablecoinchains`: dollars over all pegs; None where it names no amount."""

    name: str
    total_usd: float | None


class Turnover(NamedTuple):
    """What an overview says of one protocol, in dollars; None where it says nothing.

    Attributes:
        llama_id: as in `Protocol`; `parent#…` and `chain#…` are no protocols of that list.
        slug: what the summary routes are called by; '' where it is absent, as it was in 2024.
        is_chain: a chain's own gas fees, no protocol.
        total_24h: of the running day where there is one, else of a complete day.
        total_7d: of the seven complete days before today.
        total_30d: of the thirty complete days before today.
    """

    llama_id: str
    slug: str
    is_chain: bool
    total_24h: float | None
    total_7d: float | None
    total_30d: float | None


class Listed(NamedTuple, Generic[_T]):
    """A list as it was read.

    Attributes:
        items: the rows that make sense.
        rejected: the others by name (or position), with the reason.
        faults: single values that were left out of rows that stayed, by row and field.
    """

    items: tuple[_T, ...]
    rejected: Mapping[str, str]
    faults: Mapping[str, str]


class Overview(NamedTuple):
    """`/overview/{what}`, of everything.

    Attributes:
        turnovers: one per protocol and per chain with gas fees.
        chains: those that have an overview of their own, as these routes spell them.
    """

    turnovers: Listed[Turnover]
    chains: tuple[str, ...]


class Series(NamedTuple):
    """A daily series in dollars.

    Attributes:
        days: complete UTC days, ascending.
        running: the running day and its value so far, where the series ends with one.
        dropped: points that are no day's: no value, no number, off the grid of days.
        unreadable: complete days whose value is given, and made no sense: nobody knows it.
    """

    days: tuple[tuple[date, float], ...]
    running: tuple[date, float] | None
    dropped: int
    unreadable: frozenset[date] = frozenset()
