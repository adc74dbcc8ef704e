"""Names that have to be known, kept by hand.

`chains.csv` says which spellings mean one chain: DefiLlama's routes differ, and rename chains over
time. The project's `assets.csv` says which Hyperliquid symbol a token is, by CoinGecko's
identifier; children of a protocol family carry none, so the family (`parent`) or the protocol may
stand for it, and a chain for its coin. A ticker alone links nothing: several tokens share one.
"""

from __future__ import annotations

import csv
import re
from functools import cache
from importlib import resources
from typing import Final, NamedTuple

from market_assets.vocabulary.assets import known_assets

LINK_KINDS: Final = ("gecko_id", "parent", "protocol", "chain")
"""What an asset may be known by, the strongest first."""


class Keys(NamedTuple):
    """What may tell a subject's token; None where there is none."""

    gecko_id: str | None = None
    parent: str | None = None
    protocol: str | None = None
    chain: str | None = None


def chain_name(spelling: str) -> str:
    """The one name of a chain: `Binance` is BSC. A chain that nobody listed keeps its spelling."""
    plain = " ".join(spelling.split())
    return _chains().get(plain.casefold(), plain)


def chain_slug(spelling: str) -> str:
    """The chain's identity, whatever route spells it: `OP Mainnet`, `Optimism` are op-mainnet."""
    return re.sub(r"[^\w.]+", "-", chain_name(spelling).casefold()).strip("-")


def linked_symbol(keys: Keys) -> str | None:
    """The Hyperliquid symbol of a subject's token; None where it is no asset that is known."""
    for kind, key in zip(LINK_KINDS, keys, strict=True):
        symbol = _symbols().get((kind, (key or "").casefold()))
        if symbol is not None:
            return symbol
    return None


@cache
def _chains() -> dict[str, str]:
    rows = _rows("chains.csv")
    return {
        **{row["name"].casefold(): row["name"] for row in rows},
        **{row["also_called"].casefold(): row["name"] for row in rows},
    }


@cache
def _symbols() -> dict[tuple[str, str], str]:
    return {
        (kind, key.casefold()): asset.symbols[0]
        for asset in known_assets()
        for kind, keys in zip(
            LINK_KINDS,
            (asset.gecko_ids, asset.parents, asset.protocols, asset.chains),
            strict=True,
        )
        for key in keys
    }


def _rows(name: str) -> list[dict[str, str]]:
    text = resources.files(__package__).joinpath(name).read_text("utf-8")
    return list(csv.DictReader(text.splitlines()))
