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
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from market_assets.ingestion.defillama.catalogue import Catalogue
    from market_assets.storage.api import Store
    from market_assets.storage.common.runs import IngestionRun


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


class ListedSubjects(NamedTuple):
    """What the lists say.

    Attributes:
        subjects: of the lists that could be read.
        kinds: whose list that was.
        left_out: rows that made no sense, by slug or name, with the reason.
        errors: why the others could not be read.
    """

    subjects: list[Subject]
    kinds: list[str]
    left_out: dict[str, str]
    errors: list[VenueError]


def read_listed(catalogue: Catalogue) -> ListedSubjects:
    """The subjects of both lists, as far as they can be read."""
    listed = ListedSubjects([], [], {}, [])
    for kind, read in ((CHAIN, _chains), (PROTOCOL, _protocols)):
        try:
            found, rejected = read(catalogue)
        except VenueError as error:
            listed.errors.append(error)
            continue
        listed.kinds.append(kind)
        listed.subjects.extend(found)
        listed.left_out.update(rejected)
    return listed


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
    catalogue.compare_with(store, now)
    listed = read_listed(catalogue)
    subjects = linked(listed.subjects, listed_symbols(store))
    frame = frames.subjects(subjects, tracked_ids(subjects, selection), now)
    gone = _gone(store, frame, listed, now)
    written = store.merge(DEFILLAMA_SUBJECTS, pl.concat([frame, gone]), run=run)
    if listed.errors:
        raise listed.errors[0]
    return Done(
        (written,),
        subjects=len(subjects),
        left_out=listed.left_out,
        figures={
            "chains": sum(one.kind == CHAIN for one in subjects),
            "protocols": sum(one.kind == PROTOCOL for one in subjects),
            "tracked": int(frame["is_tracked"].sum()),
            "linked": sum(one.hyperliquid_symbol is not None for one in subjects),
            "no_longer_listed": gone.height,
            "unknown": ", ".join(_unknown(store, selection)) or None,
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


def ranked(subjects: Iterable[Subject]) -> list[Tracked]:
    """Subjects as the store would give them, with a symbol first, then by value locked."""
    ordered = sorted(
        subjects,
        key=lambda one: (one.hyperliquid_symbol is None, -(one.tvl_usd or 0.0), one.subject_id),
    )
    return [Tracked(one.subject_id, one.kind, one.slug, one.llama_id) for one in ordered]


def tracked(store: Store) -> list[Tracked]:
    """The tracked subjects, those with a Hyperliquid symbol first, then by value locked.

    Raises:
        NoSubjects: there is none.
    """
    found = _stored(store, "is_tracked")
    if not found:
        raise NoSubjects("no subject is tracked: materialize defillama_subjects first")
    return found


def named(store: Store, subject_ids: Sequence[str]) -> list[Tracked]:
    """The subjects with these ids, tracked or not.

    Raises:
        NoSubjects: one of them is not known; the message names it.
    """
    found = _stored(store, "list_contains($ids, subject_id)", {"ids": list(subject_ids)})
    unknown = sorted(set(subject_ids) - {subject.subject_id for subject in found})
    if unknown:
        raise NoSubjects(f"no such subject: {', '.join(unknown)}; see defillama_subjects")
    return found


def _stored(store: Store, where: str, params: Mapping[str, object] | None = None) -> list[Tracked]:
    rows = store.read(
        "select subject_id, kind, slug, llama_id from defillama_subjects"  # noqa: S608 - the conditions above
        f" where {where}"
        " order by hyperliquid_symbol is null, tvl_usd desc nulls last, subject_id",
        params or {},
    )
    return [Tracked(*row) for row in rows.iter_rows()]


def _chains(catalogue: Catalogue) -> tuple[list[Subject], dict[str, str]]:
    found, rejected = chain_subjects(catalogue.chains.items)
    return found, {**catalogue.chains.rejected, **rejected}


def _protocols(catalogue: Catalogue) -> tuple[list[Subject], dict[str, str]]:
    found, rejected = protocol_subjects(catalogue.protocols.items)
    return found, {**catalogue.protocols.rejected, **rejected}


def _unknown(store: Store, selection: Selection) -> list[str]:
    """Ids of the settings that are no subject's, listed or not: misspelled, most likely."""
    known = store.read("select subject_id from defillama_subjects")["subject_id"]
    return sorted({*selection.track, *selection.untrack} - set(known))


def _gone(store: Store, frame: pl.DataFrame, listed: ListedSubjects, now: datetime) -> pl.DataFrame:
    """Stored subjects that the lists name no more, not even in a row that makes no sense."""
    stored = store.read("select * from defillama_subjects where is_listed")
    left_out = list(listed.left_out)
    gone = (
        stored.filter(
            pl.col("kind").is_in(listed.kinds),
            ~pl.col("slug").is_in(left_out),
            ~pl.col("name").is_in(left_out),
        )
        .join(frame, on="subject_id", how="anti")
        .with_columns(
            pl.lit(value=False).alias("is_listed"),
            pl.lit(value=False).alias("is_tracked"),
            pl.lit(now, pl.Datetime("us", "UTC")).alias("ingested_at"),
        )
    )
    return conform(DEFILLAMA_SUBJECTS, gone)
