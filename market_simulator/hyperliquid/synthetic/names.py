"""What the simulated exchange lists, by name, from `listings.toml`.

The names and the places of well-known pairs are those of the real exchange, the prices are not.
"""

from __future__ import annotations

import tomllib
from importlib import resources
from typing import Any, Final, NamedTuple


class BuilderDex(NamedTuple):
    """A builder dex: its names, the spot token that is its collateral, and what it lists.

    `perps` maps the part of a coin after the colon to its anchor price.
    """

    name: str
    full_name: str
    collateral: int
    perps: dict[str, float]
    delisted: frozenset[str]
    bookless: frozenset[str]


class FixedPair(NamedTuple):
    """A spot pair's place: the index in its name, its base, and the tokens' indexes."""

    place: int
    base: str
    base_token: int
    quote_token: int


def _builder(table: dict[str, Any]) -> BuilderDex:
    perps = (listing.partition(":") for listing in table["perps"].split())
    return BuilderDex(
        table["dex"],
        table["full_name"],
        table["collateral"],
        {name: float(anchor) for name, _, anchor in perps},
        frozenset(table["delisted"].split()),
        frozenset(table["bookless"].split()),
    )


_TABLE: Final = tomllib.loads(
    resources.files(__package__).joinpath("listings.toml").read_text(encoding="utf-8")
)

MAIN: Final = tuple(_TABLE["main"]["perps"].split())
DELISTED: Final = frozenset(_TABLE["main"]["delisted"].split())
ISOLATED: Final = frozenset(_TABLE["main"]["isolated"].split())
BUSIEST: Final = tuple(_TABLE["main"]["busiest"].split())
MAX_LEVERAGE: Final[dict[str, int]] = _TABLE["main"]["max_leverage"]
ANCHORS: Final[dict[str, float]] = _TABLE["main"]["anchors"]
BUILDERS: Final = tuple(_builder(table) for table in _TABLE["builder"])
SPOT_TOKENS: Final = tuple(_TABLE["spot"]["tokens"].split())
SPOT_FIXED: Final = tuple(
    FixedPair(t["index"], t["base"], t["base_token"], t["quote_token"])
    for t in _TABLE["spot"]["fixed"]
)
STABLES: Final[dict[str, int]] = _TABLE["spot"]["stables"]
PEGS: Final[dict[str, float]] = _TABLE["spot"]["pegs"]
FOLLOWS: Final[dict[str, str]] = _TABLE["spot"]["follows"]
CATEGORY_OF: Final[dict[str, str]] = {
    name: category for category, names in _TABLE["categories"].items() for name in names.split()
}
