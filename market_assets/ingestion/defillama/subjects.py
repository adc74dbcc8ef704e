"""Which subjects there are, which Hyperliquid symbol each belongs to, and which are tracked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from market_assets.frames import conform
from market_assets.ingestion.defillama.accounting import Done, NoSubjects
from market_assets.sources.defillama import frames
from market_assets.sources.defillama.subjects import (
    CHAIN,
    PROTOCOL,
    Subject,
    chain_subjects,
    protocol_subjects,
)
from market_assets.sources.errors import VenueError
from market_assets.tables.defillama import DEFILLAMA_SUBJECTS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime

    from market_assets.ingestion.defillama.catalogue import Catalogue
    from market_assets.storage.runs import IngestionRun
    from market_assets.storage.store import Store


@dataclass(frozen=True)
class Selection:
    """What is tracked besides the subjects of Hyperliquid symbols.

    Attributes:
        top_chains: so many chains with the most value locked.
        top_protocols: so many protocols with the most value locked.
        track: subject ids that are tracked in any case.
        untrack: subject ids that are not, whatever else says so.
    """

    top_chains: int = 100
    top_protocols: int = 100
    track: tuple[str, ...] = ()
    untrack: tuple[str, ...] = ()


class Tracked(NamedTuple):
    """A tracked subject, as `defillama_subjects` has it."""

    subject_id: str
    kind: str
    slug: str
    llama_id: str | None
    gecko_id: str | None


def refresh(
    catalogue: Catalogue,
    store: Store,
    selection: Selection,
    *,
    now: datetime,
    run: IngestionRun | None = None,
) -> Done:
    """Read chains and protocols, and merge them into `defillama_subjects`.

    A subject that DefiLlama no longer lists keeps its row, with neither `is_listed` nor
    `is_tracked`. Where one of the two lists cannot be read, the other is written all the same.

    Raises:
        VenueError: one of the lists could not be read: that is a good half of the subjects.
    """
    listed: list[Subject] = []
    left_out: dict[str, str] = {}
    errors: list[VenueError] = []
    kinds: list[str] = []
    for kind, read in ((CHAIN, _chains), (PROTOCOL, _protocols)):
        try:
            found, rejected = read(catalogue)
        except VenueError as error:
            errors.append(error)
            continue
        kinds.append(kind)
        listed += found
        left_out |= rejected
    listed = linked(listed, listed_symbols(store))
    frame = frames.subjects(listed, tracked_ids(listed, selection), now)
    gone = _gone(store, frame, kinds, left_out, now)
    written = store.merge(DEFILLAMA_SUBJECTS, pl.concat([frame, gone]), run=run)
    if errors:
        raise errors[0]
    return Done(
        (written,),
        subjects=len(listed),
        left_out=left_out,
        figures={
            "chains": sum(one.kind == CHAIN for one in listed),
            "protocols": sum(one.kind == PROTOCOL for one in listed),
            "tracked": int(frame["is_tracked"].sum()),
            "linked": sum(one.hyperliquid_symbol is not None for one in listed),
            "no_longer_listed": gone.height,
        },
    )


def listed_symbols(store: Store) -> frozenset[str] | None:
    """Hyperliquid symbols that trade now; None while the registry is empty."""
    found = store.read("select symbol, is_delisted from hyperliquid_assets")
    if found.is_empty():
        return None
    return frozenset(found.filter(~pl.col("is_delisted"))["symbol"])


def linked(subjects: Iterable[Subject], symbols: frozenset[str] | None) -> list[Subject]:
    """The subjects without links to symbols that are not listed; None: nobody knows which are."""
    return [
        subject
        if symbols is None or subject.hyperliquid_symbol in symbols
        else subject._replace(hyperliquid_symbol=None)
        for subject in subjects
    ]


def tracked_ids(subjects: Sequence[Subject], selection: Selection) -> set[str]:
    """The ids of the subjects that are tracked."""
    chosen = {one.subject_id for one in subjects if one.hyperliquid_symbol is not None}
    for kind, most in ((CHAIN, selection.top_chains), (PROTOCOL, selection.top_protocols)):
        ranked = sorted(
            (one for one in subjects if one.kind == kind and one.tvl_usd is not None),
            key=lambda one: (-(one.tvl_usd or 0.0), one.subject_id),
        )
        chosen |= {one.subject_id for one in ranked[:most]}
    return (chosen | set(selection.track)) - set(selection.untrack)


def tracked(store: Store) -> list[Tracked]:
    """The tracked subjects, those with a Hyperliquid symbol first, then by value locked.

    Raises:
        NoSubjects: there is none.
    """
    rows = store.read(
        "select subject_id, kind, slug, llama_id, gecko_id from defillama_subjects where is_tracked"
        " order by hyperliquid_symbol is null, tvl_usd desc nulls last, subject_id"
    )
    if rows.is_empty():
        raise NoSubjects("no subject is tracked: materialize defillama_subjects first")
    return [Tracked(*row) for row in rows.iter_rows()]


def _chains(catalogue: Catalogue) -> tuple[list[Subject], dict[str, str]]:
    found, rejected = chain_subjects(catalogue.chains.items)
    return found, {**catalogue.chains.rejected, **rejected}


def _protocols(catalogue: Catalogue) -> tuple[list[Subject], dict[str, str]]:
    found, rejected = protocol_subjects(catalogue.protocols.items)
    return found, {**catalogue.protocols.rejected, **rejected}


def _gone(
    store: Store,
    listed: pl.DataFrame,
    kinds: Collection[str],
    left_out: Collection[str],
    now: datetime,
) -> pl.DataFrame:
    """Stored subjects that the lists name no more, not even in a row that makes no sense.

    Args:
        store: where they are.
        listed: the subjects that the lists name.
        kinds: whose list was read.
        left_out: slugs or names of rows that made no sense.
        now: when the lists were read.
    """
    stored = store.read("select * from defillama_subjects where is_listed")
    gone = (
        stored.filter(
            pl.col("kind").is_in(list(kinds)),
            ~pl.col("slug").is_in(list(left_out)),
            ~pl.col("name").is_in(list(left_out)),
        )
        .join(listed, on="subject_id", how="anti")
        .with_columns(
            pl.lit(value=False).alias("is_listed"),
            pl.lit(value=False).alias("is_tracked"),
            pl.lit(now, pl.Datetime("us", "UTC")).alias("ingested_at"),
        )
    )
    return conform(DEFILLAMA_SUBJECTS, gone)
