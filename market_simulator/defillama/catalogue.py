"""What exists: chains, protocols, parents and stablecoins, and the real ones of `facts.toml`.

Not here: what is made up beside them (`invention.py`), and amounts over time (`capital.py`,
`flows.py`, `pegs.py`).
"""

from __future__ import annotations

import functools
import re
import tomllib
from dataclasses import dataclass, field
from importlib import resources
from typing import Final


@dataclass(frozen=True)
class Chain:
    """A chain with its spelling on each kind of route.

    Attributes:
        name: as `/v2/chains` has it.
        level_usd: about which its TVL moves.
        in_protocols: spelling in rows of protocols.
        in_flows: spelling in overviews and summaries of fees and volumes.
        in_pegs: spelling in the stablecoin routes.
        coin_key: what stands before the colon of a token's address.
    """

    name: str
    symbol: str | None
    gecko_id: str | None
    cmc_id: str | None
    chain_id: int | None
    level_usd: float
    in_protocols: str
    in_flows: str
    in_pegs: str
    coin_key: str

    @property
    def slug(self) -> str:
        return slugged(self.name)

    @property
    def spellings(self) -> frozenset[str]:
        """All of them, in lower case."""
        own = (self.name, self.in_protocols, self.in_flows, self.in_pegs, self.coin_key)
        return frozenset(spelling.lower() for spelling in own)


@dataclass(frozen=True)
class Parent:
    """A protocol of protocols: it has no TVL but that of its children."""

    slug: str
    name: str
    symbol: str | None
    gecko_id: str | None
    cmc_id: str | None

    @property
    def id(self) -> str:
        return f"parent#{self.slug}"


@dataclass(frozen=True)
class Protocol:
    """A protocol.

    Attributes:
        parent: slug of its parent.
        level_usd: about which its TVL moves; None: it has none (the module is `dummy.js`).
        module: its adapter's name, where that is not the slug.
        chains: names of chains, as in `Chain.name`.
        is_real: whether it is of `facts.toml`.
    """

    id: str
    slug: str
    name: str
    symbol: str
    gecko_id: str | None
    cmc_id: str | None
    category: str
    parent: str | None
    level_usd: float | None
    module: str
    chains: tuple[str, ...]
    is_real: bool = False


@dataclass(frozen=True)
class Stablecoin:
    """A stablecoin.

    Attributes:
        id: its number, as text.
        peg: `peggedUSD`, `peggedEUR`, …; amounts are in units of the peg.
        supply: units about which its circulation moves.
        anchor_usd: price of one unit about which its price moves.
        chains: names of chains, the largest first.
    """

    id: str
    symbol: str
    name: str
    gecko_id: str
    peg: str
    mechanism: str
    supply: float
    anchor_usd: float
    chains: tuple[str, ...]


@dataclass(frozen=True)
class Facts:
    """The real ones."""

    chains: tuple[Chain, ...]
    parents: tuple[Parent, ...]
    protocols: tuple[Protocol, ...]
    stablecoins: tuple[Stablecoin, ...]
    tickers: tuple[str, ...] = field(repr=False)


MILLION: Final = 1e6
_NOT_IN_SLUGS: Final = re.compile(r"[^a-z0-9.+-]+")


def slugged(name: str) -> str:
    """A name as it stands in a path: lower case, spaces as hyphens; dots stay."""
    return _NOT_IN_SLUGS.sub("", name.lower().replace(" ", "-").replace("'", ""))


@functools.cache
def facts() -> Facts:
    """The real chains, protocols and stablecoins."""
    text = resources.files(__package__).joinpath("facts.toml").read_text(encoding="utf-8")
    tables = {name: _rows(table) for name, table in tomllib.loads(text).items()}
    return Facts(
        tuple(_chain(row) for row in tables["chains"]),
        tuple(Parent(slug, name, *map(_text, more)) for slug, name, *more in tables["parents"]),
        tuple(_protocol(row) for row in tables["protocols"]),
        tuple(_stablecoin(n, row) for n, row in enumerate(tables["stablecoins"], start=1)),
        tuple(tables["tickers"][0][0].split()),
    )


def _rows(table: str) -> list[list[str]]:
    lines = (line.split("|") for line in table.strip().splitlines())
    return [[value.strip() for value in line] for line in lines]


def _text(value: str) -> str | None:
    return value or None


def _listed(value: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in value.split(","))


def _chain(row: list[str]) -> Chain:
    name, symbol, gecko_id, cmc_id, chain_id, level, *spellings = row
    in_protocols, in_flows, in_pegs, coin_key = spellings
    return Chain(
        name,
        _text(symbol),
        _text(gecko_id),
        _text(cmc_id),
        int(chain_id) if chain_id else None,
        float(level) * MILLION,
        in_protocols or name,
        in_flows or name,
        in_pegs or name,
        coin_key or name.lower(),
    )


def _protocol(row: list[str]) -> Protocol:
    number, slug, name, symbol, gecko_id, cmc_id, category, parent, level, module, chains = row
    return Protocol(
        number,
        slugged(slug),
        name,
        symbol,
        _text(gecko_id),
        _text(cmc_id),
        category,
        _text(parent),
        float(level) * MILLION if level else None,
        module or slugged(slug),
        _listed(chains),
        is_real=True,
    )


def _stablecoin(number: int, row: list[str]) -> Stablecoin:
    symbol, name, gecko_id, peg, mechanism, supply, anchor, chains = row
    return Stablecoin(
        str(number),
        symbol,
        name,
        gecko_id,
        peg,
        mechanism,
        float(supply) * MILLION,
        float(anchor),
        _listed(chains),
    )
