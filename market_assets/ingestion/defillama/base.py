"""`defillama_capital_base`: what is behind each tracked subject now, from lists alone."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import TYPE_CHECKING, Final, NamedTuple

from market_assets.ingestion.defillama.accounting import Done
from market_assets.ingestion.defillama.rows import hour_of
from market_assets.sources.defillama import frames
from market_assets.sources.defillama.frames import Capital
from market_assets.sources.defillama.names.files import chain_slug
from market_assets.sources.defillama.subjects import CHAIN, PROTOCOL, protocols_that_count
from market_assets.sources.errors import VenueError
from market_assets.tables.defillama import DEFILLAMA_CAPITAL_BASE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from market_assets.clock import Clock
    from market_assets.ingestion.defillama.catalogue import Catalogue
    from market_assets.ingestion.defillama.subjects import Tracked
    from market_assets.sources.defillama.model import Protocol
    from market_assets.storage.api import Store
    from market_assets.storage.common.runs import IngestionRun


_OPEN_INTEREST: Final = "open interest"


class CapitalNow(NamedTuple):
    """What the lists say of some subjects.

    Attributes:
        rows: one per subject whose own list names it.
        failed: subjects of which a figure could not be read, with the reason.
        left_out: values that made no sense, and a list that is an extra and could not be read.
    """

    rows: list[Capital]
    failed: dict[str, str]
    left_out: dict[str, str]


def refresh_base(
    catalogue: Catalogue,
    store: Store,
    subjects: Sequence[Tracked],
    *,
    clock: Clock,
    run: IngestionRun | None = None,
) -> Done:
    """Write one row per tracked subject, of the hour at which the lists will have been read."""
    catalogue.compare_with(store, clock.now())
    found = capital_of(catalogue, subjects)
    now = clock.now()
    if run is not None and _OPEN_INTEREST in found.left_out:
        run.left_out = {_OPEN_INTEREST: found.left_out[_OPEN_INTEREST]}
    written = store.merge(
        DEFILLAMA_CAPITAL_BASE, frames.capital_base(found.rows, hour_of(now), now), run=run
    )
    return Done((written,), subjects=len(subjects), failed=found.failed, left_out=found.left_out)


def capital_of(catalogue: Catalogue, subjects: Sequence[Tracked]) -> CapitalNow:
    """What is behind each subject now.

    A list that cannot be read fails every subject whose figures it has. There are rows with what
    the other lists say of these, unless it is the list that says that they exist. Open interest is
    an extra that few have: its list is named where it cannot be read, and fails nobody.
    """
    found = CapitalNow([], {}, {})
    for kind, read in ((CHAIN, _chains), (PROTOCOL, _protocols)):
        of_kind = [subject for subject in subjects if subject.kind == kind]
        try:
            if of_kind:
                read(catalogue, of_kind, found)
        except VenueError as error:
            found.failed.update((subject.subject_id, str(error)) for subject in of_kind)
    return found


def _chains(catalogue: Catalogue, subjects: Sequence[Tracked], found: CapitalNow) -> None:
    chains = {chain_slug(chain.name): chain for chain in reversed(catalogue.chains.items)}
    found.left_out.update(catalogue.chains.faults)
    everything = _total(chain.tvl_usd for chain in chains.values())
    stablecoins: dict[str, float | None] = {}
    protocols: list[Protocol] = []
    try:
        listed = catalogue.stablecoins
        stablecoins = {chain_slug(one.name): one.total_usd for one in reversed(listed.items)}
        found.left_out.update({**listed.rejected, **listed.faults})
    except VenueError as error:
        found.failed.update((one.subject_id, f"stablecoins: {error}") for one in subjects)
    try:
        protocols = protocols_that_count(catalogue.protocols.items)
    except VenueError as error:
        found.failed.update((one.subject_id, f"protocols: {error}") for one in subjects)
    caps = {p.gecko_id: p.mcap_usd for p in protocols if p.gecko_id and p.mcap_usd is not None}
    on_chain = _by_chain(protocols)
    for subject in subjects:
        chain = chains.get(subject.slug)
        if chain is None:
            found.failed[subject.subject_id] = _absent(
                subject, "/v2/chains", catalogue.chains.rejected
            )
            continue
        found.rows.append(
            Capital(
                subject_id=subject.subject_id,
                tvl_usd=chain.tvl_usd,
                stablecoin_mcap_usd=stablecoins.get(subject.slug),
                market_cap_usd=caps.get(chain.gecko_id or ""),
                tvl_share_pct=_share(chain.tvl_usd, everything),
                open_interest_usd=None,
                protocols_tvl_usd=on_chain.get(subject.slug),
            )
        )


def _protocols(catalogue: Catalogue, subjects: Sequence[Tracked], found: CapitalNow) -> None:
    counted = protocols_that_count(catalogue.protocols.items)
    found.left_out.update(catalogue.protocols.faults)
    protocols = {protocol.slug: protocol for protocol in reversed(counted)}
    everything = _total(protocol.tvl_usd for protocol in protocols.values())
    open_interest = None
    try:
        open_interest = catalogue.open_interest
    except VenueError as error:
        found.left_out[_OPEN_INTEREST] = str(error)
    for subject in subjects:
        protocol = protocols.get(subject.slug)
        if protocol is None:
            found.failed[subject.subject_id] = _absent(
                subject, "/protocols", catalogue.protocols.rejected
            )
            continue
        open_now = open_interest and open_interest.of(subject.llama_id, subject.slug)
        found.rows.append(
            Capital(
                subject_id=subject.subject_id,
                tvl_usd=protocol.tvl_usd,
                stablecoin_mcap_usd=None,
                market_cap_usd=protocol.mcap_usd,
                tvl_share_pct=_share(protocol.tvl_usd, everything),
                open_interest_usd=open_now.total_24h if open_now else None,
                protocols_tvl_usd=None,
            )
        )


def _by_chain(protocols: Iterable[Protocol]) -> dict[str, float]:
    """What all protocols together have on each chain, by slug."""
    parts: defaultdict[str, list[float]] = defaultdict(list)
    for protocol in protocols:
        for name, tvl in protocol.tvl_by_chain.items():
            parts[chain_slug(name)].append(tvl)
    return {slug: math.fsum(tvls) for slug, tvls in parts.items()}


def _total(values: Iterable[float | None]) -> float:
    return math.fsum(value for value in values if value is not None)


def _share(part: float | None, whole: float) -> float | None:
    return part / whole * 100 if part is not None and whole > 0 else None


def _absent(subject: Tracked, route: str, rejected: Mapping[str, str]) -> str:
    reason = rejected.get(subject.slug)
    return f"its row of {route} makes no sense: {reason}" if reason else f"{route} has no such row"
