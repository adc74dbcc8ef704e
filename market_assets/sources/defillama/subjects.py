"""Chains and protocols as subjects: one identity each, whatever a route calls it.

`chain:<slug>` is made from the chain's one name (`names/`), `protocol:<slug>` from DefiLlama's own
slug. Exchanges (category CEX) are no subjects: what they hold is their customers' money.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from market_assets.sources.defillama.names.files import (
    Keys,
    chain_name,
    chain_slug,
    linked_symbol,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from market_assets.sources.defillama.model import Chain, Protocol

CHAIN: Final = "chain"
PROTOCOL: Final = "protocol"
EXCHANGE: Final = "CEX"
"""The category of exchanges' own reserves."""


class Subject(NamedTuple):
    """A chain or a protocol; the columns of `defillama_subjects` that DefiLlama gives.

    Attributes:
        subject_id: `chain:<slug>` or `protocol:<slug>`.
        kind: `chain` or `protocol`.
        slug: the identity without the kind.
        name: for people; a chain's one name.
        token_symbol: its token's ticker, as DefiLlama has it.
        category: of a protocol.
        chains: the names of the chains that a protocol is on; None for a chain.
        hyperliquid_symbol: by `assets.csv`; whether it is listed is not known here.
        gecko_id: CoinGecko's identifier of its token.
        parent: `parent#aave`.
        llama_id: DefiLlama's identifier of a protocol, as text.
        tvl_usd: value locked in it now.
    """

    subject_id: str
    kind: str
    slug: str
    name: str
    token_symbol: str | None
    category: str | None
    chains: list[str] | None
    hyperliquid_symbol: str | None
    gecko_id: str | None
    parent: str | None
    llama_id: str | None
    tvl_usd: float | None


def chain_id(spelling: str) -> str:
    """The subject id of a chain, however a route spells it."""
    return f"{CHAIN}:{chain_slug(spelling)}"


def protocol_id(slug: str) -> str:
    """The subject id of a protocol."""
    return f"{PROTOCOL}:{slug}"


def protocols_that_count(protocols: Iterable[Protocol]) -> list[Protocol]:
    """Those that are no exchange."""
    return [protocol for protocol in protocols if protocol.category != EXCHANGE]


def chain_subjects(chains: Sequence[Chain]) -> tuple[list[Subject], dict[str, str]]:
    """One subject per chain; of two spellings of one chain the first, the other with the reason."""
    subjects: dict[str, Subject] = {}
    rejected: dict[str, str] = {}
    for chain in chains:
        name, slug = chain_name(chain.name), chain_slug(chain.name)
        subject_id = chain_id(chain.name)
        if not slug:
            rejected[repr(chain.name)] = "its name has no letter"
            continue
        if subject_id in subjects:
            rejected[chain.name] = f"it is {subject_id}, which is listed already"
            continue
        subjects[subject_id] = Subject(
            subject_id=subject_id,
            kind=CHAIN,
            slug=slug,
            name=name,
            token_symbol=chain.token_symbol,
            category=None,
            chains=None,
            hyperliquid_symbol=linked_symbol(Keys(gecko_id=chain.gecko_id, chain=name)),
            gecko_id=chain.gecko_id,
            parent=None,
            llama_id=None,
            tvl_usd=chain.tvl_usd,
        )
    return list(subjects.values()), rejected


def protocol_subjects(protocols: Sequence[Protocol]) -> tuple[list[Subject], dict[str, str]]:
    """One subject per protocol that counts; of two with one slug the first."""
    subjects: dict[str, Subject] = {}
    rejected: dict[str, str] = {}
    for protocol in protocols_that_count(protocols):
        subject_id = protocol_id(protocol.slug)
        if subject_id in subjects:
            rejected[protocol.slug] = "its slug is listed already"
            continue
        keys = Keys(gecko_id=protocol.gecko_id, parent=protocol.parent, protocol=protocol.slug)
        subjects[subject_id] = Subject(
            subject_id=subject_id,
            kind=PROTOCOL,
            slug=protocol.slug,
            name=protocol.name,
            token_symbol=protocol.symbol,
            category=protocol.category,
            chains=list(dict.fromkeys(chain_name(chain) for chain in protocol.chains)),
            hyperliquid_symbol=linked_symbol(keys),
            gecko_id=protocol.gecko_id,
            parent=protocol.parent,
            llama_id=protocol.llama_id,
            tvl_usd=protocol.tvl_usd,
        )
    return list(subjects.values()), rejected
