"""Links as a frame: markets, their events and the registry in, `POLYMARKET_MARKET_ASSET_LINKS` out.

What makes a link is in `linker`; nothing is read or written here. Markets are gone through event by
event, as the markets of one event explain each other; no more than one event is unpacked at a time.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from market_assets.features.linking.linker import Linker, Subject
from market_assets.features.linking.listings import Listed
from market_assets.frames import conform
from market_assets.tables import POLYMARKET_MARKET_ASSET_LINKS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from market_assets.features.linking.linker import Link


def link_markets(
    markets: pl.DataFrame,
    events: pl.DataFrame,
    registry: pl.DataFrame,
    now: datetime,
    *,
    others: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """One row per market and symbol that it is about.

    Args:
        markets: rows of `POLYMARKET_MARKETS`, of which condition_id, event_id, question and slug
            are read. A condition id that comes twice counts once.
        events: rows of `POLYMARKET_EVENTS`, of which event_id, title, slug, tag_ids and tag_slugs
            are read. A market without an event is linked by its own text.
        registry: rows of `HYPERLIQUID_ASSETS`, of which symbol, kind, dex, display_name and
            is_delisted are read.
        now: `linked_at` of each row.
        others: further markets of these events, with the columns of `markets`: what they name, the
            event's tags are there for. They get no links.

    Returns:
        A frame that conforms to `POLYMARKET_MARKET_ASSET_LINKS`, in the order of the markets.
    """
    linker = Linker([Listed(*row) for row in registry.select(*_LISTED).iter_rows()])
    rows: list[tuple[int, *tuple[str | float, ...]]] = []
    for places, subjects, more in _by_event(markets, events, others):
        links = linker.links_of_event(subjects, more)
        rows += ((places[link.condition_id], *_values(link)) for link in links)
    columns = {n: t for n, t in _SPEC.schema.items() if n != "linked_at"}
    linked_at = pl.lit(now).cast(_SPEC.schema["linked_at"]).alias("linked_at")
    frame = pl.DataFrame(rows, schema={"place": pl.Int64(), **columns}, orient="row")
    frame = frame.sort("place", maintain_order=True).drop("place").with_columns(linked_at)
    return conform(_SPEC, frame)


_SPEC: Final = POLYMARKET_MARKET_ASSET_LINKS
_LISTED: Final = ("symbol", "kind", "dex", "display_name", "is_delisted")
_EVENT: Final = ("event_id", "title", "slug", "tag_ids", "tag_slugs")
_MARKET: Final = ("condition_id", "event_id", "question", "slug")


def _by_event(
    markets: pl.DataFrame, events: pl.DataFrame, others: pl.DataFrame | None
) -> Iterator[tuple[dict[str, int], list[Subject], list[Subject]]]:
    """The markets of each event: the places of those to link, these, and the others."""
    wanted = markets.select(*_MARKET).unique("condition_id", keep="first", maintain_order=True)
    wanted = wanted.with_row_index("place").with_columns(pl.col("place").cast(pl.Int64))
    parts = [wanted]
    if others is not None:
        parts.append(others.select(*_MARKET).with_columns(place=pl.lit(None, pl.Int64)))
    known = events.select(*_EVENT).rename({"slug": "event_slug"})
    together = (
        pl.concat(parts, how="diagonal")
        .join(known, on="event_id", how="left")
        .sort("event_id", "place", nulls_last=True)
    )
    for event_id, group in groupby(together.iter_rows(named=True), key=lambda row: row["event_id"]):
        if event_id is None:  # each by itself
            for row in group:
                yield {row["condition_id"]: row["place"]}, [_subject(row)], []
        else:
            yield _grouped(group)


def _grouped(
    rows: Iterable[dict[str, Any]],
) -> tuple[dict[str, int], list[Subject], list[Subject]]:
    places: dict[str, int] = {}
    subjects: list[Subject] = []
    others: list[Subject] = []
    for row in rows:
        if row["place"] is None:
            others.append(_subject(row))
        else:
            places[row["condition_id"]] = row["place"]
            subjects.append(_subject(row))
    return places, subjects, others


def _subject(row: dict[str, Any]) -> Subject:
    return Subject(
        condition_id=row["condition_id"],
        question=row["question"] or "",
        slug=row["slug"] or "",
        event_title=row["title"] or "",
        event_slug=row["event_slug"] or "",
        tag_ids=_texts(row["tag_ids"]),
        tag_slugs=_texts(row["tag_slugs"]),
    )


def _values(link: Link) -> tuple[str | float, ...]:
    return (link.condition_id, link.symbol, link.method, link.matched_text, link.confidence)


def _texts(values: list[str | None] | None) -> tuple[str, ...]:
    return tuple(value for value in values or () if value)
